// What of an institution waits to be seen to: each list is the API's first page, with its next step.

import { get } from '../api.js';
import { badge, reasonsText } from '../booking/badge.js';
import { card, h, table } from '../dom.js';
import { count, fullMoment, moment, percent } from '../formats.js';
import { href } from '../route.js';
import { mayOperate, store } from '../store.js';
import { t } from '../words.js';
import { detailText, kindTitle } from '../alerts/kinds.js';
import { subjectOf } from '../alerts/list.js';
import '../alerts/words.js';
import './words.js';

const SHOWN = 8;
const EVERY = 30_000;
const SOON = 30; // days
const named = (x) => h('a', { href: href('instrument', {}, x.instrument_id), 'data-of': x.instrument_id }, x.name ?? x.instrument_id);
const more = (to, word) => h('a', { class: 'more', href: to }, t(word));
const dated = { month: '2-digit', day: '2-digit' };

export function shareCard(ctx, id) {
  const tz = store.config.timezone;
  return card(ctx, { title: t('hm_share'), note: t('hm_share_note'), cls: 'w6', shape: 'rows', every: EVERY, empty: t('hm_share_none'), actions: more(href('available'), 'hm_to_available') }, async () => {
    const { items } = await get('available', { institution: id, sort: 'quietest', limit: SHOWN }, ctx.signal);
    return items.length ? table({
      name: `share-${id}`, caption: t('hm_share'), rows: items, key: (x) => x.instrument_id, cards: 'named', columns: [
        { key: 'name', label: t('name'), value: (x) => x.name, cell: named },
        { key: 'recent_utilization', label: t('hm_recent'), num: true, value: (x) => x.recent_utilization, cell: (x) => h('span', { 'data-recent': x.instrument_id }, percent(x.recent_utilization)) },
        { key: 'until', label: t('hm_free_until'), value: (x) => x.until, cell: (x) => (x.until ? moment(x.until, tz) : t('hm_open_end')), tip: (x) => [reasonsText(x.reasons)] },
        { key: 'availability', label: t('availability'), minor: true, value: (x) => x.availability, cell: (x) => badge(x.availability) },
        { key: 'next', label: t('hm_next'), plain: true, value: () => '', cell: (x) => h('a', { href: href('week', { instrument: x.instrument_id }) }, t('hm_see_week')) },
      ],
    }) : null;
  });
}

export function silentCard(ctx, id) {
  const tz = store.config.timezone;
  return card(ctx, { title: t('hm_silent'), note: t('hm_silent_note'), cls: 'w6', shape: 'rows', every: EVERY }, async () => {
    const [{ items }, { overall }] = await Promise.all([
      get('instruments', { institution: id, connectivity: 'offline', sort: 'last_received_at', limit: SHOWN }, ctx.signal),
      get('status/summary', { institution: id }, ctx.signal),
    ]);
    const never = overall.connectivity.never_seen;
    const byGateway = (x) => x.status.cause === 'gateway' && x.gateway_id;
    return h('div', { class: 'stack' }, items.length ? table({
      name: `silent-${id}`, caption: t('hm_silent'), rows: items, key: (x) => x.instrument_id, cards: 'named', columns: [
        { key: 'name', label: t('name'), value: (x) => x.name, cell: named },
        { key: 'since', label: t('hm_since'), value: (x) => x.status.since, cell: (x) => h('span', { 'data-silent': x.instrument_id }, moment(x.status.since, tz)), tip: (x) => [t('hm_since'), `${t('last_heartbeat')} ${fullMoment(x.status.last_heartbeat_at, tz)}`, `${t('received')} ${fullMoment(x.status.last_received_at, tz)}`] },
        { key: 'cause', label: t('cause'), value: (x) => (x.status.cause ? t(`cause_${x.status.cause}`) : null) },
        { key: 'next', label: t('hm_next'), plain: true, value: () => '', cell: (x) => (byGateway(x) ? h('a', { href: href('gateway', {}, x.gateway_id) }, t('hm_see_gateway')) : h('a', { href: href('instrument', {}, x.instrument_id) }, t('hm_see_instrument'))) },
      ],
    }) : h('p', { class: 'empty' }, t('hm_silent_none')),
    overall.connectivity.offline > items.length ? h('p', { class: 'note' }, t('hm_shown', { k: count(items.length), n: count(overall.connectivity.offline) })) : null,
    never ? h('p', { class: 'note', 'data-value': 'home-never' }, t('hm_never', { n: count(never) })) : null);
  });
}

