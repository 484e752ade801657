// Holidays and make-up working days on a month: days are chosen by pointer or keys, said what they
// are, and what that moves is told before it is written.

import { all, get, post, put, query, remove } from '../api.js';
import { card, choice, h, select } from '../dom.js';
import { count, moment, weekdays } from '../formats.js';
import { go } from '../route.js';
import { store } from '../store.js';
import { instantOf, iso, localDate } from '../time.js';
import { t } from '../words.js';
import { movedTable } from './moved.js';
import './words.js';

const DAY = 86_400_000;
const text = (ms) => new Date(ms).toISOString().slice(0, 10);
const monthOf = (ms) => text(ms).slice(0, 7);
const weekdayOf = (ms) => (new Date(ms).getUTCDay() + 6) % 7; // Monday is 0
const addMonths = (ms, n) => { const at = new Date(ms); return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + n, 1); };
/** Days stand here as midnights of UTC. */
const dated = (ms, options) => moment(ms, 'UTC', { hour: undefined, minute: undefined, ...options });

export function calendarCard(ctx) {
  const today = Date.parse(`${localDate(Date.now(), store.config.timezone)}T00:00Z`);
  const asked = /^\d{4}-(0[1-9]|1[0-2])$/.test(ctx.params.month ?? '') ? Date.parse(`${ctx.params.month}-01T00:00Z`) : today;
  const el = card(ctx, { title: t('mg_calendar'), note: t('mg_calendar_note'), shape: 'rows' }, async () => {
    const about = await get('calendars', { limit: 1 }, ctx.signal);
    return h('div', { class: 'mg-calendar' }, page(ctx, about, asked, today));
  });
  return el;
}

