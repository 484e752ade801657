// What a laboratory's week shows: which instruments, and what the service says of each in the week.

import { all, get } from '../api.js';
import { grouped } from '../grouped.js';
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

/**
 * Bookings of several instruments' week, in one question.
 * @param {string[]} ids @returns {Promise<Map<string, any[]>>}
 */
export async function bookingsOf(ids, days, signal) {
  const { items } = await all('bookings', { instrument: ids, ...spanOf(days) }, { signal });
  return grouped(items, (x) => x.instrument_id);
}

/** Sessions and plans of one instrument's week; `booked` is what `bookingsOf` answers. */
export async function weekOf(id, days, booked, signal) {
  const own = `instruments/${encodeURIComponent(id)}`;
  const passed = days[0] < Date.now();
  const [plan, bookings, sessions] = await Promise.all([
    get(`${own}/planned`, spanOf(days), signal), booked,
    passed ? all(`${own}/sessions`, spanOf(days), { signal }) : { items: [] },
  ]);
  return { plan: plan.items, bookings: bookings.get(id) ?? [], sessions: sessions.items };
}

const spanOf = (days) => ({ from: iso(days[0]), to: iso(days[7]) });

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
