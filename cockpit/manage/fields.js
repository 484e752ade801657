// Every field of a record that may be stated, and what its text means: the API judges the values.
// Opening hours are painted (hours.js), a device is chosen by its mapping (source.js).

import { h } from '../dom.js';
import { store } from '../store.js';
import { instantOf, iso } from '../time.js';
import { t } from '../words.js';
import { hoursControl } from './hours.js';
import { sourceControl } from './source.js';

/** Name, then how it is typed: text unless said. `!` must be stated. */
const LISTED = {
  instrument: 'name! institution_id! gateway_id! district_code class_code model manufacturer class_scheme kind:general|special value_cny:number rated_hours_per_year:number interval_s:number hold_s:number source:source power_rule:json opening_hours:hours timezone lon:number lat:number always_on:flag session_gap_s:number session_min_s:number planned_on:date accepted_on:date acquired_on:date suspensions:json external_ids:json report_fields:json retired_on:date',
  gateway: 'name institution_id clock_correction_s:number sparkplug:json retired_on:date',
  institution: 'name name_en kind district_code address lon:number lat:number timezone opening_hours:hours external_ids:json region_code report_fields:json retired_on:date',
};
/** Shown before "more fields" is opened. */
const FIRST = { instrument: 7, gateway: 2, institution: 4 };

/** @param {string} kind */
export const fieldsOf = (kind) => LISTED[kind].split(' ').map((text, at) => {
  const [name, form = 'text'] = text.split(':');
  return { name: name.replace('!', ''), required: name.endsWith('!'), form, first: at < FIRST[kind] };
});

/** A control with its label and the place for what the API says of it. */
export function control({ name, required = false, form = 'text' }, value, hint = null) {
  if (form === 'hours') return hoursControl(name, value);
  if (form === 'source') return sourceControl(name, value);
  const choices = form === 'flag' ? [['true', t('mg_yes')], ['false', t('mg_no')]] : form.includes('|') ? form.split('|').map((one) => [one, t(one)]) : null;
  const said = value === null || value === undefined ? '' : form === 'json' ? JSON.stringify(value) : String(value);
  const shared = { name, required, 'aria-describedby': `mg-${name}-wrong` };
  const el = choices
    ? h('select', shared, h('option', { value: '' }, t('mg_default')), choices.map(([key, text]) => h('option', { value: key, selected: key === said }, text)))
    : h('input', { ...shared, type: form === 'date' ? 'date' : 'text', inputmode: form === 'number' ? 'decimal' : null, value: said, autocomplete: 'off', spellcheck: 'false' });
  return h('label', { class: 'field mg-field' }, h('span', {}, t(`mg_f_${name}`), required ? ' *' : ''), el,
    hint ? h('small', { class: 'note' }, hint) : null, h('small', { class: 'mg-wrong', id: `mg-${name}-wrong`, 'data-wrong': name, role: 'alert' }));
}

/** What a control's text means: null where it is empty. Throws a SyntaxError of JSON. */
export function meaning(form, text) {
  const plain = text.trim();
  if (!plain) return null;
  if (form === 'flag') return plain === 'true';
  if (['json', 'hours', 'source'].includes(form)) return JSON.parse(plain);
  // A day is its first instant, by the service's clock.
  if (form === 'moment' && /^\d{4}-\d\d-\d\d$/.test(plain)) return iso(instantOf(Date.parse(`${plain}T00:00Z`), store.config.timezone));
  // What is no number goes as it is: the API says what it must be.
  if (form === 'number') return Number.isFinite(Number(plain)) ? Number(plain) : plain;
  return plain;
}

/** Put what the API refuses beside its fields; returns what belongs to none of them. */
export function showWrong(form, error) {
  clearWrong(form);
  const rest = [];
  for (const { field, rule } of error.problem?.errors ?? []) {
    const name = field.replace(/^body\./, '').split('.')[0];
    const place = form.querySelector(`[data-wrong="${CSS.escape(name === 'path' || /_id$/.test(name) && !form.elements[name] ? 'id' : name)}"]`);
    if (!place) { rest.push(`${field}: ${rule}`); continue; }
    place.textContent = rule;
    place.closest('details')?.setAttribute('open', '');
    place.parentElement.querySelector('input, select').setAttribute('aria-invalid', 'true');
  }
  form.querySelector('[aria-invalid]')?.focus();
  return rest.length ? rest.join('; ') : error.message;
}

export function clearWrong(form) {
  for (const place of form.querySelectorAll('[data-wrong]')) place.textContent = '';
  for (const el of form.querySelectorAll('[aria-invalid]')) el.removeAttribute('aria-invalid');
}
