// One gateway: what it is now, when it was on and off, what came of it, and what it left unknown.

import { get } from '../api.js';
import { h } from '../dom.js';
import { bindingCard, cameCard, childrenCard, letterCard, linkCard, nowCard, skewCard, unknownCard } from '../gateway/cards.js';
import { once } from '../once.js';
import { href } from '../route.js';
import { institutionName, store } from '../store.js';
import { picker } from '../period/picker.js';
import { daysIn, daysOf, isFixed, iso, midnight, rangeOr } from '../time.js';
import { t } from '../words.js';
import '../gateway/words.js';

export const NEEDS = ['institutions'];
const HOURLY = 7; // days that are told by the hour
const FRESH = 8_000; // ms that an answer does for all cards

export function page(ctx) {
  const tz = store.config.timezone;
  const range = rangeOr(ctx.params.range, 'd7');
  const heading = h('h1', {}, t('gw_at', { id: ctx.id }));
  const crumbs = h('p', { class: 'crumbs' });
  const own = `gateways/${encodeURIComponent(ctx.id)}`;
  const known = once(async () => {
    const found = await get(own, {}, ctx.signal).catch((error) => {
      if (error.status === 404 || error.status === 422) root.replaceChildren(nobody(ctx.id));
      throw error;
    });
    heading.textContent = found.name === ctx.id ? t('gw_at', { id: ctx.id }) : found.name;
    document.title = `${heading.textContent} · ${t('brand')}`;
    crumbs.replaceChildren(...[found.institution_id && h('a', { href: href('explore', { by: 'instrument', institution: found.institution_id }) }, institutionName(found.institution_id)), h('span', {}, ctx.id)].filter(Boolean).flatMap((x, i) => (i ? [h('span', { 'aria-hidden': 'true' }, '›'), x] : [x])));
    return found;
  }, FRESH);
  // Up to now: whoever looks here wants to see how it stands, too.
  const history = once(() => get(`${own}/history`, { from: daysOf(range, tz).from, to: isFixed(range) ? daysOf(range, tz).to : iso(midnight(Date.now(), tz, 1)), tz, bucket: daysIn(range) <= HOURLY ? 'hour' : 'day' }, ctx.signal), FRESH);
  const c = { ctx, tz, known, history };
  const root = h('div', { class: 'page' },
    h('div', { class: 'page-head' }, h('div', {}, heading, crumbs), h('span', { class: 'spacer' }), picker(ctx, range)),
    nowCard(c), linkCard(c),
    h('div', { class: 'grid' }, unknownCard(c), cameCard(c), skewCard(c), letterCard(c)),
    childrenCard(c), bindingCard(c));
  return root;
}

/** What stands where no gateway is. */
const nobody = (id) => h('section', { class: 'card' }, h('div', { class: 'empty', role: 'alert' },
  h('h1', {}, t('gw_nobody', { id })), h('a', { class: 'more', href: href('health') }, t('gw_to_health'))));
