// Who was judged how: ranks by the lower bound, what a score can be as an interval, and each input.

import { get } from '../api.js';
import { card, dialog, h, table } from '../dom.js';
import { NONE, count, hours, money } from '../formats.js';
import { institutionName, store } from '../store.js';
import { t } from '../words.js';
import { objectionsOf, openObjection } from './objections.js';
import { floorText, inputName, titled } from './scheme.js';

const SHOWN = 50;

const points = (value, document) => (value === null ? t('ev_missing') : value.toFixed(document.decimals ?? 2));
const bandName = (name, document) => titled(document.bands?.find((one) => one.name === name)?.title) || t('ev_band_none');

/** From lower to upper bound, the score marked where there is one; of 100. */
const interval = (x) => h('span', { class: 'ev-interval', 'aria-hidden': 'true' }, h('i', { vars: { '--l': `${x.lower}%`, '--w': `${x.upper - x.lower}%` } }), x.score !== null && h('em', { vars: { '--l': `${x.score}%` } }));

const amount = (name, value) => (value === null ? null : name.endsWith('_s') ? hours(value) : name === 'value_cny' ? money(value) : count(value));

const boundLines = (x, document) => [x.name, `${t('ev_lower')} ${points(x.lower, document)}`, `${t('ev_score')} ${points(x.score, document)}`, `${t('ev_upper')} ${points(x.upper, document)}`, ...x.criteria.filter((one) => one.missing.length).map((one) => t('ev_missing_of', { names: one.missing.map(inputName).join(', ') }))];

function openJudgement(x, document, evaluation, reload) {
  const title = (name) => titled(document.criteria.find((one) => one.name === name)?.title) || name;
  const weight = (name) => document.criteria.find((one) => one.name === name)?.weight;
  const el = dialog(t('ev_rank_of', { name: x.name }),
    h('p', {}, `${t('ev_rank')} ${x.rank ?? t('ev_unranked')} · ${bandName(x.band, document)} · ${t('ev_lower')} ${points(x.lower, document)} · ${t('ev_score')} ${points(x.score, document)} · ${t('ev_upper')} ${points(x.upper, document)}`), interval(x),
    table({
      name: `criteria-${x.subject_id}`, caption: t('ev_criteria'), rows: x.criteria, columns: [
        { key: 'name', label: t('ev_criteria'), value: (one) => title(one.name), raw: (one) => one.name, cell: (one) => `${title(one.name)} · ${t('ev_weight', { n: weight(one.name) })}` },
        ...['lower', 'score', 'upper'].map((key) => ({ key, label: t(`ev_${key}`), num: true, value: (one) => one[key], cell: (one) => h('span', { 'data-criterion': `${one.name} ${key}` }, points(one[key], document)) })),
        { key: 'missing', label: t('ev_missing'), value: (one) => one.missing.join(' '), cell: (one) => (one.missing.length ? h('span', { class: 'badge b-none' }, one.missing.map(inputName).join(', ')) : NONE) },
      ],
    }),
    h('h3', {}, t('ev_inputs')),
    table({
      name: `inputs-${x.subject_id}`, caption: t('ev_inputs'), rows: Object.entries(x.inputs).map(([name, one]) => ({ name, ...one })), columns: [
        { key: 'name', label: t('ev_input'), value: (one) => inputName(one.name), raw: (one) => one.name },
        { key: 'value', label: t('ev_value'), num: true, value: (one) => one.value, cell: (one) => (one.value === null ? h('span', { class: 'badge b-none', 'data-missing': one.name }, t('ev_missing')) : h('span', { 'data-input': one.name }, amount(one.name, one.value))) },
        { key: 'low', label: t('ev_low'), num: true, value: (one) => one.low, cell: (one) => amount(one.name, one.low) },
        { key: 'high', label: t('ev_high'), num: true, value: (one) => one.high, cell: (one) => amount(one.name, one.high) ?? t('ev_endless') },
      ],
    }),
    document.floors?.length ? h('div', {}, document.floors.map((one, i) => h('p', { class: x.floors_met[i] ? 'note' : 'warn' }, `${floorText(one)} — ${t(x.floors_met[i] ? 'ev_floor_met' : 'ev_floor_not')}`))) : null,
    h('h3', {}, t('ev_objections')), objectionsOf(evaluation, x.objections, () => { el.close(); reload(); }),
    openObjection.may() && h('div', { class: 'chips' }, h('button', { type: 'button', id: 'object', on: { click: () => openObjection(evaluation, x, () => { el.close(); reload(); }) } }, t('ev_object'))));
}

/** @param {any} ctx @param {() => void} reload after something was said against a score */
export function rankingCard(ctx, reload) {
  const cursors = [];
  const city = store.session.institution_id === null;
  const el = card(ctx, { title: t('ev_ranking'), note: t('ev_ranking_note'), shape: 'rows', empty: t('ev_none_judged') }, async () => {
    const items = [];
    let answer;
    for (const cursor of [undefined, ...cursors]) {
      answer = await get(`evaluations/${encodeURIComponent(ctx.id)}`, { limit: SHOWN, cursor, institution: ctx.params.institution }, ctx.signal);
      items.push(...answer.items);
    }
    const { document } = answer;
    if (!items.length) return null;
    return h('div', { class: 'stack' }, table({
      name: `evaluation-${ctx.id}`, caption: t('ev_ranking'), rows: items, cards: 'named', entire: true, columns: [
        { key: 'name', label: t('ev_name'), value: (x) => x.name, cell: (x) => h('button', { type: 'button', class: 'link', 'data-judged': x.subject_id, on: { click: () => openJudgement(x, document, answer, reload) } }, x.name) },
        { key: 'subject_id', hidden: true, value: (x) => x.subject_id },
        { key: 'rank', label: t('ev_rank'), num: true, value: (x) => x.rank, cell: (x) => h('span', { 'data-rank': x.subject_id }, x.rank === null ? t('ev_unranked') : `${count(x.rank)}${x.tied > 1 ? ` · ${t('ev_tied', { n: count(x.tied) })}` : ''}`) },
        ...(city && answer.subject === 'instrument' ? [{ key: 'institution_id', label: t('institution'), minor: true, value: (x) => institutionName(x.institution_id), raw: (x) => x.institution_id }] : []),
        { key: 'band', label: t('ev_band'), value: (x) => x.band, cell: (x) => h('span', { class: 'badge' }, bandName(x.band, document), x.band_upper !== x.band && ` … ${bandName(x.band_upper, document)}`) },
        { key: 'interval', label: t('ev_interval'), plain: true, value: () => '', cell: interval, tip: (x) => boundLines(x, document) },
        ...['lower', 'score', 'upper'].map((key) => ({ key, label: t(`ev_${key}`), num: true, minor: key === 'upper', value: (x) => x[key], cell: (x) => (x[key] === null ? h('span', { class: 'badge b-none', 'data-no-score': x.subject_id }, t('ev_missing')) : h('span', { 'data-score': `${x.subject_id} ${key}` }, points(x[key], document))), tip: (x) => boundLines(x, document) })),
        { key: 'objections', label: t('ev_objections'), num: true, value: (x) => x.objections.length, cell: (x) => count(x.objections.length) },
      ],
    }), answer.next_cursor && h('button', { type: 'button', on: { click: () => { cursors.push(answer.next_cursor); el.reload(); } } }, t('more')));
  });
  return el;
}
