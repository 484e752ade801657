// Who asked for a use: apart from the sheet, with a word on how it is kept and how it is forgotten.

import { dialog, h } from '../dom.js';
import { t } from '../words.js';
import { forget } from './kept.js';

const PARTS = ['name', 'phone', 'email'];
const TYPES = { phone: 'tel', email: 'email' };

/** @param {{id: string, use: any, name: string, save: (more: object) => Promise<boolean>, told: () => void}} given */
export function openPerson({ use, name, save, told }) {
  const now = use.said?.person ?? {};
  const problem = h('p', { class: 'wrong', role: 'alert' });
  const inputs = Object.fromEntries(PARTS.map((part) => [part, h('input', { type: TYPES[part] ?? 'text', name: part, value: now[part] ?? '', autocomplete: 'off' })]));
  const form = h('form', { class: 'stack', novalidate: true, on: { submit: async (event) => {
    event.preventDefault();
    const person = Object.fromEntries(PARTS.map((part) => [part, inputs[part].value.trim() || null]));
    if (await save({ person })) el.close();
    else problem.textContent = t('row_wrong');
  } } },
  h('p', { class: 'note', id: 'person-kept' }, t('person_kept')),
  h('div', { class: 'fields' }, PARTS.map((part) => h('label', { class: 'field' }, h('span', {}, t(`person_${part}`)), inputs[part]))),
  problem,
  h('div', { class: 'chips' },
    h('button', { type: 'submit', class: 'primary' }, t('keep')),
    use.said?.person && h('button', { type: 'button', id: 'forget-person', on: { click: async () => {
      try {
        use.said = await forget(use.said);
        told();
        el.close();
      } catch (error) { problem.textContent = t('failed', { why: error.message }); }
    } } }, t('person_forget'))));
  const el = dialog(`${t('person')} · ${name}`, form);
  inputs.name.focus();
}
