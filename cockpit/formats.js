// Numbers and times as each language writes them.

import { lang, t } from './words.js';

const locale = () => (lang() === 'zh' ? 'zh-CN' : 'en-GB');

const cache = new Map();
/** Each made once: making one takes as long as writing thirty. */
function format(Kind, options) {
  const key = Kind.name + locale() + JSON.stringify(options);
  if (!cache.has(key)) cache.set(key, new Kind(locale(), options));
  return cache.get(key);
}
const numbers = (options) => format(Intl.NumberFormat, options);
const dates = (options) => format(Intl.DateTimeFormat, options);

let collator = { of: '', compare: null };
/** Which of two texts comes first, as the language has it; made once, for asking anew takes as long as comparing a hundred. */
export function inOrder(a, b) {
  if (collator.of !== locale()) collator = { of: locale(), compare: new Intl.Collator(locale()).compare };
  return collator.compare(a, b);
}

export const NONE = '–';
export const count = (n) => (n == null ? NONE : numbers({}).format(n));
export const percent = (x, digits = 1) => (x == null ? NONE
  : numbers({ style: 'percent', minimumFractionDigits: digits, maximumFractionDigits: digits }).format(x));
/** A difference of two shares: in points, since per cent would be of what it differs from. */
export const points = (x) => (x == null ? NONE
  : t('points', { n: numbers({ minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(Math.abs(x) * 100) }));
export function hours(s, unit = true) {
  if (s == null) return NONE;
  const h = s / 3600;
  const digits = Math.abs(h) < 100 ? 1 : 0;
  const text = numbers({ minimumFractionDigits: digits, maximumFractionDigits: digits }).format(h);
  return unit ? `${text} h` : text;
}
export function money(cny) {
  if (cny == null) return NONE;
  return `¥${numbers({ notation: 'compact', maximumFractionDigits: Math.abs(cny) < 1e5 ? 0 : 2 }).format(cny)}`;
}
export function span(s) {
  if (s == null) return NONE;
  const n = Math.abs(s);
  if (n < 1) return `${numbers({ maximumFractionDigits: 2 }).format(s)} s`;
  if (n < 90) return `${numbers({ maximumFractionDigits: 1 }).format(s)} s`;
  if (n < 5400) return `${numbers({ maximumFractionDigits: 0 }).format(s / 60)} min`;
  if (n < 172800) return `${numbers({ maximumFractionDigits: 1 }).format(s / 3600)} h`;
  return `${numbers({ maximumFractionDigits: 1 }).format(s / 86400)} d`;
}
export function bytes(n) {
  if (n == null) return NONE;
  const unit = ['byte', 'kilobyte', 'megabyte', 'gigabyte'][Math.min(3, Math.max(0, Math.floor(Math.log10(Math.max(n, 1)) / 3)))];
  const power = { byte: 0, kilobyte: 1, megabyte: 2, gigabyte: 3 }[unit];
  return numbers({ style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: power ? 1 : 0 }).format(n / 1000 ** power);
}
export const watts = (w) => (w == null ? NONE
  : Math.abs(w) >= 10000 ? `${numbers({ maximumFractionDigits: 1 }).format(w / 1000)} kW` : `${numbers({ maximumFractionDigits: 1 }).format(w)} W`);
export const distance = (m) => (m == null ? NONE
  : m < 1000 ? `${numbers({ maximumFractionDigits: 0 }).format(m)} m` : `${numbers({ maximumFractionDigits: 1 }).format(m / 1000)} km`);

export function moment(at, tz, options = {}) {
  if (at == null) return NONE;
  return dates({
    timeZone: tz, hour12: false, month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', ...options,
  }).format(new Date(at));
}
export const clock = (at, tz) => moment(at, tz, { month: undefined, day: undefined, second: '2-digit' });
export const fullMoment = (at, tz) => moment(at, tz, { year: 'numeric', second: '2-digit' });
/** A month of the year, in short. */
export const monthName = (m) => dates({ month: 'short', timeZone: 'UTC' }).format(Date.UTC(2024, m - 1));
/** @param {'long' | 'short' | 'narrow'} width */
export function weekdays(width = 'short') {
  const of = dates({ weekday: width, timeZone: 'UTC' });
  return [...Array(7).keys()].map((d) => of.format(new Date(Date.UTC(2024, 0, 1 + d))));
}
