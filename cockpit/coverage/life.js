// An instrument's life cycle: its state now, and all states with their days and reasons.

import { get } from '../api.js';
import { card, h, table } from '../dom.js';
import { t } from '../words.js';
import './words.js';

export function lifeCard({ ctx }) {
  return card(ctx, { title: t('life_cycle'), cls: 'w4' }, async ({ note }) => {
    const life = await get(`instruments/${encodeURIComponent(ctx.id)}/life-cycle`, {}, ctx.signal);
    const state = life.state && h('b', { 'data-value': 'life-state' }, t(`life_${life.state}`));
    note(...[state, life.since && ` ${t('life_since', { day: life.since })}`].filter(Boolean));
    if (!life.items.length) return h('p', { class: 'note' }, t('life_undated'));
    return table({ name: `life-${ctx.id}`, caption: t('life_cycle'), rows: life.items, columns: [
      { key: 'state', label: t('life_state'), value: (x) => x.state, cell: (x) => t(`life_${x.state}`) },
      { key: 'on', label: t('life_on'), value: (x) => x.on },
      { key: 'reason', label: t('reason'), value: (x) => x.reason },
    ] });
  });
}
