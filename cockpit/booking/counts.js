// How many instruments are to be had: of all, of a district, of an institution. The stream tells it;
// the counts that are asked for before its first word do not, so it may be missing for a moment.

import { fig, h } from '../dom.js';
import { count, fullMoment, percent } from '../formats.js';
import { store } from '../store.js';
import { t } from '../words.js';
import { AVAILABILITIES, nameOf, sign } from './badge.js';
import './words.js';

/** Free ÷ all of a group of the stream's; null where it is not known. */
export const freeShare = (g) => (g?.availability && g.instruments ? g.availability.free / g.instruments : null);

/** What stands behind it: the share, and what the others are. */
export const freeLines = (g) => (g?.availability ? [
  `${t('free_share')} ${percent(freeShare(g))} = ${count(g.availability.free)} ÷ ${count(g.instruments)}`,
  AVAILABILITIES.filter((one) => g.availability[one]).map((one) => `${nameOf(one)} ${count(g.availability[one])}`).join(' · ')] : []);

/** The same as signs with their counts, those that somebody has. */
export const countBadges = (g) => h('div', { class: 'legend' }, AVAILABILITIES.filter((one) => g?.availability?.[one]).map((one) => h('span', { class: `avail a-${one}` }, sign(one), nameOf(one), h('b', {}, count(g.availability[one])))));

/** A bar and its legend of all instruments, drawn by `draw(overall)`; ones that nobody has are left out. */
export function availabilityCounts() {
  const lines = (one) => () => {
    const o = store.live?.overall;
    return o?.availability ? [nameOf(one), `${percent(o.availability[one] / (o.instruments || 1), 2)} = ${count(o.availability[one])} ÷ ${count(o.instruments)}`, t('as_of', { time: fullMoment(store.live.as_of, store.config.timezone) })] : [];
  };
  const parts = AVAILABILITIES.map((one) => {
    const n = fig('–', lines(one), { 'data-count': `avail-${one}` });
    return { one, n, bar: h('i', { class: `a-${one}` }), word: h('span', { class: `avail a-${one}` }, sign(one), nameOf(one), h('b', {}, n)) };
  });
  const holder = h('div', { class: 'parts', hidden: true }, h('h3', {}, t('availability')),
    h('div', { class: 'bar-stack', 'aria-hidden': 'true' }, parts.map((x) => x.bar)), h('div', { class: 'legend' }, parts.map((x) => x.word)));
  return {
    kids: [holder],
    draw: (o) => {
      holder.hidden = !o.availability;
      if (!o.availability) return;
      for (const { one, n, bar, word } of parts) {
        const k = o.availability[one];
        bar.style.setProperty('--w', `${k / (o.instruments || 1) * 100}%`);
        for (const el of [bar, word]) el.hidden = !k && one !== 'free';
        if (n.textContent !== count(k)) n.textContent = count(k);
      }
    },
  };
}
