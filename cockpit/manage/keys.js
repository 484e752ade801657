// Keys, for whoever may make them: shown once, listed without their secrets, rotated, revoked.

import { all, post, remove } from '../api.js';
import { card, dialog, h, select, table } from '../dom.js';
import { fullMoment } from '../formats.js';
import { store } from '../store.js';
import { t } from '../words.js';
import './words.js';

const ROLES = { read: ['read'], operate: ['read', 'operate'], admin: ['read', 'operate', 'admin'] };

export function keysCard(ctx) {
  const tz = store.config.timezone;
  const el = card(ctx, { title: t('mg_keys'), shape: 'rows' }, async () => {
    const { items } = await all('keys', {}, { most: 1000, signal: ctx.signal });
    return h('div', { class: 'stack' }, maker(() => el.reload()), table({
      name: 'keys', caption: t('mg_keys'), rows: items.reverse(), cards: 'named', columns: [
        { key: 'name', label: t('name'), value: (x) => x.name || x.id },
        { key: 'scopes', label: t('mg_key_role'), value: scopesOf },
        { key: 'institution_id', label: t('institution'), value: (x) => x.institution_id ?? t('mg_key_all') },
        { key: 'last_used_at', label: t('mg_key_used'), minor: true, value: (x) => x.last_used_at, cell: (x) => fullMoment(x.last_used_at, tz) },
        { key: 'revoked_at', label: t('mg_key_state'), value: (x) => stateOf(x, tz) },
        { key: 'end', label: '', plain: true, value: () => null, cell: (x) => (isOver(x) ? '' : h('div', { class: 'chips' },
          h('button', { type: 'button', class: 'quiet', 'data-rotate': x.name, 'aria-label': t('mg_key_rotate_of', { name: x.name || x.id }), on: { click: () => rotate(x, () => el.reload()) } }, t('mg_key_rotate')),
          h('button', { type: 'button', class: 'quiet', 'data-revoke': x.name, 'aria-label': t('mg_key_revoke_of', { name: x.name || x.id }), on: { click: async () => {
            if (!confirm(t('mg_key_sure'))) return;
            await remove(`keys/${encodeURIComponent(x.id)}`);
            el.reload();
          } } }, t('mg_key_revoke')))) },
      ],
    }));
  });
  return el;
}

/** Scopes in the page's words: each implies the former, but that of followers is apart. */
function scopesOf({ scopes }) {
  const widest = Object.keys(ROLES).findLast((scope) => scopes.includes(scope));
  const apart = widest !== 'admin' && scopes.includes('federation');
  return [widest, apart && 'federation'].filter(Boolean).map((scope) => t(`mg_key_${scope}`)).join(', ');
}

const isOver = (x) => x.revoked_at || (x.expires_at && Date.parse(x.expires_at) <= Date.now());
const stateOf = (x, tz) => (x.revoked_at ? t('mg_key_revoked') : isOver(x) ? t('mg_key_expired') : x.expires_at ? t('mg_key_until', { time: fullMoment(x.expires_at, tz) }) : t('mg_key_valid'));

/** Seconds for which both keys work, by the word for them. */
const OVERLAPS = [[0, 'mg_overlap_0'], [3_600, 'mg_overlap_hour'], [86_400, 'mg_overlap_day'], [604_800, 'mg_overlap_week'], [2_592_000, 'mg_overlap_month']];

/** A key in another's place: how long both work is asked, the new one shown once. */
function rotate(x, done) {
  let overlap = 0;
  const outcome = h('p', { role: 'status' });
  const button = h('button', { type: 'submit', class: 'primary' }, t('mg_key_rotate'));
  const own = x.id === store.session?.key_id ? h('p', { class: 'warn' }, t('mg_key_own')) : null;
  const el = dialog(t('mg_key_rotate_of', { name: x.name || x.id }), h('form', { class: 'stack', on: { submit: async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const made = await post(`keys/${encodeURIComponent(x.id)}/rotate`, { overlap_s: overlap });
      form.replaceChildren(h('p', {}, t('mg_key_once'), ' ', h('code', { 'data-value': 'rotated' }, made.key)), h('p', { class: 'note' }, t(overlap ? 'mg_key_old_until' : 'mg_key_old_over', { time: fullMoment(made.old_ends_at, store.config.timezone) })));
      el.addEventListener('close', done);
    } catch (error) {
      outcome.textContent = t('mg_refused', { why: error.message });
      button.disabled = false;
    }
  } } }, h('p', {}, t('mg_key_rotate_note')), own, select(t('mg_key_overlap'), OVERLAPS.map(([n, word]) => [String(n), t(String(word))]), '0', (value) => { overlap = Number(value); }), button, outcome));
  const form = el.querySelector('form');
}

let shownOnce = null; // outlives the list's reload, not the page's

function maker(done) {
  let role = 'read';
  const outcome = h('p', { role: 'status' }, shownOnce ? [t('mg_key_once'), ' ', h('code', { 'data-value': 'key' }, shownOnce)] : null);
  shownOnce = null;
  return h('form', { class: 'stack', on: { submit: async (event) => {
    event.preventDefault();
    const { name, home } = event.target.elements;
    try {
      const made = await post('keys', { name: name.value.trim(), scopes: ROLES[role], ...(home.value.trim() ? { institution_id: home.value.trim() } : {}) });
      shownOnce = made.key;
      done();
    } catch (error) { outcome.textContent = t('mg_refused', { why: error.problem?.errors?.[0]?.rule ?? error.message }); }
  } } }, h('h3', {}, t('mg_key_new')), h('div', { class: 'fields' },
    h('label', { class: 'field' }, h('span', {}, t('name')), h('input', { type: 'text', name: 'name', required: true, autocomplete: 'off' })),
    select(t('mg_key_role'), Object.keys(ROLES).map((one) => [one, t(`mg_key_${one}`)]), role, (value) => { role = value; }),
    h('label', { class: 'field' }, h('span', {}, t('mg_key_home')), h('input', { type: 'text', name: 'home', autocomplete: 'off', value: store.session?.institution_id ?? '' })),
    h('button', { type: 'submit', class: 'primary' }, t('mg_key_make'))), outcome);
}
