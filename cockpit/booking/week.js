// An instrument's week: bookings over measured use, closed hours and maintenance behind them.
// One line a local day; the same as tables beside and below it. What a booking's verdict rests on
// is a click away.

import { all, get } from '../api.js';
import { STATES } from '../charts.js';
import { card, h, icon, table } from '../dom.js';
import { explain } from '../explain.js';
import { hours, moment, span, weekdays } from '../formats.js';
import { go } from '../route.js';
import { instantOf, iso, localDate, midnight } from '../time.js';
import { t } from '../words.js';
import { VERDICTS, verdictBadges, verdictLines, verdictNames, verdictSign } from './verdicts.js';
import { behind, behindLegend, clocks, nowMark, place, strips, within } from './line.js';
import './words.js';

const WEEKS = /^\d{4}-\d{2}-\d{2}$/;
const DATE = { hour: undefined, minute: undefined };

/** Midnight of the Monday of a local date (or of now), and of the seven days after it. */
export function daysOfWeek(date, tz, now = Date.now()) {
  const asked = WEEKS.test(date ?? '') ? Date.parse(`${date}T00:00Z`) : NaN;
  const start = Number.isNaN(asked) ? midnight(now, tz) : instantOf(asked, tz);
  const weekday = (new Date(`${localDate(start, tz)}T00:00Z`).getUTCDay() + 6) % 7;
  return [...Array(8).keys()].map((n) => midnight(start, tz, n - weekday));
}

export function weekCard({ ctx, known }) {
  let week = ctx.params.week;
  const title = h('span', { class: 'week-of', 'aria-live': 'polite' });
  const turn = (name, days, sign) => h('button', { type: 'button', 'aria-label': t(name), title: t(name), on: { click: async () => {
    const { timezone: tz } = await known();
    const [monday] = daysOfWeek(week, tz);
    week = days ? localDate(midnight(monday, tz, days), tz) : undefined;
    go({ week, booking: undefined }, { kept: true });
    el.reload();
  } } }, sign);
  const el = card(ctx, {
    title: t('week_of'), note: t('week_note'), every: 60_000, cls: 'week-card',
    actions: [turn('week_before', -7, '‹'), title, turn('week_after', 7, '›'), turn('this_week', 0, t('this_week'))],
  }, async () => {
    const { timezone: tz, name } = await known();
    const days = daysOfWeek(week, tz);
    const told = await load(ctx, days, tz);
    title.textContent = t('week_span', { from: moment(days[0], tz, { ...DATE, year: 'numeric' }), to: moment(days[7] - 1, tz, DATE) });
    const open = (x) => explain(ctx.id, x, tz, { signal: ctx.signal });
    return h('div', { class: 'week-halves' }, picture(told, days, tz, name, open, ctx.params.booking), h('div', { class: 'stack' }, bookingTable(ctx.id, told, tz, name, open), dayTable(ctx.id, told, tz)));
  });
  if (week) requestAnimationFrame(() => el.scrollIntoView({ block: 'start' }));
  return el;
}

async function load(ctx, days, tz) {
  const id = encodeURIComponent(ctx.id);
  const now = Date.now();
  const span_ = { from: iso(days[0]), to: iso(days[7]) };
  const passed = days[0] < now;
  const [plan, booked, segments, use] = await Promise.all([
    get(`instruments/${id}/planned`, span_, ctx.signal), all('bookings', { instrument: ctx.id, ...span_ }, { signal: ctx.signal }),
    passed ? all(`instruments/${id}/timeline`, { ...span_, limit: 10_000 }, { most: 60_000, signal: ctx.signal }) : { items: [] },
    passed ? get(`instruments/${id}/utilization`, { ...span_, tz, bucket: 'day' }, ctx.signal) : null]);
  const first = booked.items[0]?.from;
  // Verdicts are told where a booking begins, which may lie before the week.
  const judged = first && Date.parse(first) < now
    ? await all('reconciliation/bookings', { instrument: ctx.id, from: first, to: span_.to }, { signal: ctx.signal }) : { items: [] };
  const verdicts = new Map(judged.items.map((x) => [x.id, x]));
  return { plan: plan.items, bookings: booked.items.map((x) => ({ ...x, ...verdicts.get(x.id) })), segments: segments.items, use, now };
}

// -- the picture -------------------------------------------------------------------------------

