// Windows in a zone's local days. Arithmetic only; what is asked with them is in the pages.

export function offsetAt(ms, tz) {
  const parts = Object.fromEntries(new Intl.DateTimeFormat('en-US', {
    timeZone: tz, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric',
    hour: 'numeric', minute: 'numeric', second: 'numeric',
  }).formatToParts(ms).map((p) => [p.type, Number(p.value)]));
  const local = Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second);
  return local - Math.floor(ms / 1000) * 1000;
}

/** The instant of a local wall-clock time; where a day has two, the first. */
export function instantOf(local, tz) {
  const guess = local - offsetAt(local, tz);
  return local - offsetAt(guess, tz);
}

/** Midnight of the local day `days` after that of `ms`. */
export function midnight(ms, tz, days = 0) {
  const local = new Date(ms + offsetAt(ms, tz));
  return instantOf(Date.UTC(local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate() + days), tz);
}

/** Midnight of the first of the month `months` after that of `ms`. */
export function monthStart(ms, tz, months = 0) {
  const local = new Date(ms + offsetAt(ms, tz));
  return instantOf(Date.UTC(local.getUTCFullYear(), local.getUTCMonth() + months, 1), tz);
}

export function localDate(ms, tz) {
  return new Date(ms + offsetAt(ms, tz)).toISOString().slice(0, 10);
}

export const iso = (ms) => new Date(ms).toISOString();

/** Periods that every page offers, with the complete local days in each; `today` is what has passed of it. */
export const RANGES = { today: 1, d7: 7, d30: 30, d90: 90, d365: 365 };
export const PERIODS = Object.keys(RANGES);

/**
 * The same days on every page: complete ones up to last midnight, or what has passed of today.
 * Such figures stand still until the next midnight, and daily rollups answer them at once.
 */
export function daysOf(range, tz, now = Date.now()) {
  if (range === 'today') return { from: iso(midnight(now, tz)), to: iso(midnight(now, tz, 1)), tz };
  return { from: iso(midnight(now, tz, -(RANGES[range] ?? 30))), to: iso(midnight(now, tz)), tz };
}
