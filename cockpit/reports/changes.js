// What is different today from what a closed period keeps: by instrument, down to the heartbeats
// that came too late.

import { get } from '../api.js';
import { card, dialog, h, table } from '../dom.js';
import { explain } from '../explain.js';
import { count, fullMoment, hours, moment, span } from '../formats.js';
import { settle } from '../keep.js';
import { href } from '../route.js';
import { institutionName, store } from '../store.js';
import { t } from '../words.js';

/** What is told of an instrument; the others stand in its dialog. */
const TOLD = ['running_s', 'effective_s', 'unknown_s'];
const ALL = ['running_s', 'idle_s', 'off_s', 'unknown_s', 'scheduled_s', 'running_scheduled_s', 'effective_s', 'session_idle_s', 'rated_s', 'counter_running_s'];
const MOST = 1000;

/** A difference with its sign; nothing where there is none. */
function signed(s) {
  if (!s) return '';
  return `${s > 0 ? '+' : '−'}${Math.abs(s) < 36_000 ? span(Math.abs(s)) : hours(Math.abs(s))}`;
}

/** More use is a gain, less a loss; of other figures neither. */
const difference = (s, field, of) => h('span', { class: !s || !['running_s', 'effective_s'].includes(field) ? null : s > 0 ? 'gain' : 'loss', 'data-value': `${of}-${field}` }, signed(s) || '–');

/** What a closed period's figures would be today: what all come to, and the first of its instruments that differ. */
export const amendmentsOf = (period, signal, cursor) => get(`periods/${period.period_id}/amendments`, { limit: MOST, cursor }, signal);

/** @param {{ctx: any, known: () => Promise<any>, amended: (period: any) => Promise<any>}} c */
export function changesCard({ ctx, known, amended }) {
  return card(ctx, { title: t('changes'), note: t('changes_note'), shape: 'rows' }, async ({ body, note, overtaken }) => {
    const period = await known();
    const first = await amended(period);
    const items = [...first.items];
    let next = first.next_cursor;
    const draw = () => {
      const bounded = items.length >= MOST;
      note(t('changes_since', { time: fullMoment(first.closed_at, period.tz), now: fullMoment(first.as_of, period.tz) }), !next ? '' : ` · ${bounded ? t('first_n', { n: count(items.length) }) : t('changes_seeking')}`);
      if (!items.length && !next) return h('p', { class: 'empty', 'data-value': 'no-changes' }, t('no_changes'));
      return h('div', { class: 'stack' }, figuresTable(`changes-${period.period_id}-all`, first.overall, TOLD, 'overall'), items.length ? instrumentsTable(ctx, period, items) : null);
    };
    // A city's instruments are looked at part by part: what is found stands there meanwhile.
    while (next && items.length < MOST) {
      settle(body, draw());
      const answer = await amendmentsOf(period, ctx.signal, next);
      if (overtaken()) return undefined;
      items.push(...answer.items);
      next = answer.next_cursor;
    }
    return draw();
  });
}

/** Closed, today and their difference, figure by figure. */
const figuresTable = (name, amended, fields, value) => table({
  name, caption: t('changes'), rows: fields.filter((field) => amended.closed[field] !== null || amended.today[field] !== null), columns: [
    { key: 'figure', label: t('metric'), value: (f) => t(f), raw: (f) => f },
    { key: 'closed_s', label: t('period_closed'), num: true, value: (f) => amended.closed[f], cell: (f) => hours(amended.closed[f]), tip: (f) => [t(f), `${t('period_closed')} ${amended.closed[f]} s`] },
    { key: 'today_s', label: t('as_today'), num: true, value: (f) => amended.today[f], cell: (f) => hours(amended.today[f]), tip: (f) => [t(f), `${t('as_today')} ${amended.today[f]} s`] },
    { key: 'difference_s', label: t('difference'), num: true, value: (f) => amended.difference[f], cell: (f) => difference(amended.difference[f], f, value), tip: (f) => [t(f), `${t('difference')} ${amended.difference[f]} s`] },
  ],
});

