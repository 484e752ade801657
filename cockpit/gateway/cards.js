// The cards of a gateway's page: what it is now, its history, who is behind it, how it is registered.

import { all, get } from '../api.js';
import { badge } from '../booking/badge.js';
import { card, fig, h, state, table } from '../dom.js';
import { count, fullMoment, hours, moment, percent, span } from '../formats.js';
import { href } from '../route.js';
import { mayOperate } from '../store.js';
import { t } from '../words.js';
import { linkLine } from './link.js';
import { series } from './series.js';
import './words.js';

const EVERY = 30_000;
const HISTORY_EVERY = 300_000; // raw heartbeats of a week are counted for it
const CHILDREN = 50;
const CAUSES = { gateway: 'offline', device: 'unknown', collector: 'idle', before_first: 'never_seen' };
const path = (id, more = '') => `gateways/${encodeURIComponent(id)}${more}`;

export function nowCard({ ctx, tz, known }) {
  return card(ctx, { title: t('gw_now'), every: EVERY }, async () => {
    const [g, counts] = await Promise.all([known(), get('alerts', { subject: ctx.id, state: 'open', limit: 20 }, ctx.signal)]);
    const open = counts.items.filter((one) => one.kind.startsWith('gateway_')).length;
    const item = (name, value) => h('div', {}, h('dt', {}, name), h('dd', {}, value));
    return h('div', { class: 'now' }, h('span', { class: 'headline', 'data-value': 'link' }, state(g.online === null ? 'unknown' : g.online ? 'online' : 'offline'), g.by_will ? h('span', { class: 'note' }, ` (${t('by_will')})`) : ''), h('dl', {},
      g.online === null ? item(t('gw_said'), t('gw_never_says')) : item(t('from'), fullMoment(g.since, tz)),
      item(t('gw_children'), h('span', { 'data-value': 'children' }, `${count(g.children_online)} / ${count(g.children)}`)),
      item(t('received'), g.last_received_at ? fullMoment(g.last_received_at, tz) : t('never')),
      item(t('gw_skew'), fig(span(g.skew_s), [t('gw_skew'), t('skew_note'), g.skew_at && fullMoment(g.skew_at, tz)])),
      g.session && item(t('gw_session'), g.session),
      item(t('gw_alerts'), h('span', { class: 'chips' }, open ? h('a', { href: href('alerts', { subject: ctx.id }), 'data-value': 'open-alerts' }, t('gw_alerts_of', { n: count(open) })) : t('gw_no_alerts'), h('a', { href: href('alerts', { subject: ctx.id, state: 'closed' }) }, t('gw_history_of'))))));
  });
}

export function linkCard({ ctx, tz, known, history }) {
  return card(ctx, { title: t('gw_line'), note: t('gw_line_note'), every: HISTORY_EVERY }, async () => {
    const [g, answer] = await Promise.all([known(), history()]);
    return linkLine(answer, tz, g.online !== null);
  });
}

export function unknownCard({ ctx, tz, history }) {
  return card(ctx, { title: t('gw_unknown'), note: t('gw_unknown_note'), cls: 'w6', shape: 'bars', every: HISTORY_EVERY }, async ({ note }) => {
    const answer = await history();
    const { total } = answer;
    if (!total.window_s) return h('p', { class: 'empty' }, t('gw_no_children'));
    const causes = Object.keys(CAUSES).filter((cause) => total.unknown_by_cause[cause]);
    note(...causes.flatMap((cause, i) => [i ? ' · ' : '', h('span', { 'data-value': `unknown-${cause}` }, t('gw_share_of', { cause: t(`cause_${cause}`), h: hours(total.unknown_by_cause[cause]), p: percent(total.unknown_by_cause[cause] / total.window_s) }))]));
    if (!total.unknown_s) return h('p', { class: 'empty' }, t('gw_no_unknown'));
    const share = (cause) => (part) => (part.window_s ? part.unknown_by_cause[cause] / part.window_s : null);
    return series(ctx, answer.buckets, answer.bucket, tz, causes.map((cause) => ({ name: t(`cause_${cause}`), color: CAUSES[cause], value: share(cause) })), {
      say: `${t('gw_unknown')}: ${percent(total.unknown_s / total.window_s)}`, text: (x) => percent(x), max: 1,
    });
  });
}

export function cameCard({ ctx, tz, history }) {
  return card(ctx, { title: t('gw_came'), note: t('gw_came_note'), cls: 'w6', shape: 'bars', every: HISTORY_EVERY }, async ({ note }) => {
    const answer = await history();
    const told = answer.buckets.filter((part) => part.heartbeats !== null);
    if (!told.length) return h('p', { class: 'empty' }, t('gw_raw_gone'));
    const n = told.reduce((sum, part) => sum + part.heartbeats, 0);
    note(h('b', { 'data-value': 'heartbeats' }, count(n)), ` · ${t('gw_replayed')} ${count(told.reduce((sum, part) => sum + part.replayed, 0))} · ${t('gw_came_note')}`);
    if (!n) return h('p', { class: 'empty' }, t('gw_none_came'));
    return series(ctx, answer.buckets, answer.bucket, tz, [
      { name: t('gw_live'), color: 'running', value: (part) => (part.heartbeats === null ? null : part.heartbeats - part.replayed) },
      { name: t('gw_replayed'), color: 'idle', value: (part) => part.replayed },
    ], { say: t('gw_chart_said', { n: count(told.length), most: count(Math.max(...told.map((part) => part.heartbeats))) }), text: count });
  });
}

