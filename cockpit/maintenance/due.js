// What maintenance is due, by measured running or by date, and the plans behind it.

import { get, post, put, remove } from '../api.js';
import { card, dialog, h, table } from '../dom.js';
import { count, fullMoment, hours, moment } from '../formats.js';
import { instrumentName, nameOrId } from '../named.js';
import { href } from '../route.js';
import { institutionName, mayOperate } from '../store.js';
import { t } from '../words.js';
import { area, field, form, instant } from './form.js';

const SHOWN = 50;

const limitLines = (x, tz) => [x.name, `${t('running_s')} ${hours(x.running_s)}${x.every_running_s === null ? '' : ` / ${hours(x.every_running_s)}`}`,
  t('mt_since', { time: fullMoment(x.counted_from, tz) }), x.unknown_s ? t('mt_unknown', { h: hours(x.unknown_s) }) : null, x.last_reset_reason];

function dueCell(x, tz) {
  const by = x.due_by && t(`mt_by_${x.due_by}`);
  if (x.overdue) return h('span', { class: 'badge b-none', 'data-overdue': x.id }, `${t('mt_is_overdue')} · ${moment(x.due_at, tz, { year: 'numeric' })} · ${by}`);
  if (x.expected_at === null) return t('mt_never');
  return x.expected_at === x.due_at ? `${moment(x.due_at, tz, { year: 'numeric' })} · ${by}` : t('mt_expected', { time: moment(x.expected_at, tz, { year: 'numeric' }) });
}

/** A page of it. */
export const askDue = (ctx, asked, cursor) => get('maintenance/due', { ...asked, limit: SHOWN, cursor }, ctx.signal);

/** @param {() => Promise<any>} first how its first page is asked for */
export function dueCard(ctx, asked, tz, first) {
  const more = [];
  const el = card(ctx, {
    title: t('mt_due'), note: t('mt_due_note'), shape: 'rows', empty: t('mt_none_due'),
    actions: mayOperate() && h('button', { type: 'button', id: 'new-plan', on: { click: () => editPlan(null, asked.instrument, tz, el.reload) } }, t('mt_new_plan')),
  }, async ({ note }) => {
    const items = [];
    let answer;
    for (const cursor of [undefined, ...more]) {
      answer = await (cursor ? askDue(ctx, asked, cursor) : first());
      items.push(...answer.items);
    }
    note(h('span', { 'data-value': 'overdue' }, t('mt_overdue_n', { n: count(answer.overdue) })), ` · ${t('mt_due_note')}`);
    if (!items.length) return null;
    return h('div', { class: 'stack' }, table({
      name: 'maintenance-due', caption: t('mt_due'), answer, rows: items, cards: 'named', entire: true, mark: (x) => (x.overdue ? 'is-overdue' : null), columns: [
        { key: 'instrument_id', label: t('instrument'), value: (x) => nameOrId(x.instrument_id), raw: (x) => x.instrument_id, cell: (x) => h('a', { href: href('instrument', {}, x.instrument_id) }, instrumentName(x.instrument_id)) },
        { key: 'institution_id', label: t('institution'), minor: true, value: (x) => institutionName(x.institution_id), raw: (x) => x.institution_id },
        { key: 'name', label: t('mt_plan'), value: (x) => x.name, cell: (x) => h('button', { type: 'button', class: 'link', 'data-plan': x.id, on: { click: () => showResets(x, tz, ctx.signal) } }, x.name) },
        { key: 'running_s', label: t('mt_used'), num: true, value: (x) => x.running_s, bar: (x) => (x.every_running_s === null ? null : x.running_s / x.every_running_s), cell: (x) => h('span', { 'data-run': x.id }, `${hours(x.running_s, false)} / ${x.every_running_s === null ? t('mt_no_limit') : hours(x.every_running_s, false)}`), tip: (x) => limitLines(x, tz) },
        { key: 'every_running_s', hidden: true, value: (x) => x.every_running_s }, { key: 'every_days', hidden: true, value: (x) => x.every_days }, { key: 'due_at', hidden: true, value: (x) => x.due_at },
        { key: 'remaining_running_s', label: t('mt_left'), num: true, minor: true, value: (x) => x.remaining_running_s, cell: (x) => hours(x.remaining_running_s, false) },
        { key: 'expected_at', label: t('mt_due_at'), value: (x) => x.expected_at, cell: (x) => dueCell(x, tz), tip: (x) => [t('mt_due_at'), x.due_at && fullMoment(x.due_at, tz), x.expected_at !== x.due_at && t('mt_expected_note')] },
        ...(mayOperate() ? [{ key: 'acts', label: t('mt_acts'), plain: true, value: () => '', cell: (x) => h('div', { class: 'chips' },
          h('button', { type: 'button', class: 'link', 'data-done': x.id, 'aria-label': t('mt_done_of', { name: x.name }), on: { click: () => sayDone(x, tz, el.reload) } }, t('mt_done')),
          h('button', { type: 'button', class: 'link', 'data-edit-plan': x.id, 'aria-label': t('mt_edit_of', { name: x.name }), on: { click: () => editPlan(x, x.instrument_id, tz, el.reload) } }, t('mt_edit'))) }] : []),
      ],
    }), answer.next_cursor && h('button', { type: 'button', on: { click: () => { more.push(answer.next_cursor); el.reload(); } } }, t('more')));
  });
  return el;
}

function sayDone(plan, tz, done) {
  form(t('mt_done_of', { name: plan.name }), [field('at', t('mt_when'), { type: 'datetime-local' }), area('reason', t('mt_what'), { required: true, maxlength: 500, rows: 2 })],
    (value) => post(`maintenance/plans/${plan.id}/resets`, { at: value('at') ? instant(value('at'), tz) : undefined, reason: value('reason') }), { done });
}

function editPlan(plan, instrument, tz, done) {
  const run = plan?.every_running_s;
  form(plan ? t('mt_edit_of', { name: plan.name }) : t('mt_new_plan'), [
    field('instrument_id', t('mt_instrument'), { required: true, value: instrument ?? '', readonly: Boolean(plan) }),
    field('name', t('mt_name'), { required: true, maxlength: 500, value: plan?.name ?? '' }),
    h('div', { class: 'fields' }, field('hours', t('mt_every_h'), { type: 'number', min: 0, step: 'any', value: run == null ? '' : String(run / 3600) }), field('days', t('mt_every_d'), { type: 'number', min: 1, step: 1, value: plan?.every_days ?? '' })),
    h('p', { class: 'note' }, t('mt_one_of')),
  ], (value) => {
    const body = {
      instrument_id: value('instrument_id'), name: value('name'),
      every_running_s: value('hours') ? Math.round(Number(value('hours')) * 3_600_000_000) / 1e6 : null, every_days: value('days') ? Number(value('days')) : null,
    };
    return plan ? put(`maintenance/plans/${plan.id}`, body) : post('maintenance/plans', body);
  }, { done, extra: plan && ((attempt) => h('button', { type: 'button', id: 'end-plan', on: { click: () => attempt(() => remove(`maintenance/plans/${plan.id}`)) } }, t('mt_end'))) });
}

async function showResets(plan, tz, signal) {
  const { items } = await get(`maintenance/plans/${plan.id}/resets`, {}, signal);
  dialog(`${plan.name} · ${t('mt_history')}`, items.length
    ? h('dl', { class: 'facts' }, items.flatMap((x) => [h('dt', {}, fullMoment(x.at, tz)), h('dd', {}, `${x.reason} · ${x.actor}`)]))
    : h('p', { class: 'note' }, t('mt_none_resets')));
}
