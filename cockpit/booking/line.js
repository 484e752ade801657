// What lies on a line of a day or of an hour: measured use as one path a state, what is planned as
// patterns behind. An instrument's week and a laboratory's draw the same.

import { h } from '../dom.js';
import { moment } from '../formats.js';
import { localDate } from '../time.js';
import { t } from '../words.js';
import './words.js';

const HOUR = { month: undefined, day: undefined };
/** What lies behind, by the API's word. */
export const BEHIND = { closed: 'closed_hours', maintenance: 'planned_maintenance', down: 'avail_down' };

/** Whether something lies in `[from, to)` at all. */
export const within = (from, to) => (x) => Date.parse(x.from) < to && Date.parse(x.to) > from;

/** Where it lies of that, cut to it. */
export function place(x, from, to) {
  const [a, b] = [Math.max(from, Date.parse(x.from)), Math.min(to, Date.parse(x.to))];
  return { '--l': `${(a - from) / (to - from) * 100}%`, '--w': `${(b - a) / (to - from) * 100}%` };
}

/** Two moments; of one day, the second by its clock alone. */
export const clocks = (x, tz) => `${moment(x.from, tz)} – ${moment(x.to, tz, localDate(Date.parse(x.from), tz) === localDate(Date.parse(x.to), tz) ? HOUR : {})}`;

/** Closed hours, maintenance and downtime of a day. */
export const behind = (plan, from, to, tz, day) => plan.filter(within(from, to)).map((x) => h('i', { class: `behind ${x.kind}`, role: 'img', 'aria-label': `${day}: ${t(BEHIND[x.kind])} ${clocks(x, tz)}`, vars: place(x, from, to), tip: [t(BEHIND[x.kind]), clocks(x, tz)] }));

/** A day's segments: one path a state, however many they are; unknown is half as high. */
export function strips(segments, from, to) {
  const paths = new Map();
  for (const x of segments) {
    const [a, b] = [Math.max(from, Date.parse(x.from)), Math.min(to, Date.parse(x.to))].map((ms) => ((ms - from) / (to - from) * 1000).toFixed(2));
    const [top, high] = x.state === 'unknown' ? [0.3, 0.4] : [0, 1];
    paths.set(x.state, `${paths.get(x.state) ?? ''}M${a},${top}V${top + high}H${b}V${top}Z`);
  }
  return h('svg', { viewBox: '0 0 1000 1', preserveAspectRatio: 'none', 'aria-hidden': 'true' }, [...paths].map(([word, d]) => h('path', { d, class: `m-${word}` })));
}

export const nowMark = (now, from, to) => (now >= from && now < to ? h('i', { class: 'now-mark', 'aria-hidden': 'true', vars: { '--l': `${(now - from) / (to - from) * 100}%` } }) : null);

/** Signs of what lies behind, downtime only where there is some. */
export const behindLegend = (plan) => Object.entries(BEHIND).filter(([kind]) => kind !== 'down' || plan.some((x) => x.kind === kind)).map(([kind, word]) => h('span', { class: 'state' }, h('i', { class: `swatch ${kind}`, 'aria-hidden': 'true' }), t(word)));
