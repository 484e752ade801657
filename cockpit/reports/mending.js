// Where each lack of a form is mended: at the sessions, at the registry, or in the period's own values.

import { get, patch, put } from '../api.js';
import { dialog, h } from '../dom.js';
import { href } from '../route.js';
import { t } from '../words.js';

/** Places of which each value is one field of one thing. */
const EDITED = { instrument: (x) => `instruments/${encodeURIComponent(x.instrument_id)}`, institution: (x) => `institutions/${encodeURIComponent(x.institution_id)}` };

/** What leads to mending `lack`, or null where nothing can: what was measured is as it is. */
export function mend(lack, period, done) {
  const name = `${lack.name}, ${lack.column}`;
  if (lack.place === 'annotation' || lack.place === 'person') {
    const also = lack.value.startsWith('annotation.') ? lack.value.slice('annotation.'.length) : null; // a column of its own, where the sheet has none
    return h('a', { 'aria-label': `${t('mend_sessions')}: ${name}`, href: href('instrument', { from: period.from, to: period.to, also }, lack.instrument_id) }, t('mend_sessions'));
  }
  if (EDITED[lack.place] || lack.place === 'values') {
    return h('button', { type: 'button', class: 'link', 'aria-label': `${t('mend_here')}: ${name}`, on: { click: () => openField(lack, period, done) } }, t('mend_here'));
  }
  return null;
}

/** One value to fill in, wherever it belongs. */
function openField(lack, period, done) {
  const [, ...path] = lack.value.split('.');
  const input = h('input', { type: 'text', name: 'value', required: true, autocomplete: 'off', 'aria-label': lack.column });
  const problem = h('p', { class: 'wrong', role: 'alert' });
  const el = dialog(lack.column, h('form', { class: 'stack', on: { submit: async (event) => {
    event.preventDefault();
    problem.textContent = '';
    try {
      await write(lack, period, path, input.value.trim());
      el.close();
      done();
    } catch (error) { problem.textContent = error.message; }
  } } },
  h('p', {}, h('b', {}, lack.place === 'institution' ? lack.institution_id : lack.name), ` · ${lack.rule}`),
  h('p', { class: 'note' }, t(`mend_${lack.place}`)),
  h('label', { class: 'field' }, h('span', {}, lack.column), input), problem,
  h('div', { class: 'chips' }, h('button', { type: 'submit', class: 'primary' }, t('keep_it')))));
  input.focus();
}

async function write(lack, period, [field, ...keys], text) {
  if (lack.place === 'values') {
    const at = `periods/${period.period_id}/values/${encodeURIComponent(lack.instrument_id)}`;
    const now = await get(at);
    return put(at, { fields: { ...now.fields, [[field, ...keys].join('.')]: text } });
  }
  const at = EDITED[lack.place](lack);
  // A report has the registry of its period's end: what is said today must hold by then.
  const since = { valid_from: period.from };
  // What is no number goes as it is: the service says what is wrong with it.
  if (!keys.length) return patch(at, { ...since, [field]: field === 'value_cny' ? Number(text) || text : text });
  const now = await get(at); // a document of names is set as a whole
  return patch(at, { ...since, [field]: { ...now[field], [keys.join('.')]: text } });
}
