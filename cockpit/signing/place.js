// Where one was when one went to sign in elsewhere. It stays in the tab and nothing of it travels, so
// nobody can send one to another place.

const PLACE = 'jishi.place';

export function remember() {
  try { sessionStorage.setItem(PLACE, location.hash); } catch { /* private mode */ }
}

/** Once one is back: the place where one was, unless the address says another. */
export function comeBack() {
  let place = null;
  try {
    place = sessionStorage.getItem(PLACE);
    sessionStorage.removeItem(PLACE);
  } catch { /* private mode */ }
  if (place?.startsWith('#/') && location.hash.length <= 2) history.replaceState(null, '', place);
}
