// Whether an instrument is to be had, in words: a sign and its name, until when, and why.
// Signs differ in shape as well as in colour.

import { h } from '../dom.js';
import { moment } from '../formats.js';
import { has, t } from '../words.js';
import './words.js';

/** As the API has them, what is wanted first. */
export const AVAILABILITIES = ['free', 'in_use', 'booked', 'closed', 'maintenance', 'down', 'unknown'];

const SIGNS = {
  free: 'M4 8.5 7 11.5 12.5 5', in_use: 'M6 4.5 11.5 8 6 11.5Z', booked: 'M4.5 5h7v6.5h-7zM4.5 7.5h7', closed: 'M4.5 8h7',
  maintenance: 'M5 11 11 5M5 5l6 6', down: 'M8 4v5M8 11.2v.6', unknown: 'M6 6.2A2 2 0 1 1 8 8.4V9.3M8 11.4v.5',
};

export const sign = (availability) => h('svg', { viewBox: '0 0 16 16', class: `sign a-${availability}`, 'aria-hidden': 'true' },
  h('rect', { x: 0.5, y: 0.5, width: 15, height: 15, rx: availability === 'free' ? 7.5 : 3.5 }), h('path', { d: SIGNS[availability] ?? SIGNS.unknown }));

export const nameOf = (availability) => t(`avail_${availability}`);

export const badge = (availability, extra) => h('span', { class: `avail a-${availability}`, 'data-availability': availability }, sign(availability), nameOf(availability), extra);

/** A word of the API's, or a text of its own, as people say it; what we have no word for stands as it is. */
export function reasonText(reason) {
  if (typeof reason !== 'string') return reason?.text ?? reasonText(reason?.reason ?? reason?.code ?? '');
  return has(`reason_${reason}`) ? t(`reason_${reason}`) : reason.replaceAll('_', ' ');
}

/** All reasons of an answer, each once. */
export const reasonsText = (reasons) => [...new Set((reasons ?? []).map(reasonText).filter(Boolean))].join(' · ');

/** The lines behind a badge: what it is, until when, why. */
export const availabilityLines = (x, tz) => [nameOf(x.availability), x.until && t('until_time', { time: moment(x.until, tz) }), reasonsText(x.reasons) && `${t('because')}: ${reasonsText(x.reasons)}`];
