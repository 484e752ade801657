// An institution's instruments now: counted live, and listed by what they do.

import { all, get } from '../api.js';
import { badge } from '../booking/badge.js';
import { card, h, state, table } from '../dom.js';
import { count, moment } from '../formats.js';
import { settle } from '../keep.js';
import { go, href } from '../route.js';
import { store } from '../store.js';
import { t } from '../words.js';
import './words.js';

const ACTIVITIES = ['running', 'idle', 'off', 'unknown'];
const PAGE = 12;
const EVERY = 15_000;

/** @param {any} ctx @param {string} id of the institution */
export function nowCard(ctx, id) {
  const tz = store.config.timezone;
  let chosen = ACTIVITIES.includes(ctx.params.state) ? ctx.params.state : null;
  let shown = PAGE;
  let counts = null;
  const tabs = h('div', { class: 'chips home-states', role: 'group', 'aria-label': t('activity') });
  const link = h('p', { class: 'note' });
  const rows = h('div', { class: 'stack' });
  // What is chosen stays where it is while rows come and go: the focus is in it.
  const holder = h('div', { class: 'stack' }, tabs, rows);
  const numbers = new Map();
  const choose = (to) => {
    chosen = to;
    shown = PAGE;
    go({ state: to ?? undefined }, { kept: true });
    draw();
    el.reload({ quiet: true });
  };
  tabs.append(...[null, ...ACTIVITIES].map((one) => {
    const number = h('b', { 'data-value': `home-${one ?? 'all'}` }, '–');
    const button = h('button', { type: 'button', class: 'chip counted', 'data-state': one ?? 'all', on: { click: () => choose(one) } }, one ? state(one) : t('hm_all_states'), number);
    numbers.set(one, { number, button });
    return button;
  }));
  const draw = () => {
    for (const [one, { number, button }] of numbers) {
      button.setAttribute('aria-pressed', String(one === chosen));
      if (counts) number.textContent = count(one ? counts.activity[one] : counts.instruments);
    }
    if (counts) link.replaceChildren(...['online', 'offline', 'never_seen'].flatMap((one) => [t(one), ' ', h('b', { 'data-value': `home-${one}` }, count(counts.connectivity[one])), ' · ']).slice(0, -1));
  };
  draw();
  // The stream's word is as new as can be; what is listed follows it.
  ctx.onLive((live) => {
    const mine = live?.institutions.get(id);
    if (!mine || JSON.stringify(mine.activity) === JSON.stringify(counts?.activity)) return;
    counts = mine;
    draw();
    el.reload({ quiet: true });
  });
  const el = card(ctx, { title: t('hm_now'), note: link, actions: h('a', { class: 'more', href: href('week', { institution: id }) }, t('hm_week')), shape: 'rows', every: EVERY }, async ({ body }) => {
    const [summary, { items, complete }] = await Promise.all([
      get('status/summary', { institution: id }, ctx.signal),
      all('instruments', { institution: id, activity: chosen, sort: 'name', limit: Math.min(shown, 1000) }, { most: shown, signal: ctx.signal }),
    ]);
    counts = summary.overall;
    draw();
    const of = chosen ? counts.activity[chosen] : counts.instruments;
    settle(rows, items.length ? table({
      name: `home-${id}`, caption: t('hm_now'), rows: items, key: (x) => x.instrument_id, cards: 'named', entire: true, columns: [
        { key: 'name', label: t('name'), value: (x) => x.name, cell: (x) => h('a', { href: href('instrument', {}, x.instrument_id), 'data-now': x.instrument_id }, x.name) },
        { key: 'instrument_id', label: t('id'), minor: true, value: (x) => x.instrument_id },
        { key: 'activity', label: t('activity'), value: (x) => x.status.activity, cell: (x) => state(x.status.activity) },
        { key: 'availability', label: t('availability'), value: (x) => x.status.availability, cell: (x) => badge(x.status.availability) },
        { key: 'since', label: t('from'), value: (x) => x.status.since, cell: (x) => moment(x.status.since, tz) },
      ],
    }) : h('p', { class: 'empty' }, t('hm_none_so')),
    complete ? null : h('p', {}, h('button', { type: 'button', on: { click: () => { shown += PAGE * 4; el.reload(); } } }, t('hm_more')), ' ', h('span', { class: 'note' }, t('hm_shown', { k: count(items.length), n: count(of) }))));
    return body.contains(holder) ? undefined : holder;
  });
  return el;
}
