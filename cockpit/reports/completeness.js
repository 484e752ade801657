// How complete a period is: known time, uses with a word on what they were for, by institution.

import { all, get } from '../api.js';
import { card, fig, h, table } from '../dom.js';
import { NONE, count, fullMoment, hours, percent } from '../formats.js';
import { institutionName } from '../store.js';
import { t } from '../words.js';

/** Every institution's state of a window, as far as the key may see. */
export const completenessOf = async ({ from, to, tz }, signal) => (await all('periods/completeness', { from, to, tz }, { signal })).items;

/** What a period's records come to: as frozen, or as they would be frozen now. */
async function recordsOf(period, signal) {
  const { overall, as_of } = await get(`periods/${period.period_id}/records`, { limit: 1 }, signal);
  return { ...overall, as_of };
}

/**
 * The figures that closing freezes, as they are now; how much is known is asked by itself, since it may take longer.
 * @param {any} period @param {AbortSignal} [signal] @param {Promise<number | null>} coverage
 */
export async function frozenFacts(period, signal, coverage = coverageNow(period, signal)) {
  const lines = [];
  const known = fig(NONE, () => [t('coverage'), t('coverage_parts'), ...lines], { 'data-value': 'period-coverage', class: 'fig waiting' });
  coverage.then((share) => { known.textContent = percent(share); }, (error) => { if (error.name !== 'AbortError') known.textContent = t('failed', { why: error.message }); })
    .finally(() => known.classList.remove('waiting'));
  const told = await recordsOf(period, signal);
  lines.push(t('as_of', { time: fullMoment(told.as_of, period.tz) }));
  const item = (name, text, tip) => h('div', {}, h('dt', {}, t(name)), h('dd', {}, text === null ? known : fig(text, [...tip, ...lines], { 'data-value': `period-${name}` })));
  return h('dl', { class: 'counts' },
    item('records', count(told.records), [t('records')]),
    item('effective_hours', hours(told.effective_s), [t('effective_hours'), t('tenths_add_up', { h: count(told.hours) })]),
    item('coverage', null),
    item('annotated', t('k_of_n', { k: count(told.records - told.records_without_annotation), n: count(told.records) }), [t('annotated')]));
}

/** Known time over the window of all instruments, as it is now. */
const coverageNow = async (period, signal) => (await get('utilization', { from: period.from, to: period.to, institution: period.institution_id, limit: 1 }, signal)).overall.coverage;

/** The same as it was frozen. */
function coverageFrozen({ overall: { closed } }) {
  return closed.window_s ? (closed.window_s - closed.unknown_s) / closed.window_s : null;
}

/** @param {{ctx: any, known: () => Promise<any>, amended: (period: any) => Promise<any>}} c */
export function completenessCard({ ctx, known, amended }) {
  return card(ctx, { title: t('completeness') }, async ({ note }) => {
    const period = await known();
    const closed = period.state === 'closed';
    note(t(closed ? 'frozen_at' : 'as_if_closed', { time: fullMoment(period.closed_at, period.tz), who: period.closed_by }));
    const facts = await frozenFacts(period, ctx.signal, closed ? amended(period).then(coverageFrozen) : undefined);
    return closed && period.institution_id === null ? h('div', { class: 'stack' }, facts, sharesTable(period)) : facts;
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
