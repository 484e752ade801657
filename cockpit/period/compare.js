// What a figure is held against: the period before or the same of last year. Both figures and the
// difference are the API's.

import { fig, h } from '../dom.js';
import { hours, fullMoment, moment, percent, points } from '../formats.js';
import { usageLines } from '../usage.js';
import { t } from '../words.js';
import './words.js';

const COMPARES = ['previous', 'last-year'];
/** As the address says it; undefined: with nothing. */
export const compareOf = (ctx) => (COMPARES.includes(ctx.params.compare) ? ctx.params.compare : undefined);

const seconds = (field) => field.endsWith('_s');
const write = (field, x) => (seconds(field) ? hours(x) : percent(x, 2));
const differ = (field, x) => (seconds(field) ? hours(Math.abs(x)) : points(x));

/** Up or down by a sign as well as by its place: never by colour alone. */
export const signed = (field, by) => (by == null ? '–' : `${by > 0 ? '▲ +' : by < 0 ? '▼ −' : '± '}${differ(field, by)}`);

const DATE = { year: 'numeric', hour: undefined, minute: undefined };
/** From when to when an answer's figures are compared with. */
export function againstText(answer) {
  const w = answer.compared_window;
  return w ? t('pd_against', { from: moment(w.from, answer.tz, DATE), to: moment(Date.parse(w.to) - 1, answer.tz, DATE) }) : '';
}

/** The lines behind a difference: what it was then, and of when. */
export function changeLines(group, field, answer) {
  const was = group.compared?.[field];
  const before = { ...answer, ...answer.compared_window };
  return [`${t('pd_change', { name: t(field) })} ${signed(field, group.difference?.[field])}`, was == null ? t('pd_new') : t('pd_was', { x: write(field, was) }),
    ...(group.compared ? usageLines(group.compared, field, before).slice(1) : [])];
}

/** A small difference beside a figure; nothing where nothing was asked for. */
export function change(group, field, answer) {
  if (!answer.compared_window) return null;
  return h('small', { class: 'change' }, fig(signed(field, group.difference?.[field]), () => changeLines(group, field, answer), { 'data-value': `change-${field}` }));
}

/** A table's columns of differences; what a figure was then is in the file. */
export function changeColumns(field, answer) {
  const by = (g) => g.difference?.[field] ?? null;
  const scale = seconds(field) ? 3600 : 1;
  return [
    { key: `compared_${field}`, hidden: true, value: (g) => g.compared?.[field] ?? null },
    {
      key: `change-${field}`, csv: `difference_${field}`, label: t('pd_change', { name: t(field) }), num: true,
      value: (g) => (by(g) === null ? null : by(g) / scale), raw: by, cell: (g) => signed(field, by(g)), tip: (g) => changeLines(g, field, answer),
    },
  ];
}

/** What stands below figures that may still move; null where none does. */
export const movesText = (usage, answer) => (usage.provisional ? t('pd_moves', { time: fullMoment(usage.as_of, answer.tz) }) : null);
