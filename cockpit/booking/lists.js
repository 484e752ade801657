// Bookings, self-reports and unbooked use one by one: what became of each, what the institution
// says to it, and what it rests on, a click away.

import { get, query } from '../api.js';
import { card, h, icon, table } from '../dom.js';
import { explain } from '../explain.js';
import { hours, moment, span } from '../formats.js';
import { instrumentName, nameOrId } from '../named.js';
import { href } from '../route.js';
import { institutionName } from '../store.js';
import { localDate } from '../time.js';
import { t } from '../words.js';
import { answerCell, answersOf } from './answers.js';
import { VERDICTS, claimBadge, verdictBadges, verdictLines } from './verdicts.js';
import './words.js';

const SHOWN = 25; // a page
const GHOSTS = 20;
const MANY = 2000; // instruments that are not asked for one by one

const rank = (x) => Math.min(...x.verdicts.map((one) => VERDICTS.indexOf(one)));

/** The service's own CSV of a list, all rows of it. */
const csvLink = (path, asked) => h('a', { class: 'csv', href: `v1/${path}${query({ ...asked, format: 'csv' })}`, download: '' }, icon('down'), t('csv_all'));

/** A page of a list; of one that is looked through for what fits, the first that holds anything. */
async function next(path, asked, cursor, signal) {
  let answer;
  do {
    answer = await get(path, { ...asked, limit: SHOWN, cursor }, signal);
    cursor = answer.next_cursor;
  } while (!answer.items.length && cursor);
  return answer;
}

/** A list as a table, and more of it, page by page, when it is wanted; nothing where there is none. */
async function paged(path, asked, signal, draw) {
  const first = await next(path, asked, undefined, signal);
  if (!first.items.length) return null;
  const holder = h('div', { class: 'stack' });
  const put = (items, cursor) => holder.replaceChildren(draw(items, first), ...(cursor ? [h('button', { type: 'button', 'data-more': path, on: { click: async ({ currentTarget: own }) => {
    own.disabled = true;
    try {
      const answer = await next(path, asked, cursor, signal);
      put([...items, ...answer.items], answer.next_cursor);
      holder.querySelector('[data-more]')?.focus({ preventScroll: true });
    } catch (error) {
      if (error.name !== 'AbortError') own.replaceChildren(t('failed', { why: error.message }));
      own.disabled = false;
    }
  } } }, t('more'))] : []));
  put(first.items, first.next_cursor);
  return holder;
}

const explainColumn = (tz, signal, name = (x) => x.instrument_id) => ({
  key: 'explain', label: t('explain_short'), plain: true, value: () => '',
  cell: (x) => h('button', { type: 'button', class: 'link', 'data-explain': x.id ?? x.key, 'aria-label': t('explain_of', { name: name(x), from: moment(x.from, tz), to: moment(x.to, tz) }), on: { click: () => explain(x.instrument_id, x, tz, { signal }) } }, t('explain_short')),
});

const when = (x, tz) => `${moment(x.from, tz)} – ${moment(x.to, tz, localDate(Date.parse(x.from), tz) === localDate(Date.parse(x.to), tz) ? { month: undefined, day: undefined } : {})}`;

export function judgedCard(ctx, asked, tz, chosen) {
  return card(ctx, { title: t('judged'), note: t('judged_note'), shape: 'rows', empty: t('none_judged') }, async ({ note }) => {
    const verdict = chosen();
    note([verdict ? t(`v_${verdict}`) : t('judged_note'), verdict ? null : t('worst_first')].filter(Boolean).join(' · '));
    const wish = verdict ? { verdict } : { sort: 'worst' };
    const list = await paged('reconciliation/bookings', { ...asked, ...wish }, ctx.signal, (rows, answer) => table({
      name: 'bookings-judged', caption: t('judged'), answer, cards: 'named', entire: true, rows, columns: [
        { key: 'instrument_id', label: t('instrument'), value: (x) => nameOrId(x.instrument_id), raw: (x) => x.instrument_id, cell: (x) => h('a', { href: href('instrument', { week: localDate(Date.parse(x.from), tz), booking: x.id }, x.instrument_id) }, instrumentName(x.instrument_id)) },
        { key: 'institution_id', label: t('institution'), minor: true, value: (x) => institutionName(x.institution_id), raw: (x) => x.institution_id },
        { key: 'from', label: t('booking'), value: (x) => x.from, cell: (x) => when(x, tz) },
        { key: 'to', hidden: true, value: (x) => x.to },
        { key: 'verdicts', label: t('verdict'), value: (x) => rank(x), raw: (x) => x.verdicts.join(' '), cell: (x) => verdictBadges(x.verdicts), tip: verdictLines },
        { key: 'used_s', label: t('used'), num: true, value: (x) => x.used_s, cell: (x) => span(x.used_s), tip: verdictLines },
        { key: 'unknown_s', label: t('unknown'), num: true, minor: true, value: (x) => x.unknown_s, cell: (x) => (x.unknown_s ? span(x.unknown_s) : '–') },
        explainColumn(tz, ctx.signal),
        { key: 'answer', label: t('answer'), value: (x) => answersOf(x).at(-1)?.text ?? null, cell: (x) => answerCell(x, 'reconciliation/bookings', tz, x.instrument_id) },
      ],
    }));
    return list && h('div', { class: 'stack', 'data-list': 'judged' }, list, csvLink('reconciliation/bookings', { ...asked, verdict }));
  });
}

