// The periods that there are, the newest first.

import { all } from '../api.js';
import { card, h, table } from '../dom.js';
import { count, moment } from '../formats.js';
import { href } from '../route.js';
import { institutionName, store } from '../store.js';
import { t } from '../words.js';
import { nameOf } from './spans.js';

const MOST = 2000;

export const stateOf = (period) => h('span', { class: `badge b-${period.state}` }, t(`period_${period.state}`));

export const whose = (period) => (period.institution_id === null ? t('whole_city_period') : institutionName(period.institution_id));

export function periodsCard(ctx) {
  const city = store.session.institution_id === null;
  return card(ctx, { title: t('periods'), empty: t('no_periods'), shape: 'rows' }, async ({ note }) => {
    const { items } = await all('periods', {}, { most: MOST, signal: ctx.signal });
    if (!items.length) return null;
    note(t('n_periods', { n: count(items.length), k: count(items.filter((x) => x.state === 'closed').length) }));
    return table({
      name: 'periods', caption: t('periods'), rows: items, sort: { key: 'from', down: true }, columns: [
        { key: 'period_id', label: t('period'), value: (x) => nameOf(x), raw: (x) => x.period_id, cell: (x) => h('a', { href: href('reports', {}, String(x.period_id)), 'data-period': x.period_id }, nameOf(x)) },
        { key: 'state', label: t('state'), value: (x) => x.state, cell: stateOf },
        { key: 'from', label: t('from'), value: (x) => x.from, cell: (x) => moment(x.from, x.tz, { year: 'numeric' }), minor: true },
        ...(city ? [{ key: 'institution_id', label: t('whose'), value: whose, raw: (x) => x.institution_id }] : []),
        { key: 'records', label: t('records'), num: true, value: (x) => x.records, cell: (x) => count(x.records) },
        { key: 'closed_at', label: t('closed_at'), value: (x) => x.closed_at, cell: (x) => (x.closed_at ? moment(x.closed_at, x.tz, { year: 'numeric' }) : ''), minor: true },
      ],
    });
  });
}
