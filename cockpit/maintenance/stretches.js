// Planned maintenance and downtime: a month over instruments, what is down now, entered and ended.

import { get, post, put, remove } from '../api.js';
import { card, h, select, table } from '../dom.js';
import { fullMoment, moment, span } from '../formats.js';
import { grouped } from '../grouped.js';
import { instrumentName, nameOrId } from '../named.js';
import { go, href } from '../route.js';
import { mayOperate } from '../store.js';
import { iso, localDate, monthStart } from '../time.js';
import { t } from '../words.js';
import { area, field, form, instant, localTime } from './form.js';

export const KINDS = ['maintenance', 'down', 'engineering'];
const SHOWN = 200;

/** Shorter stretches are drawn last, over longer ones. */
const length = (x) => (x.to ? Date.parse(x.to) : Infinity) - Date.parse(x.from);

const lines = (x, tz) => [`${x.instrument_id} · ${t(`mt_${x.kind}`)}`, `${fullMoment(x.from, tz)} – ${x.to ? fullMoment(x.to, tz) : t('mt_open')}`, x.to && span((Date.parse(x.to) - Date.parse(x.from)) / 1000), x.reason];

/** A month, a line an instrument; `month` is any day of it. */
export function calendarCard(ctx, asked, tz, changed) {
  const about = ctx.params.month ? Date.parse(`${ctx.params.month}-15T00:00:00Z`) : Date.now();
  const [first, last] = [monthStart(about, tz), monthStart(about, tz, 1)];
  const name = (ms) => localDate(ms, tz).slice(0, 7);
  const step = (to, label) => h('button', { type: 'button', 'aria-label': t(label), title: t(label), on: { click: () => go({ month: name(monthStart(about, tz, to)) }) } }, to < 0 ? '‹' : '›');
  const el = card(ctx, {
    title: t('mt_calendar'), shape: 'rows', empty: t('mt_none_month'),
    actions: [step(-1, 'mt_before'), h('b', { 'data-value': 'month' }, name(first)), step(1, 'mt_after'),
      mayOperate() && h('button', { type: 'button', id: 'enter-stretch', on: { click: () => editStretch(null, asked.instrument, tz, changed) } }, t('mt_enter'))],
  }, async () => {
    const found = [];
    const holder = h('div', { class: 'stack' });
    const next = async (cursor) => {
      const answer = await get('maintenance', { ...asked, from: iso(first), to: iso(last), limit: SHOWN, cursor }, ctx.signal);
      found.push(...answer.items);
      const by = grouped(found, (x) => x.instrument_id);
      const days = Math.round((last - first) / 86_400_000);
      const share = (at) => Math.max(0, Math.min(1, (at - first) / (last - first))) * 100;
      const bar = (x) => {
        const a = share(Date.parse(x.from));
        const b = x.to ? share(Date.parse(x.to)) : 100;
        return h('button', { type: 'button', class: `mt-bar k-${x.kind}`, 'data-stretch': x.id, vars: { '--l': `${a}%`, '--w': `${b - a}%` }, 'aria-label': lines(x, tz).filter(Boolean).join(', '), tip: () => lines(x, tz), on: { click: () => mayOperate() && editStretch(x, x.instrument_id, tz, changed) } }, b - a > 12 ? t(`mt_${x.kind}`) : null);
      };
      holder.replaceChildren(h('div', { class: 'mt-month', role: 'list' },
        h('div', { class: 'mt-days', 'aria-hidden': 'true' }, [...Array(days).keys()].map((i) => h('b', {}, i % 5 === 0 || i === days - 1 ? String(i + 1) : ''))),
        [...by].map(([id, items]) => h('div', { role: 'listitem', class: 'mt-line' }, h('a', { href: href('instrument', {}, id) }, instrumentName(id)), h('div', { class: 'mt-track', vars: { '--days': String(days) } }, items.sort((x, y) => length(y) - length(x)).map(bar))))),
      h('div', { class: 'legend' }, KINDS.map((kind) => h('span', { class: 'state' }, h('i', { class: `k-${kind}`, 'aria-hidden': 'true' }), t(`mt_${kind}`)))),
      ...(answer.next_cursor ? [h('button', { type: 'button', on: { click: () => next(answer.next_cursor) } }, t('more'))] : []));
    };
    await next();
    return found.length ? holder : null;
  });
  return el;
}