const instrumentsTable = (ctx, period, items) => table({
  name: `changes-${period.period_id}`, caption: t('changes'), rows: items, columns: [
    { key: 'instrument_id', label: t('instrument'), value: (x) => x.instrument_id, cell: (x) => h('button', { type: 'button', class: 'link', 'data-change': x.instrument_id, on: { click: () => openChange(ctx, period, x) } }, x.instrument_id) },
    ...(store.session.institution_id === null ? [{ key: 'institution_id', label: t('institution'), minor: true, value: (x) => institutionName(x.institution_id ?? x.institution_id_today), raw: (x) => x.institution_id }] : []),
    { key: 'change', label: t('change'), value: (x) => t(`change_${x.change}`), raw: (x) => x.change, minor: true },
    { key: 'reasons', label: t('reason'), value: (x) => x.reasons.map((one) => t(`why_${one}`)).join(t('and')), raw: (x) => x.reasons.join(' '), cell: (x) => h('span', { class: 'wraps' }, x.reasons.map((one) => t(`why_${one}`)).join(t('and'))) },
    ...TOLD.map((f) => ({ key: f, label: t(f), num: true, minor: f !== 'effective_s', value: (x) => x.difference[f], cell: (x) => difference(x.difference[f], f, `change-${x.instrument_id}`) })),
    { key: 'records', label: t('records'), num: true, value: (x) => x.records.length + x.records_left_out, cell: (x) => count(x.records.length + x.records_left_out) },
  ],
});

/** One instrument: its figures then and now, the records that differ, and what came too late. */
function openChange(ctx, period, one) {
  const late = one.late_heartbeats;
  const why = (from, to) => () => explain(one.instrument_id, { from, to }, period.tz, { since: period.closed_at, signal: ctx.signal });
  dialog(`${one.instrument_id} · ${t('changes')}`,
    h('p', {}, one.reasons.map((reason) => t(`why_${reason}`)).join(t('and')), ' · ', h('a', { href: href('instrument', {}, one.instrument_id) }, t('to_instrument'))),
    late && h('p', { class: 'warn', 'data-value': 'late' }, t('late_told', { n: count(late.heartbeats), from: moment(late.from, period.tz), to: moment(late.to, period.tz), first: moment(late.first_received_at, period.tz), last: moment(late.last_received_at, period.tz) }), ' ',
      h('button', { type: 'button', class: 'link', id: 'explain-late', on: { click: why(late.from, new Date(Date.parse(late.to) + 1000).toISOString()) } }, t('explain_late'))),
    figuresTable(`change-${one.instrument_id}`, one, ALL, 'one'),
    one.records.length ? recordsTable(period, one, why) : h('p', { class: 'note' }, t('same_records')),
    one.records_left_out ? h('p', { class: 'note' }, t('records_left_out', { n: count(one.records_left_out) })) : '');
}

function recordsTable(period, one, why) {
  const side = (x) => (x ? `${moment(x.from, period.tz)} – ${moment(x.to, period.tz)} · ${span(x.effective_s)}` : '–');
  const window_ = (x) => [x.closed, x.today].filter(Boolean);
  return table({
    name: `records-${one.instrument_id}`, caption: t('records'), rows: one.records, columns: [
      { key: 'record_id', label: t('records'), value: (x) => x.record_id ?? t('new_record'), raw: (x) => x.record_id },
      { key: 'change', label: t('change'), value: (x) => t(`change_${x.change}`), raw: (x) => x.change },
      { key: 'closed', label: t('period_closed'), value: (x) => side(x.closed) },
      { key: 'today', label: t('as_today'), value: (x) => side(x.today) },
      { key: 'explain', label: t('why'), plain: true, value: () => '', cell: (x) => h('button', { type: 'button', class: 'link', 'aria-label': `${t('why')} ${x.record_id ?? side(x.today)}`, on: { click: why(window_(x).map((y) => y.from).sort()[0], window_(x).map((y) => y.to).sort().at(-1)) } }, t('why')) },
    ],
  });
}
