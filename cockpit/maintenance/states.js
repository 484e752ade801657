// A window by SEMI E10's six states, and what users said of uses within it.

import { get } from '../api.js';
import { card, fig, h, table } from '../dom.js';
import { NONE, count, fullMoment, hours, moment, percent, span } from '../formats.js';
import { t } from '../words.js';

export const SIX = ['productive_s', 'standby_s', 'engineering_s', 'scheduled_down_s', 'unscheduled_down_s', 'non_scheduled_s'];
const GRADES = ['very_satisfied', 'satisfied', 'fair', 'dissatisfied', 'very_dissatisfied'];
const MARKS = ['attitude', 'skill', 'quality', 'timeliness', 'price'];

export function statesCard(ctx, asked, window, after) {
  return card(ctx, { title: t('mt_states'), note: t('mt_states_note'), after }, async ({ note }) => {
    const answer = await (asked.instrument
      ? get(`instruments/${encodeURIComponent(asked.instrument)}/equipment-states`, window, ctx.signal)
      : get('equipment-states', { ...asked, ...window }, ctx.signal));
    const x = answer.overall ?? answer;
    if (answer.overall) note(t('mt_members', { n: count(x.instruments), m: count(x.never_seen_instruments) }));
    if (!x.window_s) return null;
    const about = (key) => [t(`mt_${key}`), `${hours(x[key])} ÷ ${hours(x.window_s)} = ${percent(x[key] / x.window_s)}`, `${fullMoment(answer.from, answer.tz)} – ${fullMoment(answer.to, answer.tz)}`, t('as_of', { time: fullMoment(answer.as_of, answer.tz) })];
    const sum = SIX.reduce((all, key) => all + x[key], 0);
    const mean = (value, n, word) => [fig(value === null ? NONE : span(value), [t(word), value === null ? NONE : `${hours(value)}`, n], { 'data-value': word }), h('div', { class: 'note' }, n)];
    return h('div', { class: 'stack' },
      h('div', { class: 'bar-stack', 'aria-hidden': 'true' }, SIX.map((key) => h('i', { class: `e-${key}`, vars: { '--w': `${x[key] / x.window_s * 100}%` } }))),
      h('div', { class: 'legend' }, SIX.map((key) => h('span', { class: 'state' }, h('i', { class: `e-${key}`, 'aria-hidden': 'true' }), t(`mt_${key}`), h('b', {}, fig(hours(x[key]), () => about(key), { 'data-value': key }))))),
      h('p', { class: 'note', 'data-value': 'six' }, t('mt_sum', { h: hours(sum), w: hours(x.window_s) })),
      x.unknown_s ? h('p', { class: 'note' }, t('mt_of_unknown', { h: hours(x.unknown_s) })) : null,
      h('dl', { class: 'counts' },
        h('div', {}, h('dt', {}, t('mt_mtbf')), h('dd', {}, mean(x.mtbf_s, t('mt_n_failures', { n: count(x.failures) }), 'mt_mtbf'))),
        h('div', {}, h('dt', {}, t('mt_mttr')), h('dd', {}, mean(x.mttr_s, t('mt_n_repairs', { n: count(x.repairs) }), 'mt_mttr')))));
  });
}

export function feedbackCard(ctx, asked, window, after) {
  return card(ctx, { title: t('mt_feedback'), empty: t('mt_none_feedback'), after }, async () => {
    const { instrument, ...filters } = asked;
    let x;
    if (instrument) {
      const { institution_id } = await get(`instruments/${encodeURIComponent(instrument)}`, {}, ctx.signal);
      x = (await get('feedback', { ...window, institution: institution_id, group_by: 'instrument' }, ctx.signal)).groups.find((one) => one.key === instrument);
    } else x = (await get('feedback', { ...filters, ...window }, ctx.signal)).overall;
    if (!x?.n) return null;
    const said = instrument ? await get(`instruments/${encodeURIComponent(instrument)}/feedback`, { from: window.from, to: window.to, limit: 100 }, ctx.signal) : null;
    return h('div', { class: 'stack' },
      h('dl', { class: 'counts' }, h('div', {}, h('dt', {}, t('mt_overall')), h('dd', {}, fig(x.mean.toFixed(2), [t('mt_overall'), t('mt_n', { n: count(x.n) })], { 'data-value': 'feedback-mean' }), h('div', { class: 'note' }, t('mt_n', { n: count(x.n) })))),
        MARKS.map((one) => h('div', {}, h('dt', {}, t(`mt_${one}`)), h('dd', {}, h('span', { 'data-value': `mark-${one}` }, x[one].mean === null ? NONE : x[one].mean.toFixed(2)), h('div', { class: 'note' }, t('mt_n', { n: count(x[one].n) })))))),
      h('div', { class: 'bar-stack', 'aria-hidden': 'true' }, GRADES.map((one) => h('i', { class: `g-${one}`, vars: { '--w': `${x[one] / x.n * 100}%` } }))),
      h('div', { class: 'legend' }, GRADES.map((one) => h('span', { class: 'state' }, h('i', { class: `g-${one}`, 'aria-hidden': 'true' }), t(`mt_${one}`), h('b', { 'data-value': `grade-${one}` }, count(x[one]))))),
      h('p', { class: 'note', 'data-value': 'faults' }, t('mt_faults', { n: count(x.faults) })),
      said && table({
        name: `feedback-${instrument}`, caption: t('mt_feedback'), rows: said.items, cards: 'named', columns: [
          { key: 'at', label: t('mt_when'), value: (one) => one.at, cell: (one) => moment(one.at, window.tz, { year: 'numeric' }) },
          { key: 'overall', label: t('mt_overall'), value: (one) => one.overall, cell: (one) => t(`mt_${GRADES[5 - one.overall]}`) },
          ...MARKS.map((mark) => ({ key: mark, label: t(`mt_${mark}`), num: true, minor: true, value: (one) => one[mark], cell: (one) => (one[mark] === null ? NONE : count(one[mark])) })),
          { key: 'text', label: t('mt_text'), value: (one) => one.text, cell: (one) => h('span', { class: 'wraps' }, one.text ?? NONE) },
          { key: 'maintenance_id', label: t('mt_fault'), value: (one) => one.maintenance_id, cell: (one) => (one.fault ? h('span', { class: 'badge b-none', 'data-fault': one.maintenance_id }, `${t('mt_its_down')} ${one.maintenance_id}`) : NONE) },
        ],
      }));
  });
}