export function alertsCard(ctx, id) {
  const tz = store.config.timezone;
  return card(ctx, { title: t('alerts'), note: t('alerts_one_cause'), cls: 'w6', shape: 'rows', every: EVERY, empty: t('hm_alerts_none'), actions: more(href('alerts', { institution: id }), 'all_alerts') }, async () => {
    const { items } = await get('alerts', { institution: id, state: 'open', limit: SHOWN }, ctx.signal);
    return items.length ? table({
      name: `alerts-${id}`, caption: t('alerts'), rows: items, key: (x) => x.id, cards: 'named', columns: [
        { key: 'kind', label: t('al_kind'), value: (x) => kindTitle(x.kind), cell: (x) => h('a', { href: href('alerts', {}, String(x.id)), 'data-alert': x.id }, kindTitle(x.kind)) },
        { key: 'subject_id', label: t('al_subject'), value: (x) => x.subject_id, cell: subjectOf },
        { key: 'detail', label: t('al_what'), minor: true, value: (x) => detailText(x, tz), cell: (x) => h('span', { class: 'wraps' }, detailText(x, tz)) },
        { key: 'since', label: t('from'), value: (x) => x.since, cell: (x) => moment(x.since, tz) },
      ],
    }) : null;
  });
}

export function dueCard(ctx, id) {
  const tz = store.config.timezone;
  return card(ctx, { title: t('hm_due'), note: t('hm_due_note'), cls: 'w6', shape: 'rows', every: 60_000, empty: t('hm_due_none') }, async () => {
    const { items } = await get('maintenance/due', { institution: id, within_days: SOON, limit: SHOWN }, ctx.signal);
    return items.length ? table({
      name: `due-${id}`, caption: t('hm_due'), rows: items, key: (x) => x.id, cards: 'named', columns: [
        { key: 'name', label: t('hm_what'), value: (x) => x.name, cell: (x) => h('span', { class: 'wraps', 'data-due': x.id }, x.name) },
        { key: 'instrument_id', label: t('instrument'), value: (x) => x.instrument_id, cell: (x) => h('a', { href: href('instrument', {}, x.instrument_id) }, x.instrument_id) },
        { key: 'expected_at', label: t('hm_expected'), value: (x) => x.expected_at, cell: (x) => [moment(x.expected_at, tz, { ...dated, hour: undefined, minute: undefined }), x.overdue ? ` · ${t('hm_overdue')}` : ''].join('') },
        { key: 'next', label: t('hm_next'), plain: true, value: () => '', cell: (x) => h('a', { href: href('week', { instrument: x.instrument_id }) }, t(mayOperate() ? 'hm_plan' : 'hm_see_week')) },
      ],
    }) : null;
  });
}

export function lacksCard(ctx, id) {
  const tz = store.config.timezone;
  return card(ctx, { title: t('hm_lacks'), cls: 'w6', every: 60_000 }, async ({ note }) => {
    const answer = await get('periods/completeness', { institution: id, window: 'last-month', tz, limit: 1 }, ctx.signal);
    const day = (at) => moment(at, tz, { ...dated, hour: undefined, minute: undefined });
    note(t('hm_lacks_of', { from: day(answer.from), to: day(Date.parse(answer.to) - 1) }));
    const mine = answer.items[0];
    if (!mine) return h('p', { class: 'empty' }, t('hm_nothing_to_tell'));
    const step = (name, text, to, word) => h('li', { 'data-lack': name }, h('span', {}, text), to ? h('a', { href: to }, t(word)) : null);
    const reports = href('reports', {}, mine.period_id === null ? null : String(mine.period_id));
    return h('ul', { class: 'home-steps' },
      mine.state === 'none' ? step('period', t('hm_period_none'), mayOperate() && reports, 'hm_make_period')
        : mine.state === 'open' ? step('period', t('hm_period_open'), reports, mayOperate() ? 'hm_close_period' : 'hm_see_period')
          : step('period', t('hm_period_closed', { time: moment(mine.closed_at, tz) }), reports, 'hm_see_period'),
      step('coverage', t('hm_covered', { p: percent(mine.coverage) }), href('explore', { by: 'instrument', institution: id, min: 0, sort: 'coverage' }), 'hm_see_unknown'),
      mine.never_seen_instruments ? step('never', t('hm_never_seen', { n: count(mine.never_seen_instruments) }), href('home', { state: 'unknown' }, id), 'hm_see_never') : null,
      mine.records_without_annotation ? step('annotations', t('hm_bare', { k: count(mine.records_without_annotation), n: count(mine.records) }), reports, 'hm_see_period') : null,
      mine.state === 'open' ? formLacks(ctx, mine.period_id, step, reports) : null);
  });
}

/** How many gaps an open period has for the form that it is sent in; asked for by itself, since it reads records. */
function formLacks(ctx, period, step, to) {
  const line = h('li', { hidden: true });
  get(`periods/${period}/check`, { profile: 'nrii-columns', limit: 1 }, ctx.signal)
    .then(({ lacks }) => line.replaceWith(step('form', t('hm_fields', { k: count(lacks), form: 'NRII' }), to, mayOperate() ? 'hm_fill' : 'hm_see_period')))
    .catch((error) => { if (error.name !== 'AbortError' && error.status === undefined && !(error instanceof TypeError)) throw error; });
  return line;
}
