// What became of bookings and self-reports, in words; signs differ in shape as well as in colour.

import { answersOf } from './answers.js';
import { h } from '../dom.js';
import { span } from '../formats.js';
import { t } from '../words.js';
import './words.js';

/** As the API has them; what is worth a look comes first. */
export const VERDICTS = ['no_show', 'late', 'early_leave', 'overrun', 'blocked', 'undetermined', 'kept'];
export const CLAIMS = ['over_reported', 'under_reported', 'unmeasured', 'consistent'];

const SIGNS = {
  kept: 'M4 8.5 7 11.5 12.5 5', no_show: 'M5 5l6 6M11 5l-6 6', late: 'M8 4.5V8l2.5 2', early_leave: 'M4.5 8h7M8.5 5l3 3-3 3', overrun: 'M4.5 8h4.5M9.5 5v6M12 5v6',
  blocked: 'M4.5 11.5l7-7', undetermined: 'M6 6.2A2 2 0 1 1 8 8.4V9.3M8 11.4v.5',
  over_reported: 'M8 12V4.5M5 7.5l3-3 3 3', under_reported: 'M8 4v7.5M5 8.5l3 3 3-3', unmeasured: 'M6 6.2A2 2 0 1 1 8 8.4V9.3M8 11.4v.5', consistent: 'M4 8.5 7 11.5 12.5 5',
};

export const verdictSign = (word) => h('svg', { viewBox: '0 0 16 16', class: `sign v-${word}`, 'aria-hidden': 'true' },
  h('rect', { x: 0.5, y: 0.5, width: 15, height: 15, rx: 3.5 }), h('path', { d: SIGNS[word] }));

export const verdictNames = (verdicts) => verdicts.map((one) => t(`v_${one}`)).join(' · ');

/** All verdicts of a booking, each with its sign. */
export const verdictBadges = (verdicts) => h('span', { class: 'verdicts' }, verdicts.map((one) => h('span', { class: `avail v-${one}`, 'data-verdict': one }, verdictSign(one), t(`v_${one}`))));

export const claimBadge = (claim) => h('span', { class: `avail v-${claim}`, 'data-claim': claim }, verdictSign(claim), t(`c_${claim}`));

const lengthOf = (x) => (Date.parse(x.to) - Date.parse(x.from)) / 1000;

/** What stands behind a booking's verdict. */
export const verdictLines = (x) => [...x.verdicts.map((one) => `${t(`v_${one}`)}: ${t(`vn_${one}`)}`),
  t('used_of', { used: span(x.used_s), all: span(lengthOf(x)) }), x.unknown_s ? `${t('unknown')} ${span(x.unknown_s)}` : null,
  ...answersOf(x).map((one) => `${t('answer')}: ${one.text}`)];