export function skewCard({ ctx, tz, history }) {
  return card(ctx, { title: t('gw_skew'), note: t('gw_skew_note'), cls: 'w6', shape: 'bars', every: HISTORY_EVERY }, async () => {
    const answer = await history();
    if (answer.buckets.every((part) => part.heartbeats === null)) return h('p', { class: 'empty' }, t('gw_raw_gone'));
    if (answer.buckets.every((part) => part.skew_s === null)) return h('p', { class: 'empty' }, t('gw_none_came'));
    return series(ctx, answer.buckets, answer.bucket, tz, [{ name: t('gw_skew'), color: 'accent', value: (part) => part.skew_s }], {
      say: `${t('gw_skew')}: ${span(answer.total.skew_s)}`, text: span, line: true,
    });
  });
}

export function letterCard({ ctx, tz, history }) {
  return card(ctx, { title: t('gw_letters'), note: t('gw_letters_note'), cls: 'w6', shape: 'bars', every: HISTORY_EVERY }, async ({ note }) => {
    const answer = await history();
    note(h('b', { 'data-value': 'letters' }, count(answer.total.dead_letters)), ` · ${t('gw_letters_note')}`);
    if (!answer.total.dead_letters) return h('p', { class: 'empty' }, t('none_dead'));
    return series(ctx, answer.buckets, answer.bucket, tz, [{ name: t('gw_letters'), color: 'bad', value: (part) => part.dead_letters }], {
      say: `${t('gw_letters')}: ${count(answer.total.dead_letters)}`, text: count,
    });
  });
}

export function childrenCard({ ctx, tz }) {
  let shown = CHILDREN;
  const el = card(ctx, { title: t('gw_instruments'), every: EVERY, shape: 'rows', empty: t('gw_none_behind') }, async ({ note }) => {
    const { items, complete } = await all('instruments', { gateway: ctx.id, limit: Math.min(shown, 1000) }, { most: shown, signal: ctx.signal });
    if (!items.length) return null;
    note(t(complete ? 'gw_n_all' : 'gw_n_more', { n: count(items.length) }));
    return h('div', { class: 'stack' }, table({
      name: `gateway-${ctx.id}-instruments`, caption: t('gw_instruments'), rows: items, key: (x) => x.instrument_id, cards: 'named', entire: true, columns: [
        { key: 'name', label: t('name'), value: (x) => x.name, cell: (x) => h('a', { href: href('instrument', {}, x.instrument_id), 'data-child': x.instrument_id }, x.name) },
        { key: 'instrument_id', label: t('id'), value: (x) => x.instrument_id, minor: true },
        { key: 'connectivity', label: t('connectivity'), value: (x) => x.status.connectivity, cell: (x) => state(x.status.connectivity) },
        { key: 'activity', label: t('activity'), value: (x) => x.status.activity, cell: (x) => state(x.status.activity) },
        { key: 'availability', label: t('availability'), value: (x) => x.status.availability, cell: (x) => badge(x.status.availability), minor: true },
        { key: 'cause', label: t('cause'), value: (x) => (x.status.cause ? t(`cause_${x.status.cause}`) : null), minor: true },
        { key: 'last_heartbeat_at', label: t('last_heartbeat'), value: (x) => x.status.last_heartbeat_at, cell: (x) => moment(x.status.last_heartbeat_at, tz) },
      ],
    }), complete ? null : h('button', { type: 'button', on: { click: ({ currentTarget: own }) => { own.disabled = true; shown += CHILDREN * 4; el.reload(); } } }, t('gw_more')));
  });
  return el;
}

export function bindingCard({ ctx, tz, known }) {
  return card(ctx, { title: t('gw_binding') }, async () => {
    const [g, versions, account] = await Promise.all([
      known(), get(path(ctx.id, '/versions'), {}, ctx.signal),
      mayOperate() ? get(path(ctx.id, '/credentials'), {}, ctx.signal) : null,
    ]);
    const row = (name, value) => [h('dt', {}, name), h('dd', {}, value)];
    return h('div', { class: 'stack' },
      h('dl', { class: 'facts' },
        account && row(t('gw_account'), h('span', { 'data-value': 'account' }, account.created_at ? `${account.username} · ${t('gw_account_yes', { time: fullMoment(account.created_at, tz) })}` : t('gw_account_no'))),
        row(t('gw_topics'), h('code', {}, `instruments/v1/${ctx.id}/…`)),
        g.sparkplug && row(t('gw_sparkplug'), `${g.sparkplug.group} / ${g.sparkplug.node}`),
        row(t('gw_correction'), g.clock_correction_s ? span(g.clock_correction_s) : t('gw_no_correction'))),
      table({
        name: `gateway-${ctx.id}-versions`, caption: t('gw_corrections'), rows: [...versions.items].reverse(), columns: [
          { key: 'valid_from', label: t('gw_from'), value: (x) => x.valid_from, cell: (x) => fullMoment(x.valid_from, tz) },
          { key: 'clock_correction_s', label: t('gw_correction'), num: true, value: (x) => x.clock_correction_s, cell: (x) => (x.clock_correction_s ? span(x.clock_correction_s) : '–') },
          { key: 'institution_id', label: t('institution'), value: (x) => x.institution_id },
          { key: 'name', label: t('name'), value: (x) => x.name },
        ],
      }));
  });
}
