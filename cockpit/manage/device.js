// What to type into a gateway or its devices, and then whether the instrument is heard: the wait ends
// with its first heartbeat, and says meanwhile what came instead.

import { get, post } from '../api.js';
import { card, h, state } from '../dom.js';
import { fullMoment } from '../formats.js';
import { href } from '../route.js';
import { store } from '../store.js';
import { openUnmapped } from '../unmapped.js';
import { has, t } from '../words.js';
import { mappingChoice } from './source.js';
import './words.js';

const EVERY = 2_000; // milliseconds

/** Where the broker is: as the service was told, else somebody has to be asked. */
const brokerRows = (broker, row, code) => (broker
  ? [row('mg_host', code(broker.host)), row('mg_port', code(String(broker.port))), row('mg_tls', t(broker.tls ? 'mg_tls_on' : 'mg_tls_off'))]
  : [row('mg_host', t('mg_host_ask'))]);

/** Account and topics of a gateway; `instrument` is whose heartbeat a payload is of, `mapping` its device's. */
export function deviceCard(ctx, gateway, instrument, mapping = '') {
  const at = `gateways/${encodeURIComponent(gateway)}/credentials`;
  const el = card(ctx, { title: t('mg_device'), note: t('mg_device_note', { id: gateway }) }, async () => {
    const account = await get(at, {}, ctx.signal);
    const password = h('span', { 'data-value': 'password', role: 'status' }, account.created_at ? t('mg_account_made', { time: fullMoment(account.created_at, store.config.timezone) }) : t('mg_account_none'));
    const make = h('button', { type: 'button', 'data-make': 'password', on: { click: async () => {
      if (account.created_at && !confirm(t('mg_rotate_sure'))) return;
      make.disabled = true;
      try {
        const made = await post(at);
        account.created_at = made.created_at;
        password.replaceChildren(h('code', {}, made.password));
        make.textContent = t('mg_rotate_password');
      } catch (error) { password.textContent = t('mg_refused', { why: error.message }); }
      make.disabled = false;
    } } }, t(account.created_at ? 'mg_rotate_password' : 'mg_make_password'));
    const row = (word, ...value) => [h('dt', {}, t(word)), h('dd', {}, value)];
    const code = (text) => h('code', {}, text);
    const own = `instruments/v1/${gateway}`;
    return h('div', { class: 'stack' }, h('dl', { class: 'facts mg-facts' },
      brokerRows(account.broker, row, code), row('mg_user', code(account.username)), row('mg_password', password, ' ', make),
      row('mg_topic_heartbeat', code(`${own}/heartbeat`)),
      instrument ? row('mg_payload', code(JSON.stringify({ instrument_id: instrument, ts: new Date().toISOString(), state: 'running', interval_s: 60 }))) : null,
      row('mg_topic_native', code(`${own}/native/…`))), mappingChoice(t('mg_mapping_device'), mapping, () => gateway, () => {}));
  });
  return el;
}

/** A line that waits for the first heartbeat. */
export function waitingCard(ctx, instrument, gateway) {
  const line = h('p', { class: 'mg-wait', role: 'status', 'data-heard': 'no' }, t('mg_waiting', { id: instrument }));
  const hints = h('div', { class: 'stack' });
  const since = new Date().toISOString();
  let timer;
  const look = async () => {
    try {
      const told = await get(`instruments/${encodeURIComponent(instrument)}/status`, {}, ctx.signal);
      if (told.last_heartbeat_at) {
        line.dataset.heard = 'yes';
        line.replaceChildren(t('mg_heard', { id: instrument, time: fullMoment(told.last_heartbeat_at, store.config.timezone), state: t(told.activity) }), ' ', state(told.connectivity), ' ', h('a', { href: href('instrument', {}, instrument) }, t('mg_see')));
        hints.replaceChildren();
        return;
      }
      await hint();
    } catch (error) { if (error.name === 'AbortError') return; }
    timer = setTimeout(look, EVERY);
  };
  const hint = async () => {
    const { items } = await get('dead-letters', { gateway, from: since, limit: 20 }, ctx.signal);
    if (!items.length) return;
    const reason = items[0].reason;
    hints.replaceChildren(h('p', { class: 'warn', 'data-hint': reason }, t('mg_letters', { n: items.length, reason: has(`reason_${reason}`) ? t(`reason_${reason}`) : reason })),
      ...(items.some((one) => one.reason === 'unmapped') ? [h('button', { type: 'button', on: { click: () => openUnmapped(gateway, store.config.timezone) } }, t('mg_unmapped_seen'))] : []));
  };
  ctx.onEnd(() => clearTimeout(timer));
  look();
  return h('section', { class: 'card', 'aria-label': t('mg_first') }, h('div', { class: 'card-head' }, h('h2', {}, t('mg_first'))), h('div', { class: 'card-body stack' }, line, hints));
}