function picture(told, days, tz, name, open, chosen) {
  const names = weekdays();
  return h('div', { class: 'week-picture' },
    h('div', { class: 'week-lines' },
      days.slice(0, 7).map((from, i) => dayLine({ told, from, to: days[i + 1], tz, weekday: names[i], name, open, chosen })),
      h('span', {}), h('div', { class: 'hours', 'aria-hidden': 'true' }, ['0', '6', '12', '18', '24'].map((hour) => h('b', {}, hour)))),
    h('div', { class: 'legend' },
      VERDICTS.filter((one) => told.bookings.some((x) => x.verdicts?.includes(one))).map((one) => h('span', { class: `avail v-${one}` }, verdictSign(one), t(`v_${one}`))),
      told.bookings.some((x) => !x.verdicts) ? h('span', { class: 'state' }, h('i', { class: 'swatch ahead', 'aria-hidden': 'true' }), t('ahead')) : null,
      STATES.map((s) => h('span', { class: `state s-${s}` }, h('i', { 'aria-hidden': 'true' }), t(s))),
      behindLegend(told.plan)));
}

function dayLine({ told, from, to, tz, weekday, name, open, chosen }) {
  const here = within(from, to);
  const day = `${weekday} ${moment(from, tz, DATE)}`;
  const u = told.use?.buckets.find((b) => Date.parse(b.from) === from);
  const said = u ? STATES.map((s) => `${t(s)} ${hours(u[`${s}_s`])}`).join(', ') : t('ahead');
  return [h('span', { class: told.now >= from && told.now < to ? 'day today' : 'day' }, h('b', {}, weekday), ' ', moment(from, tz, DATE)),
    h('div', { class: 'week-line' },
      behind(told.plan, from, to, tz, day),
      told.bookings.filter(here).map((x) => {
        const goesOn = Date.parse(x.from) < from; // from the day before, where it is told
        const past = Date.parse(x.from) < told.now;
        const lines = [`${t('booking')} ${clocks(x, tz)}`, ...(x.verdicts ? verdictLines(x) : [t('ahead')]), x.feed];
        const button = h('button', {
          type: 'button', class: `booked v-${x.verdicts?.[0] ?? 'ahead'}${String(x.id) === chosen ? ' chosen' : ''}`, 'data-booking': x.id, vars: place(x, from, to), tabindex: goesOn ? -1 : null, 'aria-hidden': goesOn ? 'true' : null,
          'aria-label': `${lines.slice(0, 3).join(', ')}. ${past ? t('explain_of', { name, from: moment(x.from, tz), to: moment(x.to, tz) }) : ''}`, tip: lines, on: past ? { click: () => open(x) } : {},
        }, x.verdicts?.map(verdictSign));
        return button;
      }),
      h('div', { class: 'measured', role: 'img', tabindex: '0', 'aria-label': `${day}: ${said}`, tip: [day, said] }, strips(told.segments.filter(here), from, to)),
      nowMark(told.now, from, to))];
}

// -- the same as tables ------------------------------------------------------------------------

function bookingTable(id, told, tz, name, open) {
  if (!told.bookings.length) return h('p', { class: 'note' }, t('no_bookings_week'));
  return table({
    name: `bookings-${id}`, caption: t('bookings'), rows: told.bookings, key: (x) => x.id, cards: 'named', columns: [
      { key: 'from', label: t('booking'), value: (x) => x.from, cell: (x) => clocks(x, tz) },
      { key: 'to', hidden: true, value: (x) => x.to },
      { key: 'verdicts', label: t('verdict'), value: (x) => x.verdicts?.join(' ') ?? '', cell: (x) => (x.verdicts ? verdictBadges(x.verdicts) : h('span', { class: 'note' }, t('ahead'))), tip: (x) => (x.verdicts ? verdictLines(x) : [t('ahead')]) },
      { key: 'used_s', label: t('used'), num: true, value: (x) => x.used_s ?? null, cell: (x) => (x.verdicts ? span(x.used_s) : '–') },
      { key: 'feed', label: t('feed'), minor: true, value: (x) => x.feed },
      { key: 'explain', label: t('explain_short'), plain: true, value: () => '', cell: (x) => (Date.parse(x.from) < told.now
        ? h('button', { type: 'button', class: 'link', 'data-explain': x.id, 'aria-label': `${verdictNames(x.verdicts ?? [])}: ${t('explain_of', { name, from: moment(x.from, tz), to: moment(x.to, tz) })}`, on: { click: () => open(x) } }, icon('table')) : '–') },
    ],
  });
}

function dayTable(id, told, tz) {
  if (!told.use?.buckets.length) return null;
  const of = (key) => ({ key: `${key}_s`, label: t(key), num: true, value: (b) => b[`${key}_s`], cell: (b) => h('span', { 'data-day': `${localDate(Date.parse(b.from), tz)} ${key}` }, hours(b[`${key}_s`], false)) });
  return h('details', {}, h('summary', {}, t('day_by_day')), table({
    name: `days-${id}`, caption: t('day_by_day'), answer: told.use, rows: told.use.buckets, key: (b) => b.from, columns: [
      { key: 'from', label: t('day'), value: (b) => b.from, cell: (b) => moment(b.from, tz, { ...DATE, weekday: 'short' }) }, ...STATES.map(of),
    ],
  }));
}
