// What a page's figures rest on, put together of what it was answered.

import { secondsOf } from '../usage.js';
import { answered } from './evidence.js';

/** Each basis of figures once: windows with their denominators, and windows of what has none. */
export function bases() {
  const found = new Map();
  const bare = [];
  for (const { whole, ...window } of answered().flatMap((one) => [one, ...(one.compared ? [one.compared] : [])])) {
    if (!window.from || !window.to) continue;
    if (whole?.window_s === undefined) { bare.push(window); continue; }
    const basis = {
      ...window, as_of: whole.as_of ?? window.as_of, revision: whole.revision,
      instruments: whole.instruments, sufficient: whole.sufficient_instruments,
      known_s: secondsOf(whole, 'known_s'), window_s: whole.window_s, coverage: whole.coverage, provisional: whole.provisional,
    };
    found.set([basis.from, basis.to, basis.instruments, basis.window_s, basis.revision].join(), basis);
  }
  const same = (a) => (b) => a.from === b.from && a.to === b.to;
  const others = bare.filter((window, i) => ![...found.values(), ...bare.slice(0, i)].some(same(window)));
  return [...found.values(), ...others];
}

/** The newest time as of which anything on the page is. */
export const asOf = () => answered().map((data) => data.as_of).filter(Boolean).sort().at(-1);
