// The calendar: a row an instrument, a column a day, hours from left to right within it. One place
// has the focus; arrow keys move it by hours and instruments, and what stands there is said.

import { behind, behindLegend, clocks, nowMark, place, strips, within } from '../booking/line.js';
import { h } from '../dom.js';
import { count, hours, moment, weekdays } from '../formats.js';
import { href } from '../route.js';
import { localDate } from '../time.js';
import { t } from '../words.js';
import { holds, isFree } from './rows.js';
import './words.js';

const HOUR = 3_600_000;
const DATE = { hour: undefined, minute: undefined };
const CLOCK = { month: undefined, day: undefined };

/**
 * @param {{items: any[], days: number[], tz: string, day: number, pick: null | ((instrument: any, told: any, hour: {from: number, to: number}) => void)}} c
 *   `day` is what a phone shows; `pick` is told of a free hour that was chosen
 */
export function calendar({ items, days, tz, day, pick }) {
  const told = new Map();
  const said = h('p', { class: 'note', role: 'status', 'data-value': 'week-said' }, t(pick ? 'wk_keys' : 'wk_keys_look'));
  const names = weekdays();
  const dayName = (n) => `${names[n]} ${moment(days[n], tz, DATE)}`;
  const mark = h('i', { class: 'week-mark', 'aria-hidden': 'true' });
  const at = { row: 0, day, hour: 9 };
  const hourOf = () => { const from = days[at.day] + at.hour * HOUR; return { from, to: from + HOUR }; };
  const cells = items.map((one, row) => [...Array(7).keys()].map((n) => h('td', {
    role: 'gridcell', class: `week-cell d${n}`, tabindex: row === 0 && n === day ? '0' : '-1', 'data-cell': `${one.instrument_id} ${localDate(days[n], tz)}`,
    on: { click: (event) => { const box = event.currentTarget.getBoundingClientRect(); move(row, n, Math.floor((event.clientX - box.left) / box.width * (days[n + 1] - days[n]) / HOUR)); choose(); }, focus: () => { if (at.row !== row || at.day !== n) move(row, n, at.hour); } },
  })));

  /** The place that keys start from goes there, and what holds there is said. */
  function move(row, n, hour) {
    const long = Math.round((days[n + 1] - days[n]) / HOUR); // a day of a change of clocks is longer or shorter
    cells[at.row][at.day].setAttribute('tabindex', '-1');
    Object.assign(at, { row, day: n, hour: Math.max(0, Math.min(long - 1, hour)) });
    const cell = cells[row][n];
    cell.setAttribute('tabindex', '0');
    mark.style.setProperty('--l', `${at.hour / long * 100}%`);
    mark.style.setProperty('--w', `${100 / long}%`);
    (cell.querySelector('.week-line') ?? cell).append(mark);
    if (document.activeElement !== cell) cell.focus({ preventScroll: false });
    say();
  }

  /** What holds in the hour that has the focus, once its row is filled. */
  function say() {
    const { from, to } = hourOf();
    const own = told.get(items[at.row].instrument_id);
    if (own) said.textContent = t('wk_hour', { name: items[at.row].name, day: dayName(at.day), hour: moment(from, tz, CLOCK), what: t(`wk_is_${holds(own, from, to)}`) });
  }

  function choose() {
    const one = items[at.row];
    const own = told.get(one.instrument_id);
    const { from, to } = hourOf();
    if (pick && own && isFree(holds(own, from, to))) pick(one, own, { from, to });
  }

  function onKey(event) {
    if (!event.target.matches('[role=gridcell]')) return;
    const long = Math.round((days[at.day + 1] - days[at.day]) / HOUR);
    const keys = {
      ArrowLeft: () => (at.hour > 0 ? [at.row, at.day, at.hour - 1] : [at.row, at.day - 1, 23]),
      ArrowRight: () => (at.hour < long - 1 ? [at.row, at.day, at.hour + 1] : [at.row, at.day + 1, 0]),
      ArrowUp: () => [at.row - 1, at.day, at.hour], ArrowDown: () => [at.row + 1, at.day, at.hour],
      PageUp: () => [at.row, at.day - 1, at.hour], PageDown: () => [at.row, at.day + 1, at.hour],
      Home: () => [at.row, at.day, 0], End: () => [at.row, at.day, long - 1],
    };
    if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); choose(); return; }
    const to = keys[event.key]?.();
    if (!to) return;
    event.preventDefault();
    if (cells[to[0]]?.[to[1]]?.offsetParent) move(...to); // a phone shows one day alone
  }

  function fill(row, own) {
    const one = items[row];
    told.set(one.instrument_id, own);
    const now = Date.now();
    const running = own.sessions.map((x) => ({ ...x, state: 'running' }));
    cells[row].forEach((cell, n) => {
      const [from, to] = [days[n], days[n + 1]];
      const here = within(from, to);
      const [used, booked] = [own.sessions.filter(here), own.bookings.filter(here)];
      const cut = (x) => (Math.min(to, Date.parse(x.to)) - Math.max(from, Date.parse(x.from))) / 1000;
      const seconds = used.reduce((sum, x) => sum + cut(x), 0);
      cell.setAttribute('aria-label', t('wk_cell', { name: one.name, day: dayName(n), n: count(used.length), h: hours(seconds), b: count(booked.length) }));
      cell.replaceChildren(h('div', { class: 'week-line' },
        behind(own.plan, from, to, tz, dayName(n)),
        booked.map((x) => h('i', { class: 'booked v-ahead', 'data-booking': x.id, vars: place(x, from, to), tip: [`${t('wk_booking')} ${clocks(x, tz)}`, x.feed] })),
        used.length ? h('div', { class: 'measured', tip: [dayName(n), ...used.map((x) => `${t('wk_session')} ${clocks(x, tz)}`)] }, strips(running.filter(here), from, to)) : null,
        nowMark(now, from, to)));
    });
    if (at.row === row) cells[row][at.day].querySelector('.week-line').append(mark);
    if (document.activeElement === cells[row][at.day]) say();
    const total = own.sessions.reduce((sum, x) => sum + (Math.min(days[7], Date.parse(x.to)) - Math.max(days[0], Date.parse(x.from))) / 1000, 0);
    totals[row].textContent = hours(total);
    legend.replaceChildren(...legendOf([...told.values()]));
  }

  const totals = items.map((one) => h('small', { class: 'note', 'data-used': one.instrument_id }));
  const legend = h('div', { class: 'legend' });
  const marks = () => h('span', { class: 'hours', 'aria-hidden': 'true' }, ['0', '6', '12', '18', '24'].map((hour) => h('b', {}, hour)));
  const now = Date.now();
  const grid = h('table', { class: `week-table day-${day}`, role: 'grid', 'aria-label': t(pick ? 'wk_grid' : 'wk_grid_look'), on: { keydown: onKey } },
    h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, t('wk_instrument')), [...Array(7).keys()].map((n) => h('th', { scope: 'col', class: `d${n}${now >= days[n] && now < days[n + 1] ? ' today' : ''}` }, h('span', {}, dayName(n)), marks())))),
    h('tbody', {}, items.map((one, row) => h('tr', {}, h('th', { scope: 'row' }, h('a', { href: href('instrument', { week: localDate(days[0], tz) }, one.instrument_id) }, one.name), ' ', totals[row]), cells[row]))));
  return { el: h('div', { class: 'stack' }, h('div', { class: 'week-scroll' }, grid), said, legend), fill, said };
}

function legendOf(all) {
  return [
    h('span', { class: 'state s-running' }, h('i', { 'aria-hidden': 'true' }), t('wk_session')),
    all.some((one) => one.bookings.length) ? h('span', { class: 'state' }, h('i', { class: 'swatch ahead', 'aria-hidden': 'true' }), t('wk_booking')) : null,
    ...behindLegend(all.flatMap((one) => one.plan)),
  ].filter(Boolean);
}