function page(ctx, about, asked, today) {
  const at = { focus: asked, from: asked, to: asked };
  const years = new Map();
  let special = new Map();
  const name = about.calendar;
  const title = h('h3', { 'aria-live': 'polite' });
  const body = h('tbody');
  const cells = new Map();
  const step = (word, months) => h('button', { type: 'button', class: 'quiet', 'data-step': months, on: { click: () => show(addMonths(at.focus, months)) } }, t(word));
  const chosen = (ms) => ms >= Math.min(at.from, at.to) && ms <= Math.max(at.from, at.to);
  const days = () => { const found = []; for (let ms = Math.min(at.from, at.to); ms <= Math.max(at.from, at.to); ms += DAY) found.push(ms); return found; };
  const grid = h('table', { class: 'mg-month', role: 'grid', 'aria-multiselectable': 'true', 'aria-label': t('mg_calendar_grid'), on: {
    keydown: onKey,
    pointerdown: (event) => { const ms = dayOf(event.target); if (ms === null) return; event.preventDefault(); choose(event.shiftKey ? at.from : ms, ms); addEventListener('pointerup', () => { drawing = false; }, { once: true }); drawing = true; },
    pointerover: (event) => { const ms = dayOf(event.target); if (drawing && ms !== null) choose(at.from, ms); },
  } }, h('thead', {}, h('tr', {}, weekdays('short').map((day) => h('th', { scope: 'col' }, day)))), body);
  let drawing = false;
  const editor = h('div', { class: 'stack' });
  const dayOf = (target) => { const cell = target.closest?.('[data-day]'); return cell ? Date.parse(`${cell.dataset.day}T00:00Z`) : null; };

  async function load(ms) {
    const year = new Date(ms).getUTCFullYear();
    if (!years.has(year)) years.set(year, (await all('calendars', { calendar: name, year }, { signal: ctx.signal })).items);
    special = new Map([...years.values()].flat().map((one) => [one.day, one]));
  }

  /** The month of a day, with the focus on it. */
  async function show(ms, { focus = false, from = ms } = {}) {
    const shown = monthOf(at.focus);
    Object.assign(at, { focus: ms, from, to: ms });
    if (monthOf(ms) !== shown || !cells.size) {
      await load(ms);
      draw();
      go({ month: monthOf(ms) }, { quiet: true });
    }
    mark();
    if (focus) cells.get(text(ms))?.focus();
  }

  function draw() {
    title.textContent = dated(at.focus, { year: 'numeric', month: 'long', day: undefined });
    const first = addMonths(at.focus, 0);
    const begin = first - weekdayOf(first) * DAY;
    const end = addMonths(at.focus, 1);
    cells.clear();
    const rows = [];
    for (let week = begin; week < end; week += 7 * DAY) rows.push(h('tr', {}, [...Array(7).keys()].map((n) => cell(week + n * DAY))));
    body.replaceChildren(...rows);
  }

  function cell(ms) {
    if (monthOf(ms) !== monthOf(at.focus)) return h('td', { class: 'other' });
    const one = special.get(text(ms));
    const what = one ? t(`mg_day_${one.kind}`) : '';
    const el = h('td', { role: 'gridcell', tabindex: '-1', 'data-day': text(ms), 'data-kind': one?.kind ?? null, class: `${ms === today ? 'today' : ''}${one && !one.confirmed ? ' planned' : ''}` },
    h('span', { class: 'hidden' }, dated(ms, { weekday: 'long' })), h('b', { 'aria-hidden': 'true' }, String(new Date(ms).getUTCDate())), what ? h('span', {}, what) : null, one?.name ? h('small', {}, one.name) : null, one && !one.confirmed ? h('span', { class: 'hidden' }, t('mg_day_planned')) : null);
    cells.set(text(ms), el);
    return el;
  }

  function mark() {
    for (const [day, el] of cells) {
      const ms = Date.parse(`${day}T00:00Z`);
      el.setAttribute('aria-selected', String(chosen(ms)));
      el.setAttribute('tabindex', ms === at.focus ? '0' : '-1');
    }
    editor.replaceChildren(...edit());
  }

  function choose(from, to) {
    Object.assign(at, { from, to, focus: to });
    mark();
    cells.get(text(to))?.focus();
  }

  function onKey(event) {
    if (dayOf(event.target) === null) return;
    const { focus } = at;
    const to = { ArrowLeft: focus - DAY, ArrowRight: focus + DAY, ArrowUp: focus - 7 * DAY, ArrowDown: focus + 7 * DAY, Home: focus - weekdayOf(focus) * DAY, End: focus + (6 - weekdayOf(focus)) * DAY, PageUp: addMonths(focus, -1), PageDown: addMonths(focus, 1) }[event.key];
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      editor.querySelector('input')?.focus();
    } else if (to !== undefined) {
      event.preventDefault();
      show(to, { focus: true, from: event.shiftKey ? at.from : to });
    }
  }

  /** What the chosen days are, and the two things to do about it. */
  function edit() {
    const one = special.get(text(Math.min(at.from, at.to)));
    let kind = one?.kind ?? 'none';
    let like = String(one?.as_weekday ?? 1);
    const names = weekdays('long');
    const named = h('input', { type: 'text', name: 'name', value: one?.name ?? '', autocomplete: 'off' });
    const decreed = h('input', { type: 'checkbox', name: 'confirmed', checked: one?.confirmed ?? true });
    const hours = select(t('mg_day_like'), names.map((day, n) => [String(n + 1), day]), like, (picked) => { like = picked; });
    const more = h('div', { class: 'fields' }, h('label', { class: 'field' }, h('span', {}, t('name')), named), hours, h('label', { class: 'mg-flag' }, decreed, h('span', {}, t('mg_day_confirmed'))));
    const outcome = h('div', { role: 'status', 'data-outcome': 'calendar' });
    const adapt = () => { more.hidden = kind === 'none'; hours.hidden = kind !== 'workday'; };
    const tell = (told, bad = false) => outcome.replaceChildren(h('p', { class: bad ? 'warn' : '', role: bad ? 'alert' : null }, told));
    const attempt = async (button, work) => {
      button.disabled = true;
      try { await work(); } catch (error) { if (error.name !== 'AbortError') tell(t('mg_refused', { why: error.message }), true); }
      button.disabled = false;
    };
    const stated = { none: { kind: null }, holiday: { kind: 'holiday' }, workday: { kind: 'workday' } };
    const preview = async () => {
      const body = { days: days().map((ms) => ({ day: text(ms), ...stated[kind], ...(kind === 'workday' ? { as_weekday: Number(like) } : {}) })) };
      const tz = store.config.timezone;
      const window = { from: iso(instantOf(addMonths(Math.min(at.from, at.to), 0), tz)), to: iso(instantOf(addMonths(Math.max(at.from, at.to), 1), tz)), tz };
      const ahead = Math.min(at.from, at.to) > today;
      if (ahead) return tell(t('mg_day_ahead'));
      const told = await post(`calendars/${encodeURIComponent(name)}/preview${query(window)}`, body);
      outcome.replaceChildren(h('p', { class: 'note' }, t('mg_day_follow', { n: count(told.following) })), movedTable(told, `calendar-${text(at.from)}`));
    };
    const save = async () => {
      for (const ms of days()) {
        const path = `calendars/${encodeURIComponent(name)}/days/${text(ms)}`;
        if (kind !== 'none') await put(path, { kind, name: named.value.trim(), confirmed: decreed.checked, ...(kind === 'workday' ? { as_weekday: Number(like) } : {}) });
        else if (special.has(text(ms))) await remove(path);
      }
      years.clear();
      await load(at.focus);
      const n = days().length;
      draw();
      mark();
      editor.querySelector('[data-outcome]').replaceChildren(h('p', {}, t('mg_day_saved', { n: count(n) })));
    };
    adapt();
    const [first, last] = [days()[0], days().at(-1)];
    const form = h('form', { class: 'stack', on: { submit: (event) => { event.preventDefault(); attempt(form.querySelector('[data-save]'), save); } } },
      h('h3', {}, first === last ? dated(first, { year: 'numeric', weekday: 'long' }) : `${dated(first, { year: 'numeric' })} – ${dated(last)}`),
      choice(t('mg_day_what'), [['none', t('mg_day_none')], ['holiday', t('mg_day_holiday')], ['workday', t('mg_day_workday')]], kind, (picked) => { kind = picked; adapt(); }),
      more, h('div', { class: 'fields' }, h('button', { type: 'button', 'data-preview': 'calendar', on: { click: ({ currentTarget }) => attempt(currentTarget, preview) } }, t('mg_preview')), h('button', { type: 'submit', class: 'primary', 'data-save': 'calendar' }, t('mg_day_save'))), outcome);
    return [form];
  }

  show(asked);
  const covered = about.calendars.find((one) => one.calendar === name);
  return [h('div', { class: 'stack' }, h('div', { class: 'mg-steps' }, step('mg_month_before', -1), title, step('mg_month_after', 1)), h('div', { class: 'table-scroll' }, grid),
    h('p', { class: 'note' }, t('mg_calendar_keys')),
    covered ? h('p', { class: 'note' }, t('mg_calendar_covers', { name, from: covered.first_day, to: covered.last_day, n: count(covered.unconfirmed) })) : null), editor];
}
