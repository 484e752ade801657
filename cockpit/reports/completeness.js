// How complete a period is: known time, uses with a word on what they were for, by institution.

import { all, get } from '../api.js';
import { card, fig, h, table } from '../dom.js';
import { count, fullMoment, hours, percent } from '../formats.js';
import { institutionName } from '../store.js';
import { t } from '../words.js';

const MOST = 20_000; // records of an open period that are counted one by one

/** Every institution's state of a window, as far as the key may see. */
export const completenessOf = async ({ from, to, tz }, signal) => (await all('periods/completeness', { from, to, tz }, { signal })).items;

/** Records of a period and what they come to: as frozen, or as they would be frozen now. */
export async function recordsOf(period, signal) {
  if (period.state === 'closed') {
    const sum = (name) => period.institutions.reduce((n, one) => n + one[name], 0);
    return { records: period.records, bare: sum('records_without_annotation'), effective_s: sum('effective_s'), hours: sum('hours'), instruments: sum('instruments'), whole: true, as_of: period.closed_at };
  }
  const found = await all(`periods/${period.period_id}/records`, {}, { most: MOST, signal });
  const tenths = found.items.reduce((n, one) => n + Math.round(one.hours * 10), 0);
  return {
    records: found.items.length, bare: found.items.filter((one) => one.annotation === null).length,
    effective_s: found.items.reduce((n, one) => n + one.effective_s, 0), hours: tenths / 10,
    instruments: new Set(found.items.map((one) => one.instrument_id)).size, whole: found.complete, as_of: found.as_of,
  };
}

/** The figures that closing freezes, as they are now. */
export async function frozenFacts(period, signal) {
  const [told, coverage] = await Promise.all([recordsOf(period, signal), coverageOf(period, signal)]);
  const more = told.whole ? '' : '≥ ';
  const lines = [t('as_of', { time: fullMoment(told.as_of, period.tz) })];
  const facts = [
    ['records', `${more}${count(told.records)}`, [t('records'), ...lines]],
    ['effective_hours', `${more}${hours(told.effective_s)}`, [t('effective_hours'), t('tenths_add_up', { h: count(told.hours) }), ...lines]],
    ['coverage', coverage === null ? '–' : percent(coverage), [t('coverage'), t('coverage_parts'), ...lines]],
    ['annotated', `${t('k_of_n', { k: count(told.records - told.bare), n: count(told.records) })}`, [t('annotated'), ...lines]],
  ];
  return h('dl', { class: 'counts' }, facts.map(([name, text, tip]) => h('div', {}, h('dt', {}, t(name)), h('dd', {}, fig(text, tip, { 'data-value': `period-${name}` })))));
}

/** Known time over the window of all instruments: as frozen, or as it is now. */
async function coverageOf(period, signal) {
  if (period.state === 'closed') {
    const { window_s: whole, unknown_s: unknown } = (await get(`periods/${period.period_id}/amendments`, { limit: 1 }, signal)).overall.closed;
    return whole ? (whole - unknown) / whole : null;
  }
  const { overall } = await get('utilization', { from: period.from, to: period.to, institution: period.institution_id, limit: 1 }, signal);
  return overall.coverage;
}

export function completenessCard({ ctx, known }) {
  return card(ctx, { title: t('completeness') }, async ({ note }) => {
    const period = await known();
    note(t(period.state === 'closed' ? 'frozen_at' : 'as_if_closed', { time: fullMoment(period.closed_at, period.tz), who: period.closed_by }));
    const facts = await frozenFacts(period, ctx.signal);
    return period.institution_id === null && period.state === 'closed'
      ? h('div', { class: 'stack' }, facts, sharesTable(period)) : facts;
  });
}

const sharesTable = (period) => table({
  name: `period-${period.period_id}`, caption: t('completeness'), rows: period.institutions, columns: [
    { key: 'institution_id', label: t('institution'), value: (x) => institutionName(x.institution_id), raw: (x) => x.institution_id },
    { key: 'instruments', label: t('instruments'), num: true, value: (x) => x.instruments, cell: (x) => count(x.instruments) },
    { key: 'records', label: t('records'), num: true, value: (x) => x.records, cell: (x) => count(x.records) },
    { key: 'records_without_annotation', label: t('bare'), num: true, value: (x) => x.records_without_annotation, cell: (x) => count(x.records_without_annotation) },
    { key: 'effective_s', label: t('effective_hours'), num: true, value: (x) => x.effective_s, cell: (x) => hours(x.effective_s), tip: (x) => [t('effective_hours'), t('tenths_add_up', { h: count(x.hours) })] },
  ],
});
