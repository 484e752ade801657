// How many alerts stand, by kind: where they are not what the page is about.

import { get } from '../api.js';
import { card, h } from '../dom.js';
import { count } from '../formats.js';
import { href } from '../route.js';
import { t } from '../words.js';
import { KIND_NAMES, kindTitle } from './kinds.js';
import './words.js';

const EVERY = 15_000;
export const STANDING = ['open', 'acknowledged', 'muted'];

/** Kinds in the order in which they are known; others behind them. */
const order = (kind) => (KIND_NAMES.indexOf(kind) + 1) || KIND_NAMES.length + 1;

/** By state, how many stand in all, and by kind. */
export function countsOf(items) {
  const found = Object.fromEntries(STANDING.map((state) => [state, { all: 0, kinds: new Map() }]));
  for (const { kind, state, alerts } of [...items].sort((a, b) => order(a.kind) - order(b.kind))) {
    found[state].all += alerts;
    found[state].kinds.set(kind, alerts);
  }
  return found;
}

export function alertsCard(ctx) {
  return card(ctx, { title: t('alerts'), note: t('alerts_one_cause'), every: EVERY, actions: h('a', { class: 'more', href: href('alerts') }, t('all_alerts')) }, async () => {
    const counts = countsOf((await get('alerts/counts', {}, ctx.signal)).items);
    const chips = [...counts.open.kinds].map(([kind, n]) => h('a', { class: 'chip counted', href: href('alerts', { kind }), 'data-alerts': kind }, kindTitle(kind), h('b', {}, count(n))));
    return h('div', { class: 'alert-counts' },
      h('p', { class: 'note' }, STANDING.map((state, i) => [i ? ' · ' : '', t(`al_state_${state}`), ' ', h('b', { 'data-value': `alerts-${state}` }, count(counts[state].all))])),
      chips.length ? h('div', { class: 'chips' }, chips) : h('p', { class: 'empty' }, t('al_none_open')));
  });
}
