// An institution's answer to a verdict: shown to all, written by its own operators alone. Whoever
// may not see the box is refused by the API all the same.

import { put } from '../api.js';
import { dialog, h } from '../dom.js';
import { moment } from '../formats.js';
import { store } from '../store.js';
import { t } from '../words.js';
import './words.js';

const LONGEST = 2000;

/** Only an institution answers for itself. */
export const mayAnswer = (x) => Boolean(store.session?.institution_id) && store.session.institution_id === x.institution_id && store.session.scopes.includes('operate');

const said = (answer, tz) => h('div', { class: 'said' }, h('q', {}, answer.text), h('span', { class: 'note' }, ` ${t('answered_by', { actor: answer.actor, time: moment(answer.answered_at, tz) })}`));

/** In order: in a closed period answers are added. */
export const answersOf = (x) => [x.answer, ...x.answer_amendments].filter((one) => one !== null);

/**
 * What was answered, and for who may, a button that opens the box.
 * @param {any} x a judged booking or self-report @param {string} path of it below `/v1` @param {string} tz @param {string} about
 */
export function answerCell(x, path, tz, about) {
  const holder = h('div', { class: 'answer', 'data-answer': x.id });
  const draw = () => holder.replaceChildren(...[
    ...answersOf(x).map((one) => said(one, tz)), answersOf(x).length || mayAnswer(x) ? null : '–',
    mayAnswer(x) ? h('button', { type: 'button', class: 'link', 'aria-label': t('answer_to', { name: about, from: moment(x.from, tz) }), on: { click: () => box(x, path, about, draw) } }, t('write_answer')) : null].filter((one) => one !== null));
  draw();
  return holder;
}

function box(x, path, about, draw) {
  const wrong = h('p', { class: 'wrong', role: 'alert' });
  const id = `answer-${x.id}`;
  const text = h('textarea', { id, name: 'answer', rows: 4, maxlength: LONGEST, required: true }, answersOf(x).at(-1)?.text ?? '');
  const form = h('form', { class: 'stack', on: { submit: async (event) => {
    event.preventDefault();
    wrong.textContent = '';
    try {
      const told = await put(`${path}/${x.id}/answer`, { text: text.value.trim() });
      if (x.closed) x.answer_amendments.push(told);
      else x.answer = told;
      draw();
      opened.close();
    } catch (error) {
      wrong.textContent = error.status === 403 || error.status === 404 ? t('not_yours') : t('failed', { why: error.message });
    }
  } } }, h('label', { for: id }, about), h('p', { class: 'note' }, t('answer_hint')), text, wrong, h('div', {}, h('button', { type: 'submit', class: 'primary' }, t('send_answer'))));
  const opened = dialog(t('answer'), form);
  text.focus();
}
