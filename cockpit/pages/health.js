// Health: how many alerts stand, gateways and their sessions, silent devices, dead letters, the lag of ingest.

import { alertsCard } from '../alerts/summary.js';
import { all, get, post } from '../api.js';
import { card, choice, fig, h, state, table } from '../dom.js';
import { gatewayName } from '../named.js';
import { count, fullMoment, moment, percent, span } from '../formats.js';
import { has, t } from '../words.js';
import { institutionName, mayOperate, store } from '../store.js';
import { pageTitle } from '../pages.js';
import { go, href } from '../route.js';
import { signInCard } from '../sign-ins.js';
import { openUnmapped } from '../unmapped.js';

const SILENT = 200;
const LETTERS = 200;
const GATEWAYS = 50; // more of them, a button away

export function page(ctx) {
  const tz = store.config.timezone;
  return h('div', { class: 'page' },
    h('div', { class: 'page-head' }, h('h1', {}, pageTitle('health'))),
    vitals(ctx, tz),
    alertsCard(ctx),
    gatewayCard(ctx, tz),
    h('div', { class: 'grid loose' }, silentCard(ctx, tz), mayOperate() ? letterCard(ctx, tz) : null),
    signInCard(ctx, tz));
}

function vitals(ctx, tz) {
  return card(ctx, { title: t('status'), every: 10_000 }, async ({ note }) => {
    const [counts, summary] = await Promise.all([get('status/gateways', {}, ctx.signal), get('status/summary', {}, ctx.signal)]);
    note(t('as_of', { time: fullMoment(summary.as_of, tz) }));
    const { gateways, online, last_received_at: newest, skew_s: worst } = counts;
    const lag = newest ? (Date.parse(counts.as_of) - Date.parse(newest)) / 1000 : null;
    const o = summary.overall;
    const item = (label, text, lines, name) => h('div', {}, h('dt', {}, label), h('dd', {}, fig(text, lines, { class: 'fig big', 'data-value': name })));
    return h('div', { class: 'now' }, h('dl', {},
      item(t('lag'), lag === null ? '–' : span(Math.max(0, lag)), [t('lag'), t('lag_note'), newest ? fullMoment(newest, tz) : t('never')], 'lag'),
      item(t('gateways_online'), `${count(online)} / ${count(gateways)}`, [t('gateways_online'), percent(gateways ? online / gateways : null, 2)], 'gateways'),
      item(t('silent'), count(o.connectivity.offline), [`${t('offline')} ${count(o.connectivity.offline)} ÷ ${count(o.instruments)}`], 'silent'),
      item(t('never_seen'), count(o.connectivity.never_seen), [`${t('never_seen')} ${count(o.connectivity.never_seen)} ÷ ${count(o.instruments)}`], 'never'),
      item(t('max_skew'), worst === null ? '–' : span(worst), [t('max_skew'), t('skew_note')], 'skew')));
  });
}

/** Gateways, the worst first for whoever looks here at night; paged by the service: a city has thousands. */
function gatewayCard(ctx, tz) {
  let shown = GATEWAYS;
  const only = ctx.params.gateways === 'offline' ? 'offline' : 'all';
  const el = card(ctx, { title: t('gateways'), every: 30_000, shape: 'rows', empty: t('gateways_none'), actions: choice(t('filters'), [['all', t('all')], ['offline', t('offline')]], only, (v) => go({ gateways: v === 'all' ? undefined : v })) }, async ({ note }) => {
    const { items, complete } = await all('gateways', { sort: 'worst', online: only === 'offline' ? false : undefined, limit: Math.min(shown, 1000) }, { most: shown, signal: ctx.signal });
    note([items.length ? t(complete ? 'gateways_all' : 'gateways_more', { n: count(items.length) }) : null, t('skew_note')].filter(Boolean).join(' · '));
    if (!items.length) return null;
    return h('div', { class: 'stack' }, table({
      name: 'gateways', caption: t('gateways'), rows: items, key: (g) => g.gateway_id, entire: true, mark: (g) => (g.online ? null : 'weak'),
      columns: [
        { key: 'gateway_id', label: t('gateway'), value: (g) => g.name, raw: (g) => g.gateway_id, cell: (g) => h('a', { href: href('gateway', {}, g.gateway_id), class: 'with-id' }, g.name, g.name === g.gateway_id ? null : [' ', h('small', {}, g.gateway_id)]) },
        { key: 'institution', label: t('institution'), value: (g) => (g.institution_id ? institutionName(g.institution_id) : null) },
        { key: 'online', label: t('connectivity'), value: (g) => (g.online ? 1 : 0), cell: (g) => h('span', {}, state(g.online === null ? 'unknown' : g.online ? 'online' : 'offline'), g.by_will ? ` (${t('by_will')})` : '') },
        { key: 'since', label: t('from'), value: (g) => g.since, cell: (g) => moment(g.since, tz) },
        { key: 'session', label: t('session'), value: (g) => g.session },
        { key: 'children', label: t('children'), num: true, value: (g) => g.children, cell: (g) => `${count(g.children_online)} / ${count(g.children)}`, bar: (g) => (g.children ? g.children_online / g.children : 0) },
        { key: 'skew_s', label: t('skew'), num: true, value: (g) => g.skew_s, cell: (g) => span(g.skew_s) },
        { key: 'last_received_at', label: t('received'), value: (g) => g.last_received_at, cell: (g) => moment(g.last_received_at, tz, { second: '2-digit' }) },
        ...(mayOperate() ? [{ key: 'unmapped', label: t('unmapped_devices'), plain: true, value: () => '', cell: (g) => h('button', { type: 'button', class: 'link', 'data-unmapped': g.gateway_id, 'aria-label': `${t('show')} · ${t('unmapped_of', { name: g.gateway_id })}`, on: { click: () => openUnmapped(g.gateway_id, tz) } }, t('show')) }] : []),
      ],
    }), complete ? null : h('button', { type: 'button', 'data-more': 'gateways', on: { click: ({ currentTarget: own }) => { own.disabled = true; shown += GATEWAYS * 4; el.reload(); } } }, t('more')));
  });
  return el;
}

