// When cards ask again after the service was away.

import { onLink } from './api.js';

const CALM = 60_000; // ms after which it counts as back
let pause = 0;
let askedAt = 0;

/**
 * Calls `again` when the service answers again: at once, and after longer and longer pauses where it goes away over and over.
 * One question that alone finds no answer (a proxy that ends it) would have the others asked without end.
 * Returns how to end it.
 */
export function onBack(again) {
  let timer;
  const off = onLink((now) => {
    if (now !== 'up' || timer) return;
    pause = Date.now() - askedAt > CALM ? 0 : Math.min(Math.max(2 * pause, 1000), CALM);
    timer = setTimeout(() => {
      timer = undefined;
      askedAt = Date.now();
      again();
    }, pause);
  });
  return () => { off(); clearTimeout(timer); };
}
