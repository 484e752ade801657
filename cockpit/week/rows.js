// What a laboratory's week shows: which instruments, and what the service says of each in the week.

import { all, get } from '../api.js';
import { iso } from '../time.js';

/** Rows at once: what fits on a sheet, and what a browser asks about in a moment. */
export const MOST = 20;

/** Instruments that the address names, each once. */
export const named = (params) => [...new Set((params.instrument ?? '').split(',').filter(Boolean))].slice(0, MOST);

/**
 * The instruments of a page, in the order in which the address names them, or by their names.
 * @returns {Promise<{items: any[], next: string | null}>}
 */
export async function rowsOf(params, house, signal) {
  const ids = named(params);
  if (ids.length) {
    const found = await Promise.all(ids.map((id) => get(`instruments/${encodeURIComponent(id)}`, {}, signal).catch((error) => {
      if (error.status === 404 || error.status === 422) return null; // gone, or another's
      throw error;
    })));
    return { items: found.filter(Boolean), next: null };
  }
  if (!house && !params.gateway) return { items: [], next: null };
  const answer = await get('instruments', { institution: house, gateway: params.gateway, sort: 'name', limit: MOST, cursor: params.after }, signal);
  return { items: answer.items, next: answer.next_cursor };
}

/** Sessions, plans and bookings of one instrument's week. */
export async function weekOf(id, days, signal) {
  const own = `instruments/${encodeURIComponent(id)}`;
  const span = { from: iso(days[0]), to: iso(days[7]) };
  const passed = days[0] < Date.now();
  const [plan, booked, sessions] = await Promise.all([
    get(`${own}/planned`, span, signal), all('bookings', { instrument: id, ...span }, { signal }),
    passed ? all(`${own}/sessions`, span, { signal }) : { items: [] },
  ]);
  return { plan: plan.items, bookings: booked.items, sessions: sessions.items };
}

/** What holds of `[from, to)`, what keeps maintenance away first; 'closed' and 'free' do not. */
export function holds(told, from, to, now = Date.now()) {
  const any = (items) => items.some((x) => Date.parse(x.from) < to && Date.parse(x.to) > from);
  const planned = (kind) => any(told.plan.filter((x) => x.kind === kind));
  if (any(told.sessions)) return 'used';
  if (from < now) return 'past';
  if (planned('down')) return 'down';
  if (planned('maintenance')) return 'maintenance';
  if (any(told.bookings)) return 'booked';
  return planned('closed') ? 'closed' : 'free';
}

export const isFree = (what) => what === 'free' || what === 'closed';
