// A form in a dialog: fields, a button, and the service's word where it refuses.

import { dialog, h } from '../dom.js';
import { instantOf, iso, offsetAt } from '../time.js';
import { t } from '../words.js';

/**
 * @param {string} title
 * @param {any[]} fields what `field` and `area` make
 * @param {(value: (name: string) => string) => Promise<any>} save
 * @param {{done: () => void, extra?: any, word?: string}} options
 */
export function form(title, fields, save, { done, extra, word = t('mt_save') }) {
  const wrong = h('p', { class: 'wrong', role: 'alert' });
  const button = h('button', { type: 'submit', class: 'primary' }, word);
  const value = (name) => el.querySelector(`[name=${name}]`)?.value.trim() ?? '';
  const attempt = async (work) => {
    button.disabled = true;
    wrong.textContent = '';
    try {
      await work();
      el.close();
      done();
    } catch (error) {
      wrong.textContent = t('mt_refused', { why: error.message });
      button.disabled = false;
    }
  };
  const el = dialog(title, h('form', { class: 'stack', on: { submit: (event) => { event.preventDefault(); attempt(() => save(value)); } } },
    fields, wrong, h('div', { class: 'chips' }, button, extra?.(attempt))));
  return el;
}

/** One labelled input. */
export const field = (name, label, props = {}) => h('label', { class: 'field' }, h('span', {}, label), h('input', { type: 'text', name, ...props }));

export const area = (name, label, props = {}) => h('label', { class: 'field' }, h('span', {}, label), h('textarea', { name, rows: 4, ...props }));

/** An instant as a `datetime-local` input has it, by the zone's clock, and back. */
export const localTime = (at, tz) => (at == null ? '' : new Date(Date.parse(at) + offsetAt(Date.parse(at), tz)).toISOString().slice(0, 16));
export const instant = (text, tz) => iso(instantOf(Date.parse(`${text}:00Z`), tz));