function silentCard(ctx, tz) {
  return card(ctx, { title: t('silent'), cls: mayOperate() ? 'w6' : 'w12', every: 30_000, note: t('silent_note', { n: count(SILENT) }), empty: t('none_silent') }, async () => {
    const { items } = await get('instruments', { connectivity: 'offline', limit: SILENT }, ctx.signal);
    if (!items.length) return null;
    return table({
      name: 'silent', caption: t('silent'), rows: items, key: (x) => x.instrument_id, sort: { key: 'last_heartbeat_at', down: false },
      columns: [
        { key: 'name', label: t('name'), value: (x) => x.name, cell: (x) => h('a', { href: href('instrument', {}, x.instrument_id) }, x.name) },
        { key: 'cause', label: t('cause'), value: (x) => x.status.cause, cell: (x) => t(`cause_${x.status.cause}`) },
        { key: 'last_heartbeat_at', label: t('last_heartbeat'), value: (x) => x.status.last_heartbeat_at, cell: (x) => moment(x.status.last_heartbeat_at, tz) },
        { key: 'gateway_id', label: t('gateway'), value: (x) => x.gateway_id, cell: (x) => h('a', { href: href('gateway', {}, x.gateway_id) }, gatewayName(x.gateway_id)) },
        { key: 'institution', label: t('institution'), value: (x) => institutionName(x.institution_id) },
      ],
    });
  });
}

/** For keys that may replay them: what could not be taken may say more than a reader is to see. */
function letterCard(ctx, tz) {
  const chosen = ctx.params.reason;
  const named = (r) => (has(r) ? t(r) : r);
  const el = card(ctx, { title: t('dead_letters'), cls: 'w6', every: 30_000, empty: t('none_dead'), shape: 'rows' }, async ({ note }) => {
    const [counts, list] = await Promise.all([
      get('dead-letters/reasons', { replayed: false }, ctx.signal),
      get('dead-letters', { limit: LETTERS, replayed: false, reason: chosen }, ctx.signal),
    ]);
    const whole = counts.items.reduce((n, x) => n + x.letters, 0);
    note(t('dead_note', { n: count(list.items.length), all: count(chosen ? counts.items.find((x) => x.reason === chosen)?.letters ?? 0 : whole) }));
    if (!whole) return null;
    const done = (button) => {
      button.textContent = t('requested');
      setTimeout(() => el.reload(), 2500);
    };
    const replay = async (path, button) => {
      button.disabled = true;
      try { await post(path); } catch (error) { if (error.status !== 409) throw error; }
      done(button);
    };
    const lines = (x) => [named(x.reason), `${t('heartbeats')} ${count(x.heartbeats)} · ${t('letters')} ${count(x.letters)} · ${t('occurrences')} ${count(x.occurrences)}`, `${t('replayable')} ${count(x.replayable)}`, `${t('received')} ${fullMoment(x.newest_at, tz)}`];
    return h('div', { class: 'stack' },
      table({
        name: 'dead-letter-reasons', caption: t('reason'), rows: counts.items, key: (x) => x.reason, sort: { key: 'heartbeats', down: true },
        columns: [
          { key: 'reason', label: t('reason'), value: (x) => x.reason, cell: (x) => h('a', { href: href('health', { ...ctx.params, reason: x.reason === chosen ? undefined : x.reason }), 'aria-current': x.reason === chosen ? 'true' : null }, named(x.reason)) },
          { key: 'heartbeats', label: t('heartbeats'), num: true, value: (x) => x.heartbeats, cell: (x) => h('span', { 'data-value': `dead-${x.reason}` }, count(x.heartbeats)), tip: lines },
          { key: 'letters', label: t('letters'), num: true, value: (x) => x.letters, cell: (x) => count(x.letters), tip: lines },
          { key: 'occurrences', label: t('occurrences'), num: true, value: (x) => x.occurrences, cell: (x) => count(x.occurrences), tip: lines },
          { key: 'replay', label: t('replay'), plain: true, value: () => '', cell: (x) => (x.replayable ? h('button', { type: 'button', class: 'link', on: { click: (e) => replay(`dead-letters/replay?reason=${x.reason}`, e.target) } }, t('replay_all')) : '–') },
        ],
      }),
      table({
        name: 'dead-letters', caption: t('dead_letters'), rows: list.items, key: (x) => x.id,
        columns: [
          { key: 'received_at', label: t('received'), value: (x) => x.received_at, cell: (x) => moment(x.received_at, tz, { second: '2-digit' }) },
          { key: 'reason', label: t('reason'), value: (x) => x.reason, cell: (x) => named(x.reason) },
          { key: 'gateway_id', label: t('gateway'), value: (x) => x.gateway_id, cell: (x) => gatewayName(x.gateway_id) }, { key: 'instrument_id', label: t('instrument'), value: (x) => x.instrument_id },
          { key: 'detail', label: t('detail'), value: (x) => x.detail, tip: (x) => [named(x.reason), x.detail] },
          { key: 'replay', label: t('replay'), plain: true, value: () => '', cell: (x) => h('button', { type: 'button', class: 'link', on: { click: (e) => replay(`dead-letters/${x.id}/replay`, e.target) } }, t('replay')) },
        ],
      }));
  });
  return el;
}
