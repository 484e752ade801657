// What speaks for an instrument that is to be had: its marks, and of each part why, in words.
// Parts that we have no words for say what the API says of them.

import { fig, h } from '../dom.js';
import { count, distance, percent } from '../formats.js';
import { has, t } from '../words.js';
import './words.js';

const FULL = 1000; // the most that a part can have

/** A part's reason: by its marks, which are shares of what each part says it is of. */
function because(part, x) {
  if (part.name === 'distance') return x.distance_m === null ? t('fit_no_place') : t('fit_distance', { d: distance(x.distance_m) });
  if (!has(`fit_${part.name}`)) return part.because;
  if (part.marks === FULL && has(`fit_${part.name}_full`)) return t(`fit_${part.name}_full`);
  return t(`fit_${part.name}`, { p: percent(part.marks / FULL, 0) });
}

/** Each part's reason, the one that weighs most first. */
export const fitReasons = (x) => [...(x.fit?.parts ?? [])].sort((a, b) => b.weight * b.marks - a.weight * a.marks).map((part) => because(part, x));

const lines = (x) => {
  const weight = x.fit.parts.reduce((sum, part) => sum + part.weight, 0);
  return [`${t('fit')} ${count(x.fit.marks)} / ${count(FULL)}`, ...x.fit.parts.map((part) => `${has(`fitn_${part.name}`) ? t(`fitn_${part.name}`) : part.name}: ${count(part.marks)} × ${count(part.weight)} ÷ ${count(weight)} · ${because(part, x)}`)];
};

/** The marks as a number of a hundred and a bar; nothing where the API gives none. */
export function fitMarks(x) {
  if (!x.fit) return null;
  return h('span', { class: 'fit-marks' }, h('span', { class: 'meter', 'aria-hidden': 'true' }, h('i', { vars: { '--w': `${x.fit.marks / FULL * 100}%` } })),
    fig(`${t('fit')} ${count(Math.round(x.fit.marks / 10))}`, () => lines(x), { 'data-fit': x.instrument_id }));
}
