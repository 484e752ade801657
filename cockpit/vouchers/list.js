// Lines of voucher orders by verdict, page by page.

import { all } from '../api.js';
import { card, h, table } from '../dom.js';
import { count, hours, moment } from '../formats.js';
import { instrumentName, nameOrId } from '../named.js';
import { href } from '../route.js';
import { institutionName, store } from '../store.js';
import { t } from '../words.js';
import { orderName, verdictBadge, verdictLines } from './verdicts.js';

const SHOWN = 50; // more of them, a button away

/** @param {any} ctx @param {{verdict?: string, scheme?: string, institution?: string}} asked */
export function listCard(ctx, asked, tz) {
  let shown = SHOWN;
  const bound = store.session.institution_id !== null;
  const el = card(ctx, { title: t('vo_lines'), note: t('vo_lines_note'), shape: 'rows', empty: t(asked.verdict || asked.scheme ? 'vo_none' : 'vo_none_yet') }, async ({ note }) => {
    const answer = await all('voucher-orders', { ...asked, limit: Math.min(shown, 1000) }, { most: shown, signal: ctx.signal });
    const { items, complete } = answer;
    note(items.length ? `${t(complete ? 'vo_shown' : 'vo_shown_more', { n: count(items.length) })} · ${t('vo_lines_note')}` : t('vo_lines_note'));
    if (!items.length) return null;
    const time = (key, label, minor = false) => ({ key, label: `${label} (h)`, num: true, minor, value: (x) => x[key], cell: (x) => h('span', { [`data-${key}`]: x.id }, hours(x[key], false)), tip: verdictLines });
    return h('div', { class: 'stack' }, table({
      name: 'voucher-orders', caption: t('vo_lines'), answer, rows: items, cards: 'named', entire: true, columns: [
        { key: 'order', label: t('vo_order'), value: orderName, cell: (x) => h('a', { href: href('vouchers', {}, String(x.id)), 'data-order': x.id }, orderName(x)) },
        { key: 'instrument_id', label: t('instrument'), value: (x) => nameOrId(x.instrument_id), raw: (x) => x.instrument_id, cell: (x) => instrumentName(x.instrument_id) },
        ...(bound ? [] : [{ key: 'institution_id', label: t('institution'), minor: true, value: (x) => institutionName(x.institution_id), raw: (x) => x.institution_id }]),
        { key: 'from', label: t('from'), value: (x) => x.from, cell: (x) => moment(x.from, tz) },
        { key: 'to', label: t('to'), minor: true, value: (x) => x.to, cell: (x) => moment(x.to, tz) },
        time('claimed_s', t('vo_claimed')), time('used_s', t('vo_used')), time('unknown_s', t('vo_unknown'), true),
        { key: 'verdict', label: t('vo_verdict'), value: (x) => x.verdict, cell: (x) => verdictBadge(x.verdict), tip: verdictLines },
      ],
    }), complete ? null : h('button', { type: 'button', 'data-more': 'voucher-orders', on: { click: ({ currentTarget: own }) => { own.disabled = true; shown += SHOWN * 4; el.reload(); } } }, t('vo_more')));
  });
  return el;
}
