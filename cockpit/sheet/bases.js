// What a page's figures rest on, put together of what it was answered.

import { secondsOf } from '../usage.js';
import { answered } from './evidence.js';

/** Each basis of figures once: those of windows with their denominators. */
export function bases() {
  const found = new Map();
  for (const data of answered()) {
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
export const asOf = () => answered().map((data) => data.as_of).filter(Boolean).sort().at(-1);
