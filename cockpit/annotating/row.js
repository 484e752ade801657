// One session's row: what was said of it, what is being said, and whether that is kept yet.

import { ApiError } from '../api.js';
import { h } from '../dom.js';
import { clock, moment, span } from '../formats.js';
import { t } from '../words.js';
import { cellOf, labelOf, meaning, valueOf } from './fields.js';
import { keep } from './kept.js';
import { openPerson } from './person.js';

const textOf = (value) => (value === null || value === undefined ? '' : String(value));

/**
 * @param {{id: string, tz: string, fields: string[], use: {at: string, from: string | null, to: string | null, effective_s: number, provisional?: boolean, said: any}, changed: () => void}} given
 *   `use` is a session with what is said of it; without `from` no session holds it any more.
 */
export function rowOf({ id, tz, fields, use, changed }) {
  const name = moment(use.from ?? use.at, tz);
  const state = h('span', { class: 'row-state', role: 'status' });
  const problem = h('p', { class: 'row-problem', hidden: true, id: `p${Math.random().toString(36).slice(2, 9)}` });
  const cells = Object.fromEntries(fields.map((field) => [field, cellOf(field, name, () => edited())]));
  const person = h('button', { type: 'button', class: 'link', 'data-cell': 'person', on: { click: () => openPerson({ id, use, name, save, told }) } });
  const show = (word, text) => {
    state.dataset.state = word;
    state.textContent = text;
  };
  /** What was typed and is not kept yet, by field; with what is wrong in it. */
  const difference = () => {
    const values = {};
    const wrong = {};
    for (const field of fields) {
      const text = cells[field].value;
      if (text.trim() === textOf(valueOf(use.said, field))) continue;
      const { value, rule } = meaning(field, text);
      if (rule) wrong[field] = rule;
      else if (value !== valueOf(use.said, field)) values[field] = value;
    }
    return { values, wrong };
  };
  const blame = (wrong) => {
    for (const field of fields) {
      if (!(field in wrong)) for (const name of ['aria-invalid', 'aria-describedby']) cells[field].removeAttribute(name);
      else for (const [name, value] of [['aria-invalid', 'true'], ['aria-describedby', problem.id]]) cells[field].setAttribute(name, value);
    }
    const rules = Object.entries(wrong);
    problem.hidden = !rules.length;
    problem.textContent = rules.map(([field, rule]) => (fields.includes(field) ? `${labelOf(field)}: ${rule}` : rule)).join(' · ');
  };
  const edited = () => {
    const { values, wrong } = difference();
    const dirty = Object.keys(values).length + Object.keys(wrong).length > 0;
    row.toggleAttribute('data-dirty', dirty);
    show(dirty ? 'changed' : use.said ? 'kept' : 'bare', dirty ? t('row_changed') : use.said ? t('row_kept') : '');
    if (!dirty) blame({});
    changed();
  };
  const told = () => {
    for (const field of fields) cells[field].value = textOf(valueOf(use.said, field));
    person.textContent = use.said?.person ? t('person_there') : t('person_add');
    person.setAttribute('aria-label', `${person.textContent} ${t('person')}, ${name}`);
    blame({});
    edited();
  };
  let running = null;
  /** Keeps what is new in the row, and `more` with it; one after the other. */
  async function save(more = {}) {
    await running;
    const { values, wrong } = difference();
    if (Object.keys(wrong).length) { blame(wrong); show('wrong', t('row_wrong')); return false; }
    if (!Object.keys(values).length && !Object.keys(more).length) return true;
    show('saving', t('row_saving'));
    running = keep(id, use, { ...values, ...more });
    try {
      use.said = await running;
      told();
      show('kept', t('row_saved', { time: clock(Date.now(), tz) }));
      return true;
    } catch (error) {
      if (!(error instanceof ApiError) && !(error instanceof TypeError)) throw error;
      const errors = (error instanceof ApiError && error.problem?.errors) || [];
      blame(errors.length ? Object.fromEntries(errors.map((one) => [one.field.split('.').at(-1), one.rule])) : { '': error.message });
      show('wrong', t('row_wrong'));
      return false;
    } finally {
      running = null;
    }
  }
  const row = /** @type {any} */ (h('tr', { 'data-row': use.at, class: use.from ? null : 'orphan' },
    h('th', { scope: 'row' }, h('b', {}, name), ' ', h('small', {}, use.from ? `${span(use.effective_s)}${use.provisional ? ` · ${t('provisional')}` : ''}` : t('no_session_now'))),
    fields.map((field) => h('td', { 'data-label': labelOf(field), class: `of-${field.split('.')[0]}` }, cells[field])),
    h('td', { 'data-label': t('person') }, person),
    h('td', { class: 'row-told' }, state, problem)));
  row.addEventListener('focusout', (event) => {
    if (!row.contains(event.relatedTarget) && row.hasAttribute('data-dirty')) save();
  });
  row.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') { event.stopPropagation(); told(); } // as it is kept
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) { event.preventDefault(); save(); }
  });
  row.save = save;
  told();
  return row;
}
