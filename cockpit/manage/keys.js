// Keys, for whoever may make them: shown once, listed without their secrets, revoked.

import { all, post, remove } from '../api.js';
import { card, h, select, table } from '../dom.js';
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
        { key: 'scopes', label: t('mg_key_role'), value: (x) => x.scopes.join(' ') },
        { key: 'institution_id', label: t('institution'), value: (x) => x.institution_id ?? t('mg_key_all') },
        { key: 'last_used_at', label: t('mg_key_used'), minor: true, value: (x) => x.last_used_at, cell: (x) => fullMoment(x.last_used_at, tz) },
        { key: 'revoked_at', label: t('mg_key_state'), value: (x) => (x.revoked_at ? t('mg_key_revoked') : t('mg_key_valid')) },
        { key: 'end', label: '', plain: true, value: () => null, cell: (x) => (x.revoked_at ? '' : h('button', { type: 'button', class: 'quiet', 'data-revoke': x.name, 'aria-label': t('mg_key_revoke_of', { name: x.name || x.id }), on: { click: async () => {
          if (!confirm(t('mg_key_sure'))) return;
          await remove(`keys/${encodeURIComponent(x.id)}`);
          el.reload();
        } } }, t('mg_key_revoke'))) },
      ],
    }));
  });
  return el;
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
