// What stands on a page stays while it is drawn anew every few seconds: elements that say the same keep their place, so
// that nobody loses the focus, what they marked, or where they had scrolled to.

/** Whether what stands says what was made anew. What tells of itself is never alike: it may tell something else. */
export const alike = (old, made) => old instanceof Element && made instanceof Element
  && old.isEqualNode(made) && !made.matches('.has-tip') && !made.querySelector('.has-tip');

/** Replaces children that no longer say what was made anew, each in its place. */
export function renew(holder, ...made) {
  const standing = [...holder.childNodes];
  made.forEach((one, i) => {
    if (!standing[i]) holder.append(one);
    else if (standing[i] !== one && !alike(standing[i], one)) standing[i].replaceWith(one);
  });
  for (const one of standing.slice(made.length)) one.remove();
}

/** Elements in this order and no others; what has the focus is not moved, since it would lose it. */
export function arrange(holder, wanted) {
  const staying = new Set(wanted);
  for (const one of [...holder.children]) if (!staying.has(one)) one.remove();
  let at = holder.firstElementChild;
  for (const one of wanted) {
    // What stands before it gives way instead, and comes in its turn.
    if (one.parentNode === holder && one.contains(document.activeElement)) at = upTo(at, one);
    if (one === at) at = at.nextElementSibling;
    else holder.insertBefore(one, at);
  }
}

function upTo(at, one) {
  while (at !== one) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
  return at;
}

/** Replaces a holder's children: tables of the same name go on with the new rows, and the focus stays with what it was on. */
export function settle(holder, ...made) {
  const had = holder.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement) : null;
  const who = had && told(had);
  const region = /** @type {HTMLElement | null} */ (had?.closest('.table-scroll') ?? null);
  merge(holder, made.filter((one) => one !== null && one !== undefined).map((one) => (one instanceof Node ? one : new Text(one))));
  if (!had || had.isConnected) return;
  const same = /** @type {HTMLElement[]} */ ([...holder.querySelectorAll(had.tagName)]).find((one) => told(one) === who);
  (same ?? (region?.isConnected ? region : null))?.focus({ preventScroll: true });
}

/** What an element is known by when it is made anew: where it leads and what it is about, else what it says. */
function told(el) {
  const about = [el.getAttribute('href'), el.getAttribute('name'), el.id, ...Object.entries(el.dataset).flat()].filter(Boolean);
  return JSON.stringify(about.length ? about : [el.getAttribute('aria-label') ?? el.textContent]);
}

function merge(holder, made) {
  let at = holder.firstChild;
  for (const one of made) {
    let own = at;
    while (own && !takes(own, one)) own = own.nextSibling;
    if (own) at = upTo(at, own).nextSibling;
    else holder.insertBefore(one, at);
  }
  upTo(at, null);
}

/** Whether what stands goes on in place of what was made: a table, or a box of the same kind with tables in it. */
function takes(old, made) {
  if (old === made) return true;
  if (!(old instanceof Element && made instanceof Element) || old.tagName !== made.tagName) return false;
  if (old instanceof HTMLDetailsElement) /** @type {HTMLDetailsElement} */ (made).open = old.open;
  if ('take' in old) return /** @type {any} */ (old).take(made);
  const box = ['DIV', 'DETAILS'].includes(old.tagName) && old.querySelector('.table-wrap') && made.querySelector('.table-wrap')
    && old.cloneNode().isEqualNode(made.cloneNode());
  if (box) merge(old, [...made.childNodes]);
  return Boolean(box);
}
