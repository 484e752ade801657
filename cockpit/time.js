// Windows in a zone's local days. Arithmetic only; what is asked with them is in the pages.

const clocks = new Map(); // by zone, each made once: making one takes as long as asking it thirty times
function clockOf(tz) {
  if (!clocks.has(tz)) {
    clocks.set(tz, new Intl.DateTimeFormat('en-US', {
      timeZone: tz, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric',
      hour: 'numeric', minute: 'numeric', second: 'numeric',
    }));
  }
  return clocks.get(tz);
}

export function offsetAt(ms, tz) {
  const parts = Object.fromEntries(clockOf(tz).formatToParts(ms).map((p) => [p.type, Number(p.value)]));
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

/** Relative periods, with the complete local days in each; `today` is what has passed of it. */
export const RANGES = { today: 1, d7: 7, d30: 30, d90: 90, d365: 365 };
export const PERIODS = Object.keys(RANGES);

const DAY = 86_400_000;
/**
 * Periods by the calendar, as the address names them; each gives the local days [from, to).
 * @type {[RegExp, (...parts: number[]) => number[]][]}
 */
const CALENDAR = [
  [/^m(\d{4})-(0[1-9]|1[0-2])$/, (y, m) => [Date.UTC(y, m - 1), Date.UTC(y, m)]],
  [/^q(\d{4})-([1-4])$/, (y, q) => [Date.UTC(y, 3 * q - 3), Date.UTC(y, 3 * q)]],
  [/^y(\d{4})$/, (y) => [Date.UTC(y, 0), Date.UTC(y + 1, 0)]],
  // A school year begins in September, its second term in the middle of February: both make the year.
  [/^s(\d{4})$/, (y) => [Date.UTC(y, 8), Date.UTC(y + 1, 8)]],
  [/^t(\d{4})-([12])$/, (y, term) => (term === 1 ? [Date.UTC(y, 8), Date.UTC(y + 1, 1, 15)] : [Date.UTC(y + 1, 1, 15), Date.UTC(y + 1, 8)])],
];
const BETWEEN = /^(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)$/;
const dayOf = (text) => { const ms = Date.parse(`${text}T00:00Z`); return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text) ? ms : null; };

/** The local days [from, to) of a period that does not move with today, as of UTC; null if it is none. */
function fixed(range) {
  for (const [form, days] of CALENDAR) {
    const found = form.exec(range);
    if (found) return Number(found[1]) < 1970 ? null : days(...found.slice(1).map(Number));
  }
  const [, from, to] = (BETWEEN.exec(range) ?? []).map((text, i) => (i ? dayOf(text) : text));
  return from != null && to != null && from <= to ? [from, to + DAY] : null;
}

export const isFixed = (range) => fixed(range ?? '') !== null;
/** What the address asks for, or else this page's own. */
export const rangeOr = (range, otherwise) => (RANGES[range] || isFixed(range) ? range : otherwise);

/** Whether a period is one day, month or year that is over: what cities publish of themselves. */
export const isWhole = (range, tz, now = Date.now()) => isFixed(range) && (/^[my]/.test(range) || daysIn(range) === 1) && Date.parse(daysOf(range, tz).to) <= now;

/** The last day, month and year that are over. */
export function lastWhole(tz, now = Date.now()) {
  const day = localDate(midnight(now, tz, -1), tz);
  return { day: `${day}..${day}`, month: `m${localDate(monthStart(now, tz, -1), tz).slice(0, 7)}`, year: `y${Number(localDate(now, tz).slice(0, 4)) - 1}` };
}

/** How many local days a period has. */
export function daysIn(range) {
  const days = fixed(range);
  return days ? (days[1] - days[0]) / DAY : RANGES[range];
}

/**
 * The same days on every page: those of the calendar, complete ones up to last midnight, or what
 * has passed of today. Such figures stand still until the next midnight, and daily rollups answer
 * them at once; what is still to come of a period the service leaves out by itself.
 */
export function daysOf(range, tz, now = Date.now()) {
  const days = fixed(range);
  if (days) return { from: iso(instantOf(days[0], tz)), to: iso(instantOf(days[1], tz)), tz };
  if (range === 'today') return { from: iso(midnight(now, tz)), to: iso(midnight(now, tz, 1)), tz };
  return { from: iso(midnight(now, tz, -(RANGES[range] ?? 30))), to: iso(midnight(now, tz)), tz };
}