/** The lines behind a self-report: what it is held against. */
const claimLines = (x) => [`${t(`c_${x.claim}`)}: ${t(`cn_${x.claim}`)}`, `${t('reported')} ${hours(x.reported_s)}`, `${t('measured_hours')} ${hours(x.effective_s)} … ${hours(x.effective_s + x.unknown_s)}`, t('claims_note')];

export function claimCard(ctx, asked, tz, chosen) {
  return card(ctx, { title: t('claims'), note: t('claims_note'), shape: 'rows', empty: t('none_claims') }, async ({ note }) => {
    const claim = chosen();
    note([claim ? t(`c_${claim}`) : t('claims_note'), t('furthest_first')].join(' · '));
    const wish = { claim, sort: 'worst' };
    const list = await paged('reconciliation/self-reports', { ...asked, ...wish }, ctx.signal, (rows, answer) => table({
      name: 'self-reports', caption: t('claims'), answer, cards: 'named', entire: true, rows, columns: [
        { key: 'instrument_id', label: t('instrument'), value: (x) => nameOrId(x.instrument_id), raw: (x) => x.instrument_id, cell: (x) => h('a', { href: href('instrument', { week: localDate(Date.parse(x.from), tz) }, x.instrument_id) }, instrumentName(x.instrument_id)) },
        { key: 'institution_id', label: t('institution'), minor: true, value: (x) => institutionName(x.institution_id), raw: (x) => x.institution_id },
        { key: 'from', label: t('window_s'), value: (x) => x.from, cell: (x) => when(x, tz) },
        { key: 'to', hidden: true, value: (x) => x.to },
        { key: 'user_type', label: t('user_type'), minor: true, value: (x) => x.user_type, cell: (x) => (x.user_type ? t(x.user_type) : '–') },
        { key: 'reported_s', label: `${t('reported')} (h)`, num: true, value: (x) => x.reported_s, cell: (x) => h('span', { 'data-reported': x.id }, hours(x.reported_s, false)), tip: claimLines },
        { key: 'effective_s', label: `${t('measured_hours')} (h)`, num: true, value: (x) => x.effective_s, cell: (x) => h('span', { 'data-measured': x.id }, hours(x.effective_s, false)), tip: claimLines },
        { key: 'unknown_s', label: `${t('unknown_hours')} (h)`, num: true, minor: true, value: (x) => x.unknown_s, cell: (x) => hours(x.unknown_s, false) },
        { key: 'claim', label: t('claim'), value: (x) => x.claim, cell: (x) => claimBadge(x.claim), tip: claimLines },
        explainColumn(tz, ctx.signal),
        { key: 'answer', label: t('answer'), value: (x) => answersOf(x).at(-1)?.text ?? null, cell: (x) => answerCell(x, 'reconciliation/self-reports', tz, x.instrument_id) },
      ],
    }));
    return list && h('div', { class: 'stack', 'data-list': 'claims' }, list, csvLink('reconciliation/self-reports', { ...asked, claim }));
  });
}

/** Of the instruments that are booked: those that ran most without. */
export function ghostCard(ctx, asked, tz, whole) {
  return card(ctx, { title: t('ghosts'), note: t('ghosts_note'), shape: 'rows', empty: t('none_ghosts') }, async () => {
    const { overall } = await whole();
    if (overall.instruments > MANY) return h('p', { class: 'empty' }, t('ghosts_many'));
    const answer = await get('reconciliation', { ...asked, group_by: 'instrument' }, ctx.signal);
    const rows = answer.groups.filter((g) => g.booked_s > 0 && g.used_unbooked_s > 0).sort((a, b) => b.used_unbooked_s - a.used_unbooked_s).slice(0, GHOSTS)
      .map((g) => ({ ...g, instrument_id: g.key, from: answer.from, to: answer.to }));
    if (!rows.length) return null;
    const lines = (g) => [g.name ?? g.key, `${t('used_unbooked_s')} ${hours(g.used_unbooked_s)}`, `${hours(g.used_s)} = ${hours(g.used_booked_s)} + ${hours(g.used_unbooked_s)}`, t('used_is')];
    return h('div', { 'data-list': 'ghosts' }, table({
      name: 'ghost-use', caption: t('ghosts'), answer, rows, cards: 'named', columns: [
        { key: 'name', label: t('instrument'), value: (g) => g.name ?? g.key, cell: (g) => h('a', { href: href('instrument', { week: localDate(Date.parse(g.to) - 1, tz) }, g.key) }, g.name ?? g.key) },
        { key: 'instrument_id', hidden: true, value: (g) => g.key },
        { key: 'used_unbooked_s', label: `${t('used_unbooked_s')} (h)`, num: true, value: (g) => g.used_unbooked_s, cell: (g) => h('span', { 'data-ghost': g.key }, hours(g.used_unbooked_s, false)), bar: (g) => g.used_unbooked_s / (g.used_s || 1), tip: lines },
        { key: 'used_s', label: `${t('used_s')} (h)`, num: true, value: (g) => g.used_s, cell: (g) => hours(g.used_s, false), tip: lines },
        explainColumn(tz, ctx.signal, (g) => g.name ?? g.key),
      ],
    }));
  });
}
