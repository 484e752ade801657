// What people do with an alert: acknowledge it with a note, mute its subject for a while, unmute it.

import { post } from '../api.js';
import { dialog, h, select } from '../dom.js';
import { mayOperate } from '../store.js';
import { instantOf, iso, midnight } from '../time.js';
import { t } from '../words.js';
import { kindMeans, kindNext, kindTitle } from './kinds.js';
import './words.js';

const HOUR = 3_600_000;
const LONGEST = 500; // characters of a note

/** @type {Record<string, (now: number, tz: string) => number | null>} */
const UNTIL = {
  no: () => null,
  hour: (now) => now + HOUR,
  tomorrow: (now, tz) => midnight(now, tz, 1) + 8 * HOUR,
  week: (now) => now + 7 * 24 * HOUR,
};

/** Whether this key may see to an alert that stands; the API refuses it all the same. */
export const mayAct = (alert) => mayOperate() && alert.state !== 'closed';

/** The button that opens what may be done; nothing for who may not. */
export const handleButton = (alert, tz, done) => (mayAct(alert) ? h('button', {
  type: 'button', class: alert.state === 'open' ? 'primary small' : 'small', 'data-handle': alert.id,
  'aria-label': t(alert.state === 'open' ? 'al_acknowledge_of' : 'al_handle_of', { name: alert.subject_id }),
  on: { click: () => openHandling(alert, tz, done) },
}, t(alert.state === 'open' ? 'al_acknowledge' : 'al_handle')) : null);

/** Says so to the service; with what it was before, where nothing else is said. */
async function say(alert, note, until) {
  await post(`alerts/${alert.id}/acknowledge`, { note: note || null, mute_until: until === null ? null : iso(until) });
}

function openHandling(alert, tz, done) {
  const wrong = h('p', { class: 'wrong', role: 'alert' });
  const note = h('input', { type: 'text', id: 'alert-note', maxlength: LONGEST, placeholder: t('al_note_hint'), value: alert.note ?? '', autocomplete: 'off' });
  let mute = 'no';
  const at = h('input', { type: 'datetime-local', id: 'alert-until' });
  const own = h('div', { class: 'field', hidden: true }, h('label', { for: 'alert-until' }, t('al_mute_until', { tz })), at);
  const choose = select(t('al_mute'), [['no', t('al_mute_no')], ['hour', t('al_mute_hour')], ['tomorrow', t('al_mute_tomorrow')], ['week', t('al_mute_week')], ['at', t('al_mute_at')]], mute, (to) => { mute = to; own.hidden = to !== 'at'; });
  const act = async (until) => {
    wrong.textContent = '';
    try {
      await say(alert, note.value.trim(), until);
      el.close();
      done();
    } catch (error) {
      // It may have closed meanwhile: then there is nothing to be done.
      if (error.status === 409) { el.close(); done(); } else wrong.textContent = t('al_refused', { why: error.message });
    }
  };
  const form = h('form', { class: 'stack', on: { submit: (event) => {
    event.preventDefault();
    const until = mute === 'at' ? instantOf(Date.parse(`${at.value}Z`), tz) : UNTIL[mute](Date.now(), tz);
    if (until !== null && !(until > Date.now())) { wrong.textContent = t('al_is_past'); at.focus(); return; }
    act(until);
  } } },
  h('p', {}, kindMeans(alert.kind)), h('p', { class: 'note' }, kindNext(alert.kind)),
  h('div', { class: 'field' }, h('label', { for: 'alert-note' }, t('al_note')), note),
  h('div', { class: 'fields' }, choose, own),
  h('p', { class: 'note' }, t('al_mute_note')), wrong,
  h('div', { class: 'chips' },
    h('button', { type: 'submit', class: 'primary', id: 'alert-done' }, t('al_acknowledge')),
    alert.state === 'muted' && h('button', { type: 'button', id: 'alert-unmute', on: { click: () => act(null) } }, t('al_unmute'))));
  const el = dialog(t('al_one', { kind: kindTitle(alert.kind), name: alert.subject_id }), form);
  el.classList.add('alert-handling');
  note.focus();
}
