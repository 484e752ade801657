// Who is sent closed periods, how far that is, and what receivers answered.

import { all, get, post } from '../api.js';
import { card, dialog, h, table } from '../dom.js';
import { count, moment } from '../formats.js';
import { institutionName, mayOperate, store } from '../store.js';
import { t } from '../words.js';

const SHOWN = 100; // of each state
const RANK = ['given_up', 'waiting', 'delivered'];

/** The worst that stands: given up, failing, on its way, or all arrived. */
const stateOf = (x) => (x.given_up ? 'dead' : x.state === 'fails' ? 'failing' : x.waiting ? 'waiting' : 'arrived');

export function deliveriesCard(ctx) {
  const tz = store.config.timezone;
  const el = card(ctx, { title: t('deliveries'), note: t('deliveries_note'), every: 15_000, empty: t('no_deliveries'), shape: 'rows' }, async () => {
    const { items } = await all('deliveries', {}, { signal: ctx.signal });
    if (!items.length) return null;
    return table({
      name: 'deliveries', caption: t('deliveries'), rows: items, key: (x) => x.name, mark: (x) => (x.given_up ? 'weak' : null), columns: [
        { key: 'name', label: t('name'), value: (x) => x.name, cell: (x) => h('button', { type: 'button', class: 'link', 'data-delivery': x.name, on: { click: () => openItems(x, tz) } }, x.name) },
        { key: 'institution_id', label: t('whose'), value: (x) => (x.institution === null ? t('whole_city_period') : institutionName(x.institution)), raw: (x) => x.institution, minor: true },
        { key: 'profile', label: t('form'), value: (x) => `${x.profile} · ${x.form}`, raw: (x) => x.profile, minor: true },
        { key: 'url', label: t('receiver'), value: (x) => x.url, cell: (x) => h('span', { class: 'wraps' }, x.url), minor: true },
        { key: 'periods', label: t('periods'), num: true, value: (x) => x.periods, cell: (x) => count(x.periods), minor: true },
        { key: 'waiting', label: t('waiting'), num: true, value: (x) => x.waiting, cell: (x) => count(x.waiting) },
        { key: 'given_up', label: t('given_up'), num: true, value: (x) => x.given_up, cell: (x) => count(x.given_up) },
        { key: 'state', label: t('state'), value: stateOf, cell: (x) => h('span', { class: `badge d-${stateOf(x)}`, 'data-delivery-state': x.name }, t(`delivery_${stateOf(x)}`)) },
        { key: 'failure', label: t('last_failure'), value: (x) => x.failure, cell: (x) => (x.failure ? h('span', { class: 'wraps' }, x.failure, x.failing_since ? ` (${t('since', { time: moment(x.failing_since, tz) })})` : '') : '') },
        ...(mayOperate() ? [{ key: 'retry', label: t('send_again'), plain: true, value: () => '', cell: (x) => (x.given_up || x.state === 'fails' ? h('button', { type: 'button', class: 'link', 'data-retry': x.name, 'aria-label': `${t('send_again')}: ${x.name}`, on: { click: (e) => again(x, e.target, el) } }, t('send_again')) : '') }] : []),
      ],
    });
  });
  return el;
}

async function again(one, button, el) {
  button.disabled = true;
  try { await post(`deliveries/${encodeURIComponent(one.name)}/retry`); } finally { el.reload(); }
}

/** What is or was on its way: dead ends first. */
async function openItems(one, tz) {
  const body = h('div', { class: 'stack' }, h('p', { class: 'note', role: 'status' }, t('loading')));
  dialog(`${t('deliveries')} · ${one.name}`, body);
  try {
    const lists = await Promise.all(RANK.map((state) => get(`deliveries/${encodeURIComponent(one.name)}/items`, { state, limit: SHOWN })));
    const items = lists.flatMap((list) => list.items);
    if (!items.length) { body.replaceChildren(h('p', { class: 'empty' }, t('nothing_sent'))); return; }
    body.replaceChildren(lists.some((list) => list.next_cursor) ? h('p', { class: 'note' }, t('of_each', { n: count(SHOWN) })) : '', table({
      name: `delivery-${one.name}`, caption: t('deliveries'), rows: items, columns: [
        { key: 'item', label: t('what'), value: (x) => x.item, cell: (x) => h('code', {}, x.item) },
        { key: 'state', label: t('state'), value: (x) => RANK.indexOf(x.state), raw: (x) => x.state, cell: (x) => h('span', { class: `badge i-${x.state}` }, t(`item_${x.state}`)) },
        { key: 'tries', label: t('tries'), num: true, value: (x) => x.tries },
        { key: 'tried_at', label: t('tried_at'), value: (x) => x.tried_at, cell: (x) => moment(x.tried_at, tz) },
        { key: 'answer', label: t('last_answer'), value: (x) => answerOf(x), cell: (x) => h('span', { class: 'wraps' }, answerOf(x)) },
      ],
    }));
  } catch (error) {
    body.replaceChildren(h('p', { class: 'warn', role: 'alert' }, t('failed', { why: error.message })));
  }
}

const answerOf = (x) => [x.status, x.error, x.answer].filter((part) => part !== null).join(' · ');
