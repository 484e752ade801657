// On and off as one line over the window, and the stretches of it as a table.

import { h, table, tips } from '../dom.js';
import { fullMoment, moment, span } from '../formats.js';
import { t } from '../words.js';
import './words.js';

const MARKS = 4; // times beneath the line
const NARROW = 0.0015; // of the line: thinner ones would not be seen

/** @param {any} answer the history @param {string} tz @param {boolean} says whether it ever says anything of itself */
export function linkLine(answer, tz, says) {
  const [from, to] = [Date.parse(answer.from), Date.parse(answer.to)];
  const whole = Math.max(1, to - from);
  const share = (ms) => `${Math.max(0, Math.min(1, ms)) * 100}%`;
  const say = t('gw_line_said', { on: span(answer.total.on_s), off: span(answer.total.off_s), unheard: span(answer.total.unheard_s) });
  const line = h('div', { class: 'link-line', role: 'img', 'aria-label': say }, answer.link.map((x, i) => h('i', {
    class: `link-${x.state}`, 'data-stretch': i, vars: { '--l': share((Date.parse(x.from) - from) / whole), '--w': share(Math.max(x.seconds * 1000 / whole, x.state === 'on' ? 0 : NARROW)) },
  })));
  tips(line, '[data-stretch]', (el) => {
    const x = answer.link[Number(el.dataset.stretch)];
    return [t(`link_${x.state}`), `${fullMoment(x.from, tz)} – ${fullMoment(x.to, tz)}`, span(x.seconds)];
  });
  const marks = [...Array(MARKS + 1).keys()].map((n) => h('time', {}, moment(from + (whole * n) / MARKS, tz)));
  return h('div', { class: 'stack' },
    h('div', { class: 'legend' }, ['on', 'off', 'unheard'].map((state) => h('span', { class: 'link-key' }, h('i', { class: `link-${state}`, 'aria-hidden': 'true' }), t(`link_${state}`), h('b', { 'data-value': `link-${state}` }, span(answer.total[`${state}_s`]))))),
    h('div', {}, line, h('div', { class: 'link-marks', 'aria-hidden': 'true' }, marks)),
    says ? null : h('p', { class: 'warn' }, t('gw_never_link')), stretches(answer, tz, says));
}

function stretches(answer, tz, says) {
  const rows = answer.link.filter((x) => x.state !== 'on').reverse();
  if (!rows.length) return says ? h('p', { class: 'note' }, t('gw_no_stretches')) : null;
  return h('details', {}, h('summary', {}, t('gw_stretches')), table({
    name: `gateway-${answer.gateway_id}-link`, caption: t('gw_stretches'), rows, answer, columns: [
      { key: 'state', label: t('gw_state'), value: (x) => t(`link_${x.state}`), raw: (x) => x.state },
      { key: 'from', label: t('from'), value: (x) => x.from, cell: (x) => fullMoment(x.from, tz) },
      { key: 'to', label: t('to'), value: (x) => x.to, cell: (x) => fullMoment(x.to, tz) },
      { key: 'seconds', label: t('gw_length'), num: true, value: (x) => x.seconds, cell: (x) => span(x.seconds) },
    ],
  }));
}
