// One line of an order: what it is and why, its sessions drawn against the claimed window.

import { get } from '../api.js';
import { card, fig, h, table } from '../dom.js';
import { fullMoment, hours, moment, money } from '../formats.js';
import { instrumentName } from '../named.js';
import { href } from '../route.js';
import { institutionName } from '../store.js';
import { t } from '../words.js';
import { signedButton } from './signed.js';
import { doubtOf, orderName, verdictBadge, verdictLines, verdictName } from './verdicts.js';

/** What it is; `known()` gives the line. */
export function verdictCard(ctx, known, tz) {
  return card(ctx, { title: t('vo_verdict'), note: t('vo_evidence_note') }, async ({ tools }) => {
    const one = await known();
    tools.replaceChildren(signedButton(`voucher-orders/${one.id}/evidence`, {}, `evidence-${orderName(one).replaceAll(/[^\w.-]+/g, '-')}`, t('vo_evidence'), ctx.signal));
    const time = (label, key) => h('div', {}, h('dt', {}, label), h('dd', {}, fig(hours(one[key]), () => verdictLines(one), { 'data-value': key })));
    const closed = one.closed && t('vo_closed', { id: one.closed.period_id, verdict: verdictName(one.closed.verdict), used: hours(one.closed.used_s) });
    return h('div', { class: 'stack' },
      h('p', {}, verdictBadge(one.verdict), doubtOf(one) && ` ${doubtOf(one)}`),
      closed && h('p', { class: one.amended ? 'warn' : 'note' }, closed, one.amended && ` · ${t('vo_amended')}`),
      h('div', { class: 'now wide' }, h('dl', {}, time(t('vo_claimed'), 'claimed_s'), time(t('vo_needed'), 'needed_s'), time(t('vo_used'), 'used_s'), time(t('vo_confirmed'), 'confirmed_s'), time(t('vo_possible'), 'possible_s'), time(t('vo_effective'), 'effective_s'), time(t('vo_others'), 'used_by_others_s'), time(t('vo_unknown'), 'unknown_s'))),
      h('p', { class: 'note' }, [t('vo_tolerance'), one.user_type && t(`vo_${one.user_type}`), one.user_unit && `${t('vo_unit')}: ${one.user_unit}`, one.amount_cny !== null && `${t('vo_amount')} ${money(one.amount_cny)}`, `${t('vo_revision')} ${one.revision}`, `${t('vo_taken')} ${fullMoment(one.taken_at, tz)}`].filter(Boolean).join(' · ')));
  });
}

/** The window, and what of it the instrument was and the line uses. */
export function pictureCard(ctx, known, tz) {
  return card(ctx, { title: t('vo_picture'), note: t('vo_picture_note'), shape: 'block' }, async ({ note }) => {
    const one = await known();
    const told = Date.parse(one.from) < Date.now() ? await get(`instruments/${encodeURIComponent(one.instrument_id)}/timeline`, { from: one.from, to: one.to }, ctx.signal) : { items: [], next_cursor: null };
    const last = told.items.at(-1);
    note([t('vo_picture_note'), told.next_cursor && t('vo_cut', { time: moment(last.to, tz) })].filter(Boolean).join(' · '));
    const [start, end] = [Date.parse(one.from), Date.parse(one.to)];
    const bar = (name) => (x) => h('i', { class: `o-${name(x)}`, vars: { '--l': `${(Date.parse(x.from) - start) / (end - start) * 100}%`, '--w': `${(Date.parse(x.to) - Date.parse(x.from)) / (end - start) * 100}%` } });
    const say = t('vo_say', { from: fullMoment(one.from, tz), to: fullMoment(one.to, tz), n: one.sessions.length, used: hours(one.used_s) });
    const used = one.sessions.flatMap((x) => x.used);
    return h('div', { class: 'stack' },
      h('div', { class: 'order-lanes', role: 'img', 'aria-label': say },
        h('span', {}, t('vo_states')), h('div', { class: 'order-lane', 'data-lane': 'states' }, told.items.map(bar((x) => x.state ?? 'unknown'))),
        h('span', {}, t('vo_counted')), h('div', { class: 'order-lane', 'data-lane': 'used' }, used.map(bar(() => 'used'))),
        h('span', {}), h('div', { class: 'order-ends' }, h('span', {}, moment(one.from, tz)), h('span', {}, moment(one.to, tz)))),
      h('div', { class: 'legend' }, ['running', 'idle', 'off'].map((name) => h('span', { class: `state s-${name}` }, h('i', { 'aria-hidden': 'true' }), t(name))), h('span', { class: 'state' }, h('i', { 'aria-hidden': 'true' }), t('unknown'))));
  });
}

export function sessionCard(ctx, known, tz) {
  return card(ctx, { title: t('vo_sessions'), shape: 'rows', empty: t('vo_none_sessions') }, async () => {
    const one = await known();
    const usedOf = (x) => x.used.reduce((sum, part) => sum + (Date.parse(part.to) - Date.parse(part.from)) / 1000, 0);
    return one.sessions.length ? table({
      name: `order-${one.id}-sessions`, caption: t('vo_sessions'), rows: one.sessions, cards: 'named', columns: [
        { key: 'from', label: t('from'), value: (x) => x.from, cell: (x) => fullMoment(x.from, tz) },
        { key: 'to', label: t('to'), value: (x) => x.to, cell: (x) => fullMoment(x.to, tz) },
        { key: 'effective_s', label: `${t('pu_effective')} (h)`, num: true, value: (x) => x.effective_s, cell: (x) => hours(x.effective_s, false) },
        { key: 'used_s', label: `${t('vo_counted')} (h)`, num: true, value: usedOf, cell: (x) => hours(usedOf(x), false) },
      ],
    }) : null;
  });
}

/** What it said before; nothing where it says the same as ever. */
export function formerCard(ctx, known, tz) {
  const el = card(ctx, { title: t('vo_former'), shape: 'rows' }, async () => {
    const one = await known();
    el.hidden = !one.former.length;
    return table({
      name: `order-${one.id}-former`, caption: t('vo_former'), rows: one.former, columns: [
        { key: 'revision', label: t('vo_revision'), value: (x) => x.revision, cell: (x) => String(x.revision) },
        { key: 'instrument_id', label: t('instrument'), value: (x) => x.instrument_id },
        { key: 'from', label: t('from'), value: (x) => x.from, cell: (x) => moment(x.from, tz) },
        { key: 'to', label: t('to'), value: (x) => x.to, cell: (x) => moment(x.to, tz) },
        { key: 'claimed_s', label: `${t('vo_claimed')} (h)`, num: true, value: (x) => x.claimed_s, cell: (x) => hours(x.claimed_s, false) },
        { key: 'taken_at', label: t('vo_taken'), value: (x) => x.taken_at, cell: (x) => fullMoment(x.taken_at, tz) },
      ],
    });
  });
  el.hidden = true;
  return el;
}

/** Where it is, in words that lead on. */
export const crumbsOf = (one) => [h('a', { href: href('instrument', {}, one.instrument_id) }, instrumentName(one.instrument_id)), ' · ', institutionName(one.institution_id)];
