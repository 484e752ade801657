// Spans that are reported on: which there are and what they are called. Where they lie in a zone is time.js's, as
// of the periods that are picked: a school year is the same there. `to` is the first moment that no longer belongs to a span.

import { daysOf, instantOf, iso, localDate, offsetAt } from '../time.js';
import { t } from '../words.js';

/** Length in months of each kind. */
const KINDS = { month: 1, quarter: 3, year: 12, school: 12 };
/** What one is called in an address, by its first month (0: January). */
const ADDRESS = {
  month: (y, m) => `m${y}-${String(m + 1).padStart(2, '0')}`, quarter: (y, m) => `q${y}-${m / 3 + 1}`,
  year: (y) => `y${y}`, school: (y) => `s${y}`,
};
export const SPANS = Object.keys(KINDS);
const OFFERED = { month: 18, quarter: 8, year: 5, school: 5 };

const startOf = (kind, year, month) => {
  if (kind === 'month') return [year, month];
  if (kind === 'quarter') return [year, Math.floor(month / 3) * 3];
  if (kind === 'year') return [year, 0];
  return [month >= 8 ? year : year - 1, 8];
};

/** What one kind's start is called. */
function named(kind, year, month) {
  if (kind === 'month') return t('span_month', { y: year, m: String(month + 1).padStart(2, '0') });
  if (kind === 'quarter') return t('span_quarter', { y: year, q: month / 3 + 1 });
  if (kind === 'year') return t('span_year', { y: year });
  return t('span_school', { y: year, z: year + 1 });
}

const windowOf = (kind, year, month, tz) => {
  const { from, to } = daysOf(ADDRESS[kind](year, month), tz);
  return { from, to };
};

/** The newest spans of a kind, the one of today first. */
export function spansOf(kind, tz, now = Date.now()) {
  const today = new Date(now + offsetAt(now, tz));
  const found = [];
  let [year, month] = startOf(kind, today.getUTCFullYear(), today.getUTCMonth());
  for (let n = 0; n < OFFERED[kind]; n += 1) {
    found.push({ kind, name: named(kind, year, month), ...windowOf(kind, year, month, tz) });
    month -= KINDS[kind];
    year += Math.floor(month / 12);
    month = ((month % 12) + 12) % 12;
  }
  return found;
}

/** What a window is called: as one of the kinds, else by its first and its last day. */
export function nameOf({ from, to, tz }) {
  const start = new Date(Date.parse(from) + offsetAt(Date.parse(from), tz));
  const [year, month] = [start.getUTCFullYear(), start.getUTCMonth()];
  for (const kind of SPANS) {
    const [y, m] = startOf(kind, year, month);
    const one = windowOf(kind, y, m, tz);
    if (Date.parse(one.from) === Date.parse(from) && Date.parse(one.to) === Date.parse(to)) return named(kind, y, m);
  }
  return `${localDate(Date.parse(from), tz)} – ${localDate(Date.parse(to) - 1, tz)}`;
}

/** The window of two local dates, the last one within it. */
export function windowOfDates(first, last, tz) {
  const local = (date, days) => {
    const [y, m, d] = date.split('-').map(Number);
    return iso(instantOf(Date.UTC(y, m - 1, d + days), tz));
  };
  return { from: local(first, 0), to: local(last, 1) };
}
