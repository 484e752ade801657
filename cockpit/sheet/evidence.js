// What a page's figures rest on, heard as the page asks for them: window, instruments, known time,
// revision, as of. So every page has it on its sheet without saying anything of its own.

import { onAnswer } from '../api.js';
import { secondsOf } from '../usage.js';

const MOST = 60; // answers of one page that are remembered
/** What does not say what was asked about. */
const HOW = new Set(['from', 'to', 'limit', 'sort']);
let heard = new Map();

/** A window that moves with the clock is asked for again and again: its length says which it is. */
const lengthOf = ({ from, to }) => (from && to ? Math.round((Date.parse(to) - Date.parse(from)) / 60_000) : '');

onAnswer((path, params, data) => {
  if (!data?.as_of && !(data?.from && data?.to)) return;
  if (params?.cursor) return; // of a page further on, the first has said it
  const which = Object.entries(params ?? {}).filter(([name]) => !HOW.has(name));
  const key = JSON.stringify([path, which, lengthOf(data)]);
  heard.delete(key);
  const { from, to, tz, as_of: asOfAll } = data;
  heard.set(key, { from, to, tz, as_of: asOfAll, whole: data.overall ?? data.total ?? data.figures });
  if (heard.size > MOST) heard.delete(heard.keys().next().value);
});

/** Another page begins. */
export const forget = () => { heard = new Map(); };

/** Each basis of figures once: those of windows with their denominators. */
export function bases() {
  const found = new Map();
  for (const data of heard.values()) {
    const { whole } = data;
    if (!data.from || whole?.window_s === undefined) continue;
    const basis = {
      from: data.from, to: data.to, tz: data.tz, as_of: whole.as_of ?? data.as_of, revision: whole.revision,
      instruments: whole.instruments, sufficient: whole.sufficient_instruments,
      known_s: secondsOf(whole, 'known_s'), window_s: whole.window_s, coverage: whole.coverage, provisional: whole.provisional,
    };
    found.set([basis.from, basis.to, basis.instruments, basis.window_s, basis.revision].join(), basis);
  }
  return [...found.values()];
}

/** The newest time as of which anything on the page is. */
export const asOf = () => [...heard.values()].map((data) => data.as_of).filter(Boolean).sort().at(-1);
