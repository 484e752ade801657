// What a change would move, as the API told it before anything is written.

import { h, table } from '../dom.js';
import { count, fullMoment, hours, percent } from '../formats.js';
import { store } from '../store.js';
import { t } from '../words.js';
import './words.js';

const SECONDS = ['running_s', 'effective_s', 'scheduled_s', 'running_scheduled_s', 'rated_s'];
const RATIOS = ['utilization', 'scheduled_utilization', 'rated_utilization'];

/** Figures that differ, as they are and as they would be. */
export function movedTable(told, name) {
  if (!told.proposed) return h('p', { class: 'warn', 'data-moved': 'later' }, t('mg_later'));
  const span = t('mg_window', { from: fullMoment(told.from, store.config.timezone), to: fullMoment(told.to, store.config.timezone) });
  const rows = [...SECONDS, ...RATIOS].filter((one) => told.present[one] !== told.proposed[one]);
  if (!rows.length) return h('p', { 'data-moved': 'none' }, t('mg_same'), ' ', h('small', { class: 'note' }, span));
  const shown = (one, value) => (value === null || value === undefined ? '–' : SECONDS.includes(one) ? hours(value) : percent(value, 2));
  return h('div', { class: 'stack' }, h('p', { class: 'note' }, span), table({
    name: `preview-${name}`, caption: t('mg_moves'), rows: rows.map((one) => ({ name: one })), answer: told, columns: [
      { key: 'figure', label: t('mg_figure'), value: (x) => t(x.name) },
      ...[['present', 'mg_now'], ['proposed', 'mg_then'], ['difference', 'mg_diff']].map(([key, word]) => ({
        key, label: t(word), num: true, value: (x) => told[key][x.name], cell: (x) => h('span', { 'data-moved': `${key}-${x.name}` }, shown(x.name, told[key][x.name])),
      })),
    ],
  }));
}

/** What a change moves and from when, in words: what of it no figures can tell yet, too. */
export function movesList(told) {
  const tz = store.config.timezone;
  const when = (one) => t('mg_move_when', { from: one.from ? fullMoment(one.from, tz) : t('mg_move_begin'), to: one.to ? fullMoment(one.to, tz) : t('mg_move_on') });
  return h('div', { class: 'stack' },
    told.moves.length ? h('ul', { class: 'mg-moves' }, told.moves.map((one) => h('li', { 'data-move': one.effect }, h('b', {}, one.fields.map((name) => t(`mg_f_${name}`)).join(', ')), ` · ${when(one)}: `, t(`mg_move_${one.effect.replace(' ', '_')}`)))) : null,
    told.first_instruments?.length ? h('p', { class: 'note', 'data-value': 'bound' }, t('mg_move_bound', { n: count(told.instruments), first: told.first_instruments.join(', ') })) : null);
}