/** Downtimes that have not ended. */
export function downCard(ctx, asked, tz, changed) {
  return card(ctx, { title: t('mt_downs'), shape: 'rows', empty: t('mt_none_down') }, async () => {
    const now = Date.now();
    const answer = await get('maintenance', { ...asked, kind: 'down', from: iso(now), to: iso(now + 1000), limit: SHOWN }, ctx.signal);
    if (!answer.items.length) return null;
    return table({
      name: 'down-now', caption: t('mt_downs'), rows: answer.items, cards: 'named', columns: [
        { key: 'instrument_id', label: t('instrument'), value: (x) => nameOrId(x.instrument_id), raw: (x) => x.instrument_id, cell: (x) => h('a', { href: href('instrument', {}, x.instrument_id), 'data-down': x.id }, instrumentName(x.instrument_id)) },
        { key: 'from', label: t('from'), value: (x) => x.from, cell: (x) => moment(x.from, tz, { year: 'numeric' }) },
        { key: 'to', label: t('to'), value: (x) => x.to, cell: (x) => (x.to ? moment(x.to, tz, { year: 'numeric' }) : t('mt_open')) },
        { key: 'reason', label: t('reason'), value: (x) => x.reason, cell: (x) => h('span', { class: 'wraps' }, x.reason ?? '–') },
        ...(mayOperate() ? [{ key: 'end', label: t('mt_acts'), plain: true, value: () => '', cell: (x) => h('button', { type: 'button', class: 'link', 'data-end': x.id, 'aria-label': t('mt_close_of', { name: nameOrId(x.instrument_id) }), on: { click: () => endDown(x, tz, changed) } }, t('mt_close')) }] : []),
      ],
    });
  });
}

function endDown(x, tz, done) {
  form(t('mt_close_of', { name: nameOrId(x.instrument_id) }), [field('to', t('to'), { type: 'datetime-local', required: true, value: localTime(iso(Date.now()), tz) }), area('reason', t('reason'), { required: true, maxlength: 200, rows: 2 })],
    (value) => put(`maintenance/${x.id}`, { instrument_id: x.instrument_id, from: x.from, to: instant(value('to'), tz), kind: x.kind, reason: [x.reason, value('reason')].filter(Boolean).join(' · ').slice(0, 200) }), { done });
}

function editStretch(x, instrument, tz, done) {
  let kind = x?.kind ?? 'maintenance';
  form(x ? t('mt_edit_of', { name: x.instrument_id }) : t('mt_enter'), [
    field('instrument_id', t('mt_instrument'), { required: true, value: instrument ?? '', readonly: Boolean(x) }),
    select(t('mt_kind'), KINDS.map((one) => [one, t(`mt_${one}`)]), kind, (one) => { kind = one; }),
    h('div', { class: 'fields' }, field('from', t('from'), { type: 'datetime-local', required: true, value: localTime(x?.from, tz) }), field('to', t('mt_to_open'), { type: 'datetime-local', value: localTime(x?.to, tz) })),
    area('reason', t('reason'), { required: true, maxlength: 200, rows: 2 }),
  ], (value) => {
    // An edge that was not touched stays as it is, to the microsecond.
    const edge = (name) => (value(name) === localTime(x?.[name], tz) ? x?.[name] ?? null : instant(value(name), tz));
    const body = { instrument_id: value('instrument_id'), kind, from: edge('from'), to: value('to') ? edge('to') : null, reason: value('reason') };
    return x ? put(`maintenance/${x.id}`, body) : post('maintenance', body);
  }, { done, extra: x && ((attempt) => h('button', { type: 'button', id: 'remove-stretch', on: { click: () => attempt(() => remove(`maintenance/${x.id}`)) } }, t('mt_remove'))) })
    .querySelector('textarea').value = x?.reason ?? '';
}
