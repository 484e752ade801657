// What institutions say against their scores, and what the city answers, once.

import { get, post, put } from '../api.js';
import { card, h } from '../dom.js';
import { moment } from '../formats.js';
import { area, form } from '../maintenance/form.js';
import { institutionName, mayOperate } from '../store.js';
import { t } from '../words.js';
import { mayJudge } from './list.js';
import '../maintenance/words.js';

const SHOWN = 100;

export function openObjection(evaluation, x, done) {
  form(t('ev_object'), [h('p', {}, h('b', {}, x.name)), area('text', t('ev_object_text'), { required: true, maxlength: 4000 })],
    (value) => post(`evaluations/${evaluation.evaluation_id}/objections`, { subject_id: x.subject_id, text: value('text') }), { done, word: t('ev_send') });
}
openObjection.may = mayOperate;

const openAnswer = (evaluation, one, done) => form(t('ev_answer'), [h('p', { class: 'wraps' }, one.text), area('text', t('ev_answer'), { required: true, maxlength: 4000 }), h('p', { class: 'note' }, t('ev_answer_once'))],
  (value) => put(`evaluations/${evaluation.evaluation_id}/objections/${one.objection_id}/answer`, { text: value('text') }), { done, word: t('ev_send') });

export const objectionsOf = (evaluation, items, done) => (items.length ? h('ul', { class: 'ev-said' }, items.map((one) => h('li', { 'data-objection': one.objection_id },
  h('p', { class: 'note' }, `${one.subject_id} · ${institutionName(one.institution_id)} · ${t('ev_said_by', { who: one.made_by, time: moment(one.made_at, evaluation.tz, { year: 'numeric' }) })}`), h('p', { class: 'wraps' }, one.text),
  one.answer === null
    ? h('p', {}, h('span', { class: 'badge b-open' }, t('ev_unanswered')), ' ', mayJudge() && h('button', { type: 'button', class: 'link', 'data-answer': one.objection_id, on: { click: () => openAnswer(evaluation, one, done) } }, t('ev_answer')))
    : h('blockquote', { class: 'wraps', 'data-answered': one.objection_id }, one.answer, h('p', { class: 'note' }, t('ev_said_by', { who: one.answered_by, time: moment(one.answered_at, evaluation.tz, { year: 'numeric' }) })))))) : h('p', { class: 'note' }, t('ev_no_objections')));

export function objectionsCard(ctx, known, reload) {
  return card(ctx, { title: t('ev_objections'), empty: t('ev_no_objections') }, async () => {
    const evaluation = await known();
    const { items } = await get(`evaluations/${evaluation.evaluation_id}/objections`, { limit: SHOWN }, ctx.signal);
    return items.length ? objectionsOf(evaluation, items, reload) : null;
  });
}
