// What a figure is held against: the period before or the same of last year. Both figures and the
// difference are the API's.

import { fig, h } from '../dom.js';
import { count, hours, fullMoment, moment, percent, points } from '../formats.js';
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
export const arrow = (by, text) => (by == null ? '–' : `${by > 0 ? '▲ +' : by < 0 ? '▼ −' : '± '}${text}`);
export const signed = (field, by) => arrow(by, differ(field, by));
/** What a figure that changed is called; running time is machine-hours wherever it stands as a figure. */
export const figureName = (field) => t(field === 'running_s' ? 'machine_hours' : field);

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
  return [`${t('pd_change', { name: figureName(field) })} ${signed(field, group.difference?.[field])}`, was == null ? t('pd_new') : t('pd_was', { x: write(field, was) }),
    ...(group.compared ? usageLines(group.compared, field, before).slice(1) : [])];
}

/** A small difference beside a figure; nothing where nothing was asked for. */
export function change(group, field, answer) {
  if (!answer.compared_window) return null;
  return h('small', { class: 'change' }, fig(signed(field, group.difference?.[field]), () => changeLines(group, field, answer), { 'data-value': `change-${field}` }));
}

/** The same beside a band's share: which instruments it is of differs as well, so both shares are told. */
export function bandChange(group, band, answer) {
  if (!answer.compared_window) return null;
  const was = bandThen(group, band);
  const by = bandDiffers(group, band);
  const lines = () => [`${t('pd_change', { name: t('band_above', { p: percent(band.above, 0) }) })} ${signed('share', by)}`,
    was?.share == null ? t('pd_new') : t('pd_was', { x: `${percent(was.share, 2)} = ${count(was.instruments)} ÷ ${count(group.compared.banded_instruments)}` }), againstText(answer)];
  return h('small', { class: 'change' }, fig(signed('share', by), lines, { 'data-value': `change-band-${band.above}` }));
}
const bandThen = (group, band) => group.compared?.bands.find(({ above }) => above === band.above);
const bandDiffers = (group, band) => { const then = bandThen(group, band)?.share; return then == null || band.share == null ? null : band.share - then; };

/** The columns of a file alone that hold a band's share against that of the other period. */
export const bandColumns = (i, above) => [
  { key: `compared_band${i}`, csv: `compared_share_above_${above}`, hidden: true, value: (g) => bandThen(g, g.bands[i])?.share ?? null },
  { key: `change-band${i}`, csv: `difference_share_above_${above}`, hidden: true, value: (g) => bandDiffers(g, g.bands[i]) },
];

/** A table's columns of differences; what a figure was then is in the file. */
export function changeColumns(field, answer) {
  const by = (g) => g.difference?.[field] ?? null;
  const scale = seconds(field) ? 3600 : 1;
  return [
    { key: `compared_${field}`, hidden: true, value: (g) => g.compared?.[field] ?? null },
    {
      key: `change-${field}`, csv: `difference_${field}`, label: t('pd_change', { name: figureName(field) }), num: true,
      value: (g) => (by(g) === null ? null : by(g) / scale), raw: by, cell: (g) => signed(field, by(g)), tip: (g) => changeLines(g, field, answer),
    },
  ];
}

/** The same in the file alone, for figures whose differences would make a table too wide. */
export const changesFiled = (fields, answer) => fields.flatMap((field) => changeColumns(field, answer)).map((column) => ({ ...column, hidden: true }));

/** What stands below figures that may still move; null where none does. */
export const movesText = (usage, answer) => (usage.provisional ? t('pd_moves', { time: fullMoment(usage.as_of, answer.tz) }) : null);
