// Planning maintenance in an hour that is free: what is done, from when to when.

import { post } from '../api.js';
import { dialog, h, select } from '../dom.js';
import { instantOf, iso, offsetAt } from '../time.js';
import { t } from '../words.js';
import { holds, isFree } from './rows.js';
import './words.js';

const LONGEST = 500; // characters of what is done

/** An instant as a field of a form takes it, and back. */
const written = (ms, tz) => new Date(ms + offsetAt(ms, tz)).toISOString().slice(0, 16);
const read = (text, tz) => instantOf(Date.parse(`${text}Z`), tz);

/**
 * @param {any} instrument @param {any} told what its week holds
 * @param {{from: number, to: number, tz: string}} hour the one that was chosen
 * @param {(made: any) => void} done
 */
export function openPlan(instrument, told, { from, to, tz }, done) {
  const wrong = h('p', { class: 'wrong', role: 'alert' });
  const what = h('input', { type: 'text', id: 'plan-what', maxlength: LONGEST, required: true, autocomplete: 'off' });
  const at = (id, ms) => h('input', { type: 'datetime-local', id, required: true, value: written(ms, tz) });
  const [first, last] = [at('plan-from', from), at('plan-to', to)];
  let kind = 'maintenance';
  const save = h('button', { type: 'submit', class: 'primary' }, t('wk_save'));
  /** Why these times will not do, or null. */
  const refused = (start, end) => {
    if (!(end > start)) return t('wk_bad_times');
    if (start < Date.now()) return t('wk_begins_past');
    const taken = [...told.bookings, ...told.plan.filter((x) => x.kind !== 'closed')].filter((x) => Date.parse(x.from) < end && Date.parse(x.to) > start);
    return isFree(holds(told, start, end)) ? null : t('wk_clash', { n: taken.length });
  };
  const form = h('form', { class: 'stack', on: { submit: async (event) => {
    event.preventDefault();
    const [start, end] = [read(first.value, tz), read(last.value, tz)];
    wrong.textContent = refused(start, end) ?? '';
    if (wrong.textContent) { first.focus(); return; }
    save.disabled = true;
    try {
      const made = await post('maintenance', { instrument_id: instrument.instrument_id, from: iso(start), to: iso(end), kind, reason: what.value.trim() || null });
      el.close();
      done(made);
    } catch (error) {
      wrong.textContent = t('wk_refused', { why: error.message });
      save.disabled = false;
    }
  } } },
  h('div', { class: 'field' }, h('label', { for: 'plan-what' }, t('wk_what')), what),
  h('div', { class: 'fields' },
    h('div', { class: 'field' }, h('label', { for: 'plan-from' }, t('wk_from')), first),
    h('div', { class: 'field' }, h('label', { for: 'plan-to' }, t('wk_to')), last),
    select(t('wk_kind'), ['maintenance', 'engineering'].map((one) => [one, t(`wk_kind_${one}`)]), kind, (to_) => { kind = to_; })),
  wrong, h('div', {}, save));
  const el = dialog(t('wk_plan_of', { name: instrument.name }), form);
  what.focus();
}
