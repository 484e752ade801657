// A laboratory's week: several instruments' measured use, bookings and plans as a calendar.

import { daysOfWeek } from '../booking/week.js';
import { card, h } from '../dom.js';
import { moment, weekdays } from '../formats.js';
import { pageTitle } from '../pages.js';
import { go, href } from '../route.js';
import { institutionName, mayOperate, store } from '../store.js';
import { localDate, midnight } from '../time.js';
import { t } from '../words.js';
import { calendar } from '../week/calendar.js';
import { chips, chooser } from '../week/choosing.js';
import { openPlan } from '../week/plan.js';
import { bookingsOf, named, rowsOf, weekOf } from '../week/rows.js';
import '../week/words.js';

export const NEEDS = ['institutions'];
const DATE = { hour: undefined, minute: undefined };

export function page(ctx) {
  const tz = store.config.timezone;
  const p = ctx.params;
  const own = named(p).length || p.gateway ? null : store.session.institution_id;
  const house = p.institution ?? own;
  const days = daysOfWeek(p.week, tz);
  const today = days.findLastIndex((from) => from <= Date.now());
  const day = /^[1-7]$/.test(p.day ?? '') ? Number(p.day) - 1 : today >= 0 && today < 7 ? today : 0;
  return h('div', { class: 'page' },
    h('div', { class: 'page-head' }, h('h1', {}, house ? t('wk_of_house', { name: institutionName(house) }) : pageTitle('week')), h('span', { class: 'spacer' }), turner(days, tz)),
    chooser(ctx, house), dayTabs(days, day, tz), calendarCard(ctx, { house, days, day, tz }));
}

/** A week back, on, or this one; what else the address says stays. */
function turner(days, tz) {
  const turn = (word, by, sign) => h('button', { type: 'button', id: word.replace('_', '-'), 'aria-label': t(word), title: t(word), on: { click: () => go({ week: by ? localDate(midnight(days[0], tz, by), tz) : undefined, day: undefined }) } }, sign);
  return h('div', { class: 'chips week-turner' }, turn('week_before', -7, '‹'),
    h('span', { class: 'week-of' }, t('week_span', { from: moment(days[0], tz, { ...DATE, year: 'numeric' }), to: moment(days[7] - 1, tz, DATE) })),
    turn('week_after', 7, '›'), turn('this_week', 0, t('this_week')));
}

/** On a phone a day at a time. */
function dayTabs(days, day, tz) {
  const names = weekdays('narrow');
  return h('nav', { class: 'tabs week-days', 'aria-label': t('wk_days') }, names.map((name, n) => h('a', {
    href: href('week', { ...routeParams(), day: String(n + 1) }), 'aria-current': n === day ? 'page' : null,
  }, name, ' ', String(Number(localDate(days[n], tz).slice(8))))));
}

const routeParams = () => Object.fromEntries(new URLSearchParams(location.hash.split('?')[1] ?? ''));

function calendarCard(ctx, { house, days, day, tz }) {
  return card(ctx, { title: pageTitle('week'), note: t('wk_note', { tz }), cls: 'lab-week', shape: 'rows' }, async ({ body }) => {
    const { items, next } = await rowsOf(ctx.params, house, ctx.signal);
    if (!items.length) return h('div', { class: 'empty' }, h('strong', {}, t('wk_none')), h('p', {}, t('wk_none_text')));
    const made = calendar({ items, days, tz, day, pick: mayOperate() ? (one, told, hour) => openPlan(one, told, { ...hour, tz }, async (plan) => {
      await fill(items.indexOf(one), ask());
      made.said.textContent = t('wk_saved', { name: one.name, time: `${moment(plan.from, tz)} – ${moment(plan.to, tz)}` });
    }) : null });
    const ask = () => bookingsOf(items.map((one) => one.instrument_id), days, ctx.signal);
    const fill = async (row, booked) => made.fill(row, await weekOf(items[row].instrument_id, days, booked, ctx.signal));
    const p = ctx.params;
    // The rows stand there at once, and each is filled as its answers come.
    body.replaceChildren(h('div', { class: 'stack' }, chips(items, p), made.el,
      next || p.after ? h('p', { class: 'chips' }, p.after ? h('a', { href: href('week', { ...p, after: undefined }) }, t('wk_first_rows')) : null, next ? h('a', { href: href('week', { ...p, after: next }) }, t('wk_next_rows')) : null) : null));
    const booked = ask();
    await Promise.all(items.map((_, row) => fill(row, booked)));
    return undefined;
  });
}
