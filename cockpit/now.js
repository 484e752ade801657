// What all instruments do now, and whether they are to be had: counts by connectivity, activity
// and availability, as the stream has them.

import { availabilityCounts } from './booking/counts.js';
import { fig, h, skeleton } from './dom.js';
import { clock, count, fullMoment, percent } from './formats.js';
import { store } from './store.js';
import { t } from './words.js';

/** A card of its own beside the map; drawn anew with each event of the stream. */
export function nowCard(ctx) {
  const part = (title, words, name) => {
    const bars = words.map((word) => h('i', { vars: { '--c': `var(--${word})` } }));
    const counts = words.map((word) => fig('–', () => {
      const o = store.live?.overall;
      return o ? [t(word), `${percent(o[name][word] / (o.instruments || 1), 2)} = ${count(o[name][word])} ÷ ${count(o.instruments)}`, t('as_of', { time: fullMoment(store.live.as_of, store.config.timezone) })] : [];
    }, { 'data-count': word }));
    return {
      kids: [h('h3', {}, title), h('div', { class: 'bar-stack', 'aria-hidden': 'true' }, bars),
        h('div', { class: 'legend' }, words.map((word, i) => h('span', { class: `state s-${word}` }, h('i', { 'aria-hidden': 'true' }), t(word), h('b', {}, counts[i]))))],
      draw: (o) => words.forEach((word, i) => {
        bars[i].style.setProperty('--w', `${o[name][word] / (o.instruments || 1) * 100}%`);
        bars[i].hidden = !o[name][word]; // it would leave a gap
        const text = count(o[name][word]);
        if (counts[i].textContent !== text) counts[i].textContent = text;
      }),
    };
  };
  const both = [part(t('connectivity'), ['online', 'offline', 'never_seen'], 'connectivity'), part(t('activity'), ['running', 'idle', 'off', 'unknown'], 'activity'), availabilityCounts()];
  const bare = h('div', { class: 'empty', hidden: true }, h('strong', {}, t('empty_city')), h('p', {}, t('empty_city_text')));
  const full = h('div', { class: 'parts' }, both.flatMap((x) => x.kids));
  const waiting = skeleton('lines');
  const stamp = h('p', { class: 'note' }, '\u00a0');
  const draw = () => {
    const o = store.live?.overall;
    if (!o) { full.hidden = true; return; }
    waiting.remove();
    full.hidden = !o.instruments;
    bare.hidden = Boolean(o.instruments);
    for (const one of both) one.draw(o);
    const text = t('as_of', { time: clock(store.live.as_of, store.config.timezone) });
    if (stamp.textContent !== text) stamp.textContent = text;
  };
  draw();
  ctx.onLive(draw);
  return h('section', { class: 'card', 'aria-label': t('status') },
    h('div', { class: 'card-head' }, h('h2', {}, t('status')), stamp), h('div', { class: 'card-body' }, waiting.isConnected || store.live ? null : waiting, full, bare));
}
