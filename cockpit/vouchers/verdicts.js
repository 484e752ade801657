// What lines of voucher orders are, in words; signs differ in shape as well as in colour.

import { h } from '../dom.js';
import { hours } from '../formats.js';
import { t } from '../words.js';
import './words.js';

/** As the API has them; what is worth a look comes first. */
export const VERDICTS = ['undetermined', 'none', 'partly', 'covered'];

const SIGNS = { covered: 'M4 8.5 7 11.5 12.5 5', partly: 'M4.5 8h7', none: 'M5 5l6 6M11 5l-6 6', undetermined: 'M6 6.2A2 2 0 1 1 8 8.4V9.3M8 11.4v.5' };

/** "none" is a word of many meanings; of lines it is that nothing was used. */
const word = (verdict) => (verdict === 'none' ? 'none_used' : verdict);
export const verdictName = (verdict) => t(`vo_${word(verdict)}`);

export const verdictBadge = (verdict) => h('span', { class: `avail v-${verdict}`, 'data-verdict': verdict },
  h('svg', { viewBox: '0 0 16 16', class: `sign v-${verdict}`, 'aria-hidden': 'true' }, h('rect', { x: 0.5, y: 0.5, width: 15, height: 15, rx: 3.5 }), h('path', { d: SIGNS[verdict] })), verdictName(verdict));

export const doubtOf = (one) => (one.doubt ? t(`vo_doubt_${one.doubt}`) : null);

/** The lines behind a verdict. */
export const verdictLines = (one) => [`${verdictName(one.verdict)}: ${doubtOf(one) ?? t(`von_${word(one.verdict)}`)}`,
  `${t('vo_claimed')} ${hours(one.claimed_s)} · ${t('vo_needed')} ${hours(one.needed_s)} (${t('vo_tolerance')})`,
  `${t('vo_used')} ${hours(one.used_s)} · ${t('vo_confirmed')} ${hours(one.confirmed_s)} · ${t('vo_possible')} ${hours(one.possible_s)}`,
  `${t('vo_effective')} ${hours(one.effective_s)} · ${t('vo_others')} ${hours(one.used_by_others_s)} · ${t('vo_unknown')} ${hours(one.unknown_s)}`];

export const orderName = (one) => `${one.scheme}/${one.reference}/${one.line}`;
