// Maintenance: what is due, a month of it, what is down, the six states, and what users say.

import { h, select } from '../dom.js';
import { pageTitle } from '../pages.js';
import { instrumentName } from '../named.js';
import { go, href } from '../route.js';
import { institutionName, store } from '../store.js';
import { picker } from '../period/picker.js';
import { daysOf, rangeOr } from '../time.js';
import { t } from '../words.js';
import { ahead } from '../once.js';
import { askDue, dueCard } from '../maintenance/due.js';
import { feedbackCard, statesCard } from '../maintenance/states.js';
import { calendarCard, downCard } from '../maintenance/stretches.js';
import '../maintenance/words.js';

export const NEEDS = ['institutions'];

const askedOf = ({ id, params }) => ({ institution: params.institution, instrument: id ?? undefined });

/** What is due, which takes longest. */
export const prepare = (ctx) => ahead(() => askDue(ctx, askedOf(ctx)));

export function page(ctx, firstDue) {
  const tz = store.config.timezone;
  const range = rangeOr(ctx.params.range, 'd30');
  const { institution } = ctx.params;
  const asked = askedOf(ctx);
  const window = daysOf(range, tz);
  const changed = () => { for (const one of [due, month, down, states]) one.reload(); };
  const due = dueCard(ctx, asked, tz, firstDue);
  const month = calendarCard(ctx, asked, tz, changed);
  const down = downCard(ctx, asked, tz, changed);
  const states = statesCard(ctx, asked, window, due);
  const homes = [...store.institutions.keys()];
  return h('div', { class: 'page' },
    h('div', { class: 'page-head' },
      h('div', {}, h('h1', {}, pageTitle('maintenance')), ctx.id && h('p', { class: 'crumbs' }, h('a', { href: href('instrument', {}, ctx.id) }, instrumentName(ctx.id)), h('span', { 'aria-hidden': 'true' }, '·'), h('a', { href: href('maintenance') }, t('mt_clear')))),
      h('span', { class: 'spacer' }),
      !ctx.id && homes.length > 1 && select(t('institution'), [['', t('mt_all')], ...homes.map((id) => [id, institutionName(id)])], institution, (id) => go({ institution: id || undefined })),
      picker(ctx, range)),
    due, down, month, states, feedbackCard(ctx, asked, window, due));
}
