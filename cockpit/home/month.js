// This month so far, held against the same point of the last: both and the difference are the API's.

import { get } from '../api.js';
import { card, fig, h } from '../dom.js';
import { hours, moment, percent } from '../formats.js';
import { changeLines, signed } from '../period/compare.js';
import { href } from '../route.js';
import { store } from '../store.js';
import { localDate } from '../time.js';
import { usageLines } from '../usage.js';
import { t } from '../words.js';
import './words.js';

const DATE = { hour: undefined, minute: undefined };
/**
 * Field of an answer, its word, and how it is written.
 * @type {[string, string, (x: any) => string][]}
 */
const FIGURES = [['running_s', 'machine_hours', hours], ['utilization', 'utilization', percent], ['coverage', 'coverage', percent]];

/** @param {any} ctx @param {string} id of the institution */
export function monthCard(ctx, id) {
  const tz = store.config.timezone;
  const toExplore = h('a', { class: 'more', href: href('explore', { by: 'instrument', institution: id, min: 0, range: `m${localDate(Date.now(), tz).slice(0, 7)}`, compare: 'previous' }) }, t('hm_see_explore'));
  return card(ctx, { title: t('hm_month'), note: t('hm_month_note'), cls: 'w6', every: 60_000, actions: toExplore }, async ({ note }) => {
    const answer = await get('utilization', { institution: id, window: 'this-month', compare: 'previous', tz }, ctx.signal);
    const { overall } = answer;
    const before = { ...answer, ...answer.compared_window };
    const day = (at) => moment(at, tz, DATE);
    note(`${t('hm_month_note')} · ${day(answer.from)} – ${moment(answer.to, tz)} / ${day(before.from)} – ${moment(before.to, tz)}`);
    return h('dl', { class: 'home-month' }, FIGURES.map(([field, word, write]) => h('div', {}, h('dt', {}, t(word)),
      h('dd', { class: 'big' }, fig(write(overall[field]), () => usageLines(overall, field, answer), { 'data-value': `month-${field}` })),
      h('dd', { class: 'note' }, t('hm_last_month'), ' ', fig(write(overall.compared?.[field] ?? null), () => (overall.compared ? usageLines(overall.compared, field, before) : []), { 'data-value': `before-${field}` })),
      h('dd', {}, t('hm_change'), ' ', fig(signed(field, overall.difference?.[field]), () => changeLines(overall, field, answer), { 'data-value': `change-${field}` })))));
  });
}
