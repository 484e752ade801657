// How far use may lie from its booking without a word: every version, and since when.

import { get } from '../api.js';
import { card, h, table } from '../dom.js';
import { moment, span } from '../formats.js';
import { t } from '../words.js';
import './words.js';

const NAMES = { early_s: 'early_s', grace_s: 'grace_s', overrun_s: 'overrun_tol', leave_s: 'leave_tol' };

export function toleranceCard(ctx, tz) {
  return card(ctx, { title: t('tolerances'), note: t('tolerances_note'), shape: 'rows' }, async () => {
    const { items } = await get('reconciliation/tolerances', {}, ctx.signal);
    return h('div', { class: 'stack' }, table({
      name: 'tolerances', caption: t('tolerances'), rows: [...items].reverse(), columns: [
        { key: 'valid_from', label: t('valid_from'), value: (x) => x.valid_from ?? '', raw: (x) => x.valid_from, cell: (x) => (x.valid_from ? moment(x.valid_from, tz, { year: 'numeric' }) : t('from_beginning')) },
        ...Object.entries(NAMES).map(([key, label]) => ({ key, label: t(label), num: true, value: (x) => x[key], cell: (x) => span(x[key]) })),
      ],
    }), h('p', { class: 'note' }, t('claims_note')));
  });
}
