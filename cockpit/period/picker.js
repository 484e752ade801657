// The one choice of a period, the same on every page: `rangeOr(ctx.params.range, 'd7')` in
// ../time.js says which it is, `daysOf(range, tz)` its window, and `picker(ctx, range)` shows it.
// With `compare: true` the page says of its figures how they differ from another period's, too;
// with `whole: true` days, months and years that are over are all there is to choose from.

import { choice, dialog, h, select } from '../dom.js';
import { count, monthName } from '../formats.js';
import { go } from '../route.js';
import { store } from '../store.js';
import { PERIODS, daysOf, isFixed, isWhole, lastWhole, localDate, midnight } from '../time.js';
import { t } from '../words.js';
import { compareOf } from './compare.js';
import './words.js';

const FIRST_YEAR = 2000;
const two = (n) => String(n).padStart(2, '0');

/** What a period is called. */
export function periodName(range) {
  if (!isFixed(range)) return t(range);
  if (range.includes('..')) {
    const [from, to] = range.split('..');
    return from === to ? from : t('pd_days', { from, to });
  }
  const [y, part] = range.slice(1).split('-').map(Number);
  if (range[0] === 'm') return t('pd_month', { y, m: part, name: monthName(part) });
  if (range[0] === 'q') return t('pd_quarter', { y, q: part });
  if (range[0] === 't') return t(`pd_term_${part}`, { y, z: y + 1 });
  return range[0] === 'y' ? t('pd_year', { y }) : t('pd_school', { y, z: y + 1 });
}

/** @param {any} ctx @param {string} range as `rangeOr` gave it @param {{compare?: boolean, whole?: boolean}} options */
export function picker(ctx, range, { compare = false, whole = false } = {}) {
  const near = whole ? Object.entries(lastWhole(store.config.timezone)).map(([span, r]) => [r, t(`pd_last_${span}`)]) : PERIODS.map((r) => [r, t(r)]);
  const own = !near.some(([r]) => r === range);
  const wrong = ctx.params.range && ctx.params.range !== range;
  return h('div', { class: 'period' },
    choice(t('range'), near, range, (r) => go({ range: r })),
    h('button', { type: 'button', class: own ? 'picked' : '', 'data-period': range, 'aria-haspopup': 'dialog', on: { click: () => open(range, whole) } }, own ? periodName(range) : t('pd_more')),
    compare ? select(t('pd_compare'), [['', t('pd_with_nothing')], ['previous', t('pd_previous')], ['last-year', t('pd_last-year')]], compareOf(ctx), (v) => go({ compare: v || undefined })) : null,
    wrong ? h('p', { class: 'wrong', role: 'alert' }, t('pd_unread', { x: ctx.params.range, y: periodName(range) })) : null);
}

function open(range, whole) {
  const tz = store.config.timezone;
  const today = localDate(Date.now(), tz);
  const thisYear = Number(today.slice(0, 4));
  let year = isFixed(range) ? Number(daysLocal(range, tz)[0].slice(0, 4)) : thisYear;
  const grid = h('div', { class: 'period-year' });
  const to = (one) => { el.close(); go({ range: one }); };
  const none = (one) => (whole ? !isWhole(one, tz) : localDate(Date.parse(daysOf(one, tz).from), tz) > today);
  const button = (one, text) => h('button', {
    type: 'button', 'data-pick': one, 'aria-label': periodName(one), 'aria-pressed': String(one === range),
    disabled: none(one), on: { click: () => to(one) },
  }, text);
  const draw = () => grid.replaceChildren(
    h('div', { class: 'period-head' },
      h('button', { type: 'button', class: 'quiet', 'aria-label': t('pd_earlier'), disabled: year <= FIRST_YEAR, on: { click: () => { year -= 1; draw(); } } }, '‹'),
      h('strong', { 'aria-live': 'polite' }, t('pd_year', { y: year })),
      h('button', { type: 'button', class: 'quiet', 'aria-label': t('pd_later'), disabled: year >= thisYear, on: { click: () => { year += 1; draw(); } } }, '›')),
    h('div', { class: 'period-months', role: 'group', 'aria-label': t('pd_months') }, [...Array(12).keys()].map((m) => button(`m${year}-${two(m + 1)}`, monthName(m + 1)))),
    h('div', { class: 'period-longer', role: 'group', 'aria-label': t('pd_longer') },
      whole ? null : [1, 2, 3, 4].map((q) => button(`q${year}-${q}`, t('pd_quarter_short', { q: count(q) }))),
      button(`y${year}`, periodName(`y${year}`)), whole ? null : button(`s${year}`, periodName(`s${year}`)),
      // The terms of a calendar year: the second one of the school year before, and the first of its own.
      whole ? null : [`t${year - 1}-2`, `t${year}-1`].map((one) => button(one, t(`pd_term_short_${one.at(-1)}`)))));
  const [first, last] = daysLocal(range, tz);
  const latest = whole ? localDate(midnight(Date.now(), tz, -1), tz) : today;
  const input = (name, value) => h('input', { type: 'date', name, value, required: true, max: latest, min: `${FIRST_YEAR}-01-01` });
  const from = input('first', first);
  const until = whole ? from : input('last', last > today ? today : last);
  const wrong = h('p', { class: 'wrong', role: 'alert' });
  const any = h('form', { class: 'fields', 'aria-label': t('pd_any'), on: { submit: (event) => {
    event.preventDefault();
    if (from.value > until.value) wrong.textContent = t('pd_backwards', { from: from.value, to: until.value });
    else to(`${from.value}..${until.value}`);
  } } },
  h('label', { class: 'field' }, h('span', {}, t(whole ? 'pd_day' : 'pd_first')), from), whole ? null : h('label', { class: 'field' }, h('span', {}, t('pd_last')), until),
  h('button', { type: 'submit', class: 'primary' }, t('pd_show')));
  draw();
  const el = dialog(t('pd_title'), h('div', { class: 'period-choice' }, grid, any, wrong));
  (/** @type {HTMLElement} */ (grid.querySelector('[aria-pressed=true]')) ?? grid.querySelector('.period-months button'))?.focus();
}

/** First and last local day of a period. */
function daysLocal(range, tz) {
  const { from, to } = daysOf(range, tz);
  return [localDate(Date.parse(from), tz), localDate(Date.parse(to) - 1, tz)];
}
