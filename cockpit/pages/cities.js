// Cities: what a follower has in the place of one city's page. Sums of what cities published, and
// each city as of when it was last heard; whatever is finer is the cities' own.

import { h } from '../dom.js';
import { questions } from '../follower/asked.js';
import { citiesCard, kpis, regionsCard } from '../follower/figures.js';
import { heardCard } from '../follower/heard.js';
import { pageTitle } from '../pages.js';
import { periodName, picker } from '../period/picker.js';
import { store } from '../store.js';
import { isWhole, lastWhole } from '../time.js';
import { t } from '../words.js';
import '../follower/words.js';

export const NEEDS = [];

export function page(ctx) {
  const tz = store.config.timezone;
  const range = isWhole(ctx.params.range, tz) ? ctx.params.range : lastWhole(tz).month;
  const asked = questions(ctx, range, tz);
  return h('div', { class: 'page' },
    h('div', { class: 'page-head' }, h('h1', {}, pageTitle('city')), h('p', { class: 'note', 'data-value': 'window' }, t('fo_window', { name: periodName(range) })), h('span', { class: 'spacer' }),
      picker(ctx, range, { whole: true })),
    kpis(ctx, asked),
    regionsCard(ctx, asked),
    citiesCard(ctx, asked, tz),
    heardCard(ctx, asked, tz));
}
