// When each city was last heard, and what its instruments did then.

import { card, h, table } from '../dom.js';
import { NONE, count, moment } from '../formats.js';
import { t } from '../words.js';
import { REFRESH, cityRows } from './asked.js';
import { awayText, behind, named } from './marks.js';
import './words.js';

export const heardCard = (ctx, asked, tz) => card(ctx, { title: t('fo_now'), note: t('fo_now_note'), every: REFRESH, shape: 'rows', empty: t('fo_none') }, async () => {
  const answer = await asked.counts();
  const rows = cityRows(answer);
  const counted = (key, label, of) => ({
    key, label, num: true, value: (x) => (x.published ? of(x) : null),
    cell: (x) => h('span', { 'data-count': `${key} ${x.city.city}` }, x.published ? count(of(x)) : NONE),
  });
  return rows.length ? table({
    name: 'cities-now', caption: t('fo_now'), answer, rows, key: (x) => x.city.city, mark: behind, cards: 'named', columns: [
      { key: 'city', label: t('fo_city'), value: (x) => x.city.name, raw: (x) => x.city.city, cell: (x) => named(x.city, tz) },
      counted('instruments', t('instruments'), (g) => g.instruments),
      counted('online', t('online'), (g) => g.connectivity.online),
      counted('running', t('fo_running'), (g) => g.activity.running),
      counted('speaking', t('fo_speaking'), (g) => g.sensors.speaking),
      counted('listed', t('fo_listed'), (g) => g.sensors.listed),
      { key: 'as_of', label: t('fo_as_of'), value: (x) => x.city.as_of, cell: (x) => h('span', { 'data-count': `as_of ${x.city.city}` }, moment(x.city.as_of, tz)) },
      { key: 'away', label: t('fo_state'), value: (x) => (x.city.away ? awayText(x.city, tz) : t('fo_heard')), raw: (x) => x.city.away },
      { key: 'failure', label: t('fo_failure'), minor: true, value: (x) => x.city.failure, cell: (x) => h('span', { class: 'wraps' }, x.city.failure ?? NONE) },
    ],
  }) : null;
});
