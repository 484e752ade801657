// The address bar: which page, what it is about, and its settings, which every link carries on.

import { pageOf } from './pages.js';

/** Settings that are of the visitor, not of a page: a link keeps them unless it says otherwise. */
const CARRIED = ['range', 'compare', 'wall', 'of'];

/** Where the address bar points; `page` is null where there is no such page. */
export function route() {
  const [path, search] = location.hash.replace(/^#\/?/, '').split('?');
  const [first, ...rest] = path.split('/');
  const id = rest.length ? decodeURIComponent(rest.join('/')) : null;
  const asked = pageOf(first || 'city');
  return {
    page: asked && (id || !asked.one) ? asked.name : null,
    path,
    id,
    params: Object.fromEntries(new URLSearchParams(search ?? '')),
  };
}

export function href(page, params = {}, id = null) {
  const now = route().params;
  const all = { ...Object.fromEntries(CARRIED.map((name) => [name, now[name]])), ...params };
  const search = new URLSearchParams(Object.entries(all).filter(([, v]) => v !== undefined && v !== null && v !== '')).toString();
  return `#/${page}${id ? `/${encodeURIComponent(id)}` : ''}${search ? `?${search}` : ''}`;
}

/**
 * Change the page's settings in the address bar; `quiet` keeps page and history as they are, `kept`
 * the page alone: it draws what changed by itself, and where the focus is stays there.
 */
export function go(params, { quiet = false, kept = false } = {}) {
  const now = route();
  const to = href(now.page ?? 'city', { ...now.params, ...params }, now.id);
  if (quiet) history.replaceState(null, '', to);
  else if (kept) history.pushState(null, '', to);
  else location.hash = to;
}
