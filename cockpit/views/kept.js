// Saved views as the service keeps them: by name, an address within the page, one shown first.

import { ApiError, get, put, remove } from '../api.js';
import { t } from '../words.js';

const path = (name) => `views/${encodeURIComponent(name)}`;
/** Settings of the wall: they say how it is shown, and are no part of a view. */
const OF_THE_WALL = ['wall', 'of'];

export const list = async () => (await get('views')).items;
export const keep = (name, address, landing = false) => put(path(name), { address, landing });
export const forget = (name) => remove(path(name));

/** What stands in the address bar, without the wall. */
export function addressOf(hash = location.hash) {
  const [page, search] = (hash || '#/city').split('?');
  const params = new URLSearchParams(search ?? '');
  for (const name of OF_THE_WALL) params.delete(name);
  return `${page}${params.size ? `?${params}` : ''}`;
}

/** Why a name will not do, or null. */
export function wrongName(name, views) {
  if (!name || [...name].length > 80 || /[/\p{Cc}]/u.test(name)) return t('view_bad_name');
  return views.some((view) => view.name === name) ? t('view_taken', { name }) : null;
}

/** Under its new name first, so that a failure in between loses nothing. */
export async function rename(view, name) {
  await keep(name, view.address, view.landing);
  await forget(view.name);
}

/** Where somebody arrives who asked for no page: at the view that is shown first, if there is one. */
export async function land() {
  if (location.hash.length > 2) return;
  try {
    const first = (await list()).find((view) => view.landing);
    if (first && location.hash.length <= 2) history.replaceState(null, '', first.address);
  } catch (error) {
    // Without them there is still the page that everybody sees first.
    if (!(error instanceof ApiError) && !(error instanceof TypeError)) throw error;
  }
}
