// Closing a period: what will be frozen, what follows from it, and the button that does it.

import { post } from '../api.js';
import { dialog, h } from '../dom.js';
import { moment } from '../formats.js';
import { t } from '../words.js';
import { frozenFacts } from './completeness.js';
import { nameOf } from './spans.js';
import { whose } from './periods.js';

const FOLLOWS = ['follows_frozen', 'follows_amended', 'follows_signed', 'follows_final'];

/** @param {any} period an open one @param {() => void} done what to do once it is closed */
export function openClosing(period, done) {
  const facts = h('div', {}, h('p', { class: 'note', role: 'status' }, t('loading')));
  const refusal = h('p', { class: 'warn', role: 'alert', hidden: true });
  const button = h('button', { type: 'button', class: 'primary', id: 'confirm-close', on: { click: async () => {
    button.disabled = true;
    refusal.hidden = true;
    try {
      await post(`periods/${period.period_id}/close`);
      el.close();
      done();
    } catch (error) {
      refusal.hidden = false;
      refusal.textContent = inWords(error, period);
      button.disabled = false;
    }
  } } }, t('close_for_good', { name: nameOf(period) }));
  const el = dialog(t('close_title'),
    h('p', {}, h('b', {}, nameOf(period)), ` · ${whose(period)}`),
    facts,
    h('ul', { class: 'follows' }, FOLLOWS.map((word) => h('li', {}, t(word)))),
    refusal,
    h('div', { class: 'chips' }, button, h('button', { type: 'button', class: 'quiet', on: { click: () => el.close() } }, t('not_now'))));
  // As of now, not as of when the page was opened.
  frozenFacts(period).then((told) => facts.replaceChildren(told),
    (error) => facts.replaceChildren(h('p', { class: 'warn' }, t('failed', { why: error.message }))));
}

/** Why it may not be closed: too early says from when on, anything else what the service says. */
function inWords(error, period) {
  const from = error.problem?.errors?.find((one) => one.field === 'closable_from')?.value;
  return error.status === 409 && from ? t('too_early', { time: moment(from, period.tz, { year: 'numeric' }) }) : t('refused', { why: error.message });
}
