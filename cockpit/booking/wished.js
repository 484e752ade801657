// When an instrument is wished for: now, or from a time on for so long, as the address has it.
// `at` in the address is a wall time of the service's zone, such as 2026-03-02T09:00.

import { choice, h, select } from '../dom.js';
import { span } from '../formats.js';
import { instantOf, localDate, midnight, offsetAt } from '../time.js';
import { t } from '../words.js';
import './words.js';

const LENGTHS = [1800, 3600, 7200, 14_400, 28_800, 86_400]; // seconds
const DAY = 86_400_000;
const AHEAD = 366 * DAY;
const WALL = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$/;

/** What the address wishes: `at` (ms, null: now), `for_s`, and `wrong`: why it cannot be asked. */
export function wishOf(params, tz, now = Date.now()) {
  const length = Number(params.for_s);
  const for_s = Number.isInteger(length) && length >= 1 && length <= 14 * 86_400 ? length : 3600;
  const at = WALL.test(params.at ?? '') ? instantOf(Date.parse(`${params.at}Z`), tz) : null;
  if (at === null || Number.isNaN(at)) return { at: null, for_s, wrong: null };
  return { at, for_s, wrong: at < now ? 'at_past' : at > now + AHEAD ? 'at_far' : null };
}

/** An instant as `at` has it, to the minute. */
export const wall = (ms, tz) => new Date(ms + offsetAt(ms, tz)).toISOString().slice(0, 16);

/** The form: now or then, from when, for how long. `set(params)` is told what changed. */
export function wishForm(params, tz, set) {
  const now = Date.now();
  const later = Math.ceil((now + 3_600_000) / 1_800_000) * 1_800_000;
  const nine = (days) => wall(midnight(now, tz, days) + 9 * 3_600_000, tz);
  const weekday = new Date(`${localDate(now, tz)}T00:00Z`).getUTCDay();
  const at = h('input', {
    type: 'datetime-local', name: 'at', value: params.at ?? wall(later, tz), min: wall(now, tz), max: wall(now + AHEAD - DAY, tz),
    on: { change: (event) => event.target.value && set({ at: event.target.value.slice(0, 16) }) },
  });
  const then = h('div', { class: 'fields then', hidden: !params.at },
    h('label', { class: 'field' }, h('span', {}, t('wished_at', { tz })), at),
    select(t('wished_for'), LENGTHS.map((s) => [String(s), span(s)]), String(wishOf(params, tz).for_s), (v) => set({ for_s: v })),
    h('div', { class: 'soon' }, [['in_an_hour', wall(later, tz)], ['tomorrow_nine', nine(1)], ['monday_nine', nine(((8 - weekday) % 7) || 7)]].map(([name, value]) =>
      h('button', { type: 'button', class: 'chip', on: { click: () => { at.value = value; set({ at: value }); } } }, t(name)))));
  const pick = (when) => {
    then.hidden = when === 'now';
    set(when === 'now' ? { at: undefined, for_s: undefined } : { at: at.value });
  };
  return [h('div', { class: 'field' }, h('span', { 'aria-hidden': 'true' }, t('when')), choice(t('when'), [['now', t('when_now')], ['then', t('when_then')]], params.at ? 'then' : 'now', pick)), then];
}
