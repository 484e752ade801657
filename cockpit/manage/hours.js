// A week of opening hours: painted by pointer or keys in half hours, or typed to the minute, a line a
// day. What stands there is the field's text, as the API spells it.

import { h, select } from '../dom.js';
import { weekdays } from '../formats.js';
import { t } from '../words.js';
import { DAY, painted, parse, share, spell, typed, WEEK, written } from './ranges.js';
import './words.js';

const STEP = 30; // minutes a cell
const CELLS = DAY / STEP;
/** What most laboratories keep: where somebody begins who has none of their own. @type {[string, string][]} */
const USUAL = [['08:00', '12:00'], ['13:30', '17:30']];
const HOLIDAYS = ['closed', 'as_weekday', 'open'];

/** @param {string} name @param {any} value as the API told it; null: none of its own */
export function hoursControl(name, value) {
  const field = h('input', { type: 'hidden', name, value: value ? JSON.stringify(value) : '' });
  const week = WEEK.map((day) => parse(value?.[day]));
  let holidays = value?.holidays ?? 'closed';
  const names = weekdays('short');
  const state = { paint: /** @type {null | boolean} */ (null), row: 0, column: 16 };

  const own = h('input', { type: 'checkbox', checked: Boolean(value), 'data-own': name, on: { change: () => {
    if (own.checked && week.every((ranges) => !ranges.length)) week.forEach((_, day) => { if (day < 5) week[day] = parse(USUAL); });
    draw();
    say();
  } } });
  const cells = WEEK.map((_, row) => [...Array(CELLS).keys()].map((column) => h('td', { role: 'gridcell', tabindex: '-1', 'data-cell': `${row}-${column}` })));
  const lines = WEEK.map((day, row) => h('input', { type: 'text', 'aria-label': t('mg_hours_of', { day: names[row] }), 'data-day': day, autocomplete: 'off', spellcheck: 'false', on: { change: () => {
    const ranges = typed(lines[row].value);
    if (ranges) lines[row].removeAttribute('aria-invalid');
    else lines[row].setAttribute('aria-invalid', 'true');
    lines[row].setCustomValidity(ranges ? '' : t('mg_hours_bad'));
    wrong.textContent = ranges ? '' : `${names[row]}: ${t('mg_hours_bad')}`;
    if (!ranges) return;
    week[row] = ranges;
    draw();
    say();
  } } }));
  const wrong = h('small', { class: 'mg-wrong', role: 'alert' });
  const said = h('small', { class: 'note', role: 'status' },
    h('span', { class: 'mg-painting' }, t('mg_hours_keys')), h('span', { class: 'mg-typing' }, t('mg_hours_type')));

  const body = h('tbody', {}, WEEK.map((_, row) => h('tr', {}, h('th', { scope: 'row' }, names[row]), cells[row], h('td', { class: 'typed' }, lines[row]))));
  const grid = h('table', { class: 'mg-week', role: 'grid', 'aria-label': t('mg_hours_grid'), on: {
    keydown: onKey,
    pointerdown: (event) => { const at = placeOf(event.target); if (!at) return; event.preventDefault(); state.paint = !isOpen(...at); paint(...at); addEventListener('pointerup', done, { once: true }); },
    pointerover: (event) => { const at = placeOf(event.target); if (at && state.paint !== null) paint(at[0], at[1], at[0] === state.row ? state.column : at[1]); },
  } }, h('thead', {}, h('tr', {}, h('td'), [...Array(24).keys()].map((hour) => h('th', { scope: 'colgroup', colspan: 2 }, hour % 3 ? '' : String(hour))), h('th', { scope: 'col' }, t('mg_hours_typed')))), body);

  /** The pointer may be let go anywhere; what was drawn is told once. */
  function done() {
    state.paint = null;
    say();
  }

  const part = h('div', { class: 'stack' }, h('div', { class: 'mg-week-scroll' }, grid), said, wrong, h('div', { class: 'fields' },
    h('button', { type: 'button', class: 'quiet', 'data-copy': 'mon', on: { click: () => { for (const day of [1, 2, 3, 4]) week[day] = week[0].map((range) => [...range]); draw(); say(); } } }, t('mg_hours_copy')),
    select(t('mg_hours_holidays'), HOLIDAYS.map((one) => [one, t(`mg_holidays_${one}`)]), holidays, (picked) => { holidays = picked; say(); })));

  const placeOf = (el) => el.closest?.('[data-cell]')?.dataset.cell.split('-').map(Number);
  const isOpen = (row, column) => share(week[row], column * STEP, (column + 1) * STEP) > 0.5;

  /** A quick pointer skips cells: all `since` the one before it are meant. */
  function paint(row, column, since = column) {
    week[row] = painted(week[row], Math.min(since, column) * STEP, (Math.max(since, column) + 1) * STEP, state.paint);
    move(row, column);
    drawRow(row);
    drawRow((row + 1) % 7); // a range that passed midnight ended there
  }

  function move(row, column) {
    cells[state.row][state.column].setAttribute('tabindex', '-1');
    Object.assign(state, { row, column });
    cells[row][column].setAttribute('tabindex', '0');
    if (grid.contains(document.activeElement) && placeOf(document.activeElement)) cells[row][column].focus();
  }

  function onKey(event) {
    if (!placeOf(event.target)) return;
    const { row, column } = state;
    const to = { ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1], ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], Home: [row, 0], End: [row, CELLS - 1] }[event.key];
    if (event.key === ' ' || event.key === 'Enter') {
      event.preventDefault();
      state.paint = !isOpen(row, column);
      paint(row, column);
    } else if (to && cells[to[0]]?.[to[1]]) {
      event.preventDefault();
      if (event.shiftKey) { // goes on with what is here
        state.paint = isOpen(row, column);
        paint(to[0], to[1]);
      } else move(to[0], to[1]);
    } else return;
    if (state.paint !== null) done();
  }

  function drawRow(row) {
    const before = week[(row + 6) % 7].map(([from, to]) => [from - DAY, to - DAY]);
    cells[row].forEach((cell, column) => {
      const [from, to] = [column * STEP, (column + 1) * STEP];
      const open = share(week[row], from, to);
      const clock = `${String(Math.floor(from / 60)).padStart(2, '0')}:${String(from % 60).padStart(2, '0')}`;
      cell.className = open === 1 ? 'open' : open ? 'part' : share(before, from, to) ? 'over' : '';
      cell.setAttribute('aria-label', `${names[row]} ${clock} ${t(open > 0.5 ? 'mg_hours_open' : 'mg_hours_shut')}`);
    });
    if (document.activeElement !== lines[row]) lines[row].value = written(week[row]);
  }

  function draw() {
    part.hidden = !own.checked;
    WEEK.forEach((_, row) => drawRow(row));
  }

  /** The text that the form states. */
  function say() {
    const days = Object.fromEntries(WEEK.map((day, row) => [day, spell(week[row])]).filter(([, ranges]) => ranges.length));
    field.value = own.checked ? JSON.stringify({ ...days, holidays }) : '';
    field.dispatchEvent(new Event('change', { bubbles: true }));
  }

  draw();
  move(0, 16);
  return h('fieldset', { class: 'mg-hours' }, h('legend', {}, t('mg_f_opening_hours')), field,
    h('label', { class: 'mg-flag' }, own, h('span', {}, t('mg_hours_own'))), part, h('small', { class: 'mg-wrong', 'data-wrong': name, role: 'alert' }));
}
