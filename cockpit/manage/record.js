// A record's form: registered anew, or opened by its id, changed from a time on, its figures before
// and after told first.

import { get, getTagged, patch, post, putNew, query } from '../api.js';
import { card, h, table } from '../dom.js';
import { fullMoment, weekdays } from '../formats.js';
import { go } from '../route.js';
import { store } from '../store.js';
import { daysOf, iso } from '../time.js';
import { t } from '../words.js';
import { clearWrong, control, fieldsOf, meaning, showWrong } from './fields.js';
import { movedTable, movesList } from './moved.js';
import { WEEK, parse, written } from './ranges.js';
import './words.js';

const path = (kind, id, more = '') => `${kind}s/${encodeURIComponent(id)}${more}`;

/** @param {any} ctx @param {string} kind @param {(body: any, isNew: boolean) => void} done */
export function recordCard(ctx, kind, done) {
  const id = ctx.params.id;
  const title = id ? t('mg_change_of', { id }) : t(`mg_register_${kind}`);
  const el = card(ctx, { title, note: t(id ? 'mg_change_note' : 'mg_form_note'), shape: 'rows' }, async () => {
    const [read, versions] = id
      ? await Promise.all([getTagged(path(kind, id), ctx.signal), get(path(kind, id, '/versions'), {}, ctx.signal)])
      : [null, null];
    return h('div', { class: 'stack' }, id ? null : opener(kind), form(ctx, kind, read, done, () => el.reload({ quiet: false })), versions ? versionTable(kind, versions.items) : null);
  });
  return el;
}

/** Opens one that is there. */
const opener = (kind) => h('form', { class: 'fields', on: { submit: (event) => {
  event.preventDefault();
  go({ what: kind, id: event.target.elements.open.value.trim() });
} } }, h('label', { class: 'field' }, h('span', {}, t('mg_open_note')), h('input', { type: 'text', name: 'open', required: true, autocomplete: 'off' })), h('button', { type: 'submit', class: 'mg-load' }, t('mg_load')));

/** @param {null | {data: any, tag: string}} read the record as it was opened */
function form(ctx, kind, read, done, reload) {
  const about = read?.data;
  const fields = fieldsOf(kind);
  const home = store.session?.institution_id;
  const first = (name) => about?.[name] ?? (!about && name === 'institution_id' ? home : null);
  const controls = fields.map((field) => [field, control(field, first(field.name))]);
  const outcome = h('div', { role: 'status', 'data-outcome': kind });
  const tell = (text, bad = false) => outcome.replaceChildren(h('p', { class: bad ? 'warn' : '', role: bad ? 'alert' : null }, text));
  const from = control({ name: 'valid_from' }, null, t('mg_valid_hint'));
  const moves = about ? h('button', { type: 'button', 'data-preview': kind, on: { click: () => send(true) } }, t('mg_preview')) : null;
  const el = /** @type {HTMLFormElement} */ (h('form', { class: 'stack mg-form', novalidate: true, on: { submit: (event) => { event.preventDefault(); send(false); } } },
    h('div', { class: 'mg-grid' }, about ? null : control({ name: 'id', required: true }, null), controls.filter(([f]) => f.first).map(([, c]) => c), from),
    h('details', {}, h('summary', {}, t('mg_more')), h('div', { class: 'mg-grid' }, controls.filter(([f]) => !f.first).map(([, c]) => c))),
    h('div', { class: 'fields' }, moves, h('button', { type: 'submit', class: 'primary', 'data-save': kind }, t(about ? 'mg_change' : 'mg_save'))), outcome));

  /** What the form states: of a record that is there, what differs from it. */
  function stated() {
    const body = {};
    // What was typed for a day and is no hours must not pass for what stood there before.
    if (el.querySelector('.mg-hours input:invalid')) throw Object.assign(new Error(t('mg_hours_bad')), { problem: { errors: [{ field: 'opening_hours', rule: t('mg_hours_bad') }] } });
    for (const { name, form: how } of [...fields, { name: 'valid_from', form: 'moment' }]) {
      const { value } = /** @type {any} */ (el.elements.namedItem(name));
      let said;
      try {
        said = meaning(how, value);
      } catch {
        throw Object.assign(new Error(t('mg_bad_json')), { problem: { errors: [{ field: name, rule: t('mg_bad_json') }] } });
      }
      const before = name === 'valid_from' ? null : about?.[name] ?? null;
      if (JSON.stringify(said) !== JSON.stringify(before)) body[name] = said;
    }
    return body;
  }

  async function send(preview) {
    clearWrong(el);
    const buttons = [...el.querySelectorAll('button')];
    for (const one of buttons) one.disabled = true;
    try {
      const body = stated();
      const id = about ? ctx.params.id : /** @type {any} */ (el.elements.namedItem('id')).value.trim();
      if (about && !Object.keys(body).some((name) => name !== 'valid_from')) return tell(t('mg_unchanged'));
      if (preview) {
        const told = await post(path(kind, id, '/preview') + query(windowOf(body.valid_from)), body);
        return outcome.replaceChildren(movesList(told), movedTable(told, id));
      }
      // Registering must not replace one that is there, nor a change what somebody wrote meanwhile.
      const told = await (read ? patch(path(kind, id), body, read.tag) : putNew(path(kind, id), body));
      tell(t(about ? 'mg_changed' : 'mg_saved', { id }));
      if (told?.next_step) outcome.append(h('p', { class: 'note' }, told.next_step));
      done(told, !about);
    } catch (error) {
      if (error.name === 'AbortError') return;
      if (error.status !== 412) tell(t('mg_refused', { why: showWrong(el, error) }), true);
      else if (!read) tell(t('mg_known', { id: /** @type {any} */ (el.elements.namedItem('id')).value.trim() }), true);
      else outcome.replaceChildren(await beside(error));
    } finally {
      for (const one of buttons) one.disabled = false;
    }
  }
  /** Somebody wrote meanwhile: theirs beside mine, and which of the two it shall be. */
  async function beside(error) {
    const mine = stated();
    const now = await getTagged(path(kind, ctx.params.id));
    const rows = fields.filter(({ name }) => JSON.stringify(now.data[name]) !== JSON.stringify(about[name])).map(({ name }) => ({ name }));
    const text = (name, value) => plain(value, name);
    return h('div', { class: 'stack', role: 'alert', 'data-stale': kind }, h('p', { class: 'warn' }, t('mg_stale')), h('p', { class: 'note' }, error.message),
      table({ name: `${kind}-stale`, caption: t('mg_stale'), rows, columns: [
        { key: 'field', label: t('mg_field'), value: (x) => t(`mg_f_${x.name}`) },
        { key: 'opened', label: t('mg_opened'), value: (x) => text(x.name, about[x.name]) },
        { key: 'theirs', label: t('mg_theirs'), value: (x) => text(x.name, now.data[x.name]), cell: (x) => h('span', { 'data-theirs': x.name }, text(x.name, now.data[x.name])) },
        { key: 'mine', label: t('mg_mine'), value: (x) => (x.name in mine ? text(x.name, mine[x.name]) : t('mg_untouched')) },
      ] }),
      h('div', { class: 'fields' },
        h('button', { type: 'button', 'data-keep': 'theirs', on: { click: reload } }, t('mg_keep_theirs')),
        h('button', { type: 'button', 'data-keep': 'mine', on: { click: () => { read.tag = now.tag; send(false); } } }, t('mg_keep_mine'))));
  }
  return el;
}

/** The days whose figures are told: thirty, or from when a change holds, up to a year back. */
function windowOf(since) {
  const days = daysOf('d30', store.config.timezone);
  const from = Date.parse(since ?? '');
  return from < Date.parse(days.from) ? { ...days, from: iso(Math.max(from, Date.parse(daysOf('d365', store.config.timezone).from))) } : days;
}

/** Opening hours as people write them. */
const hoursText = (value) => [...WEEK.filter((day) => value[day]?.length).map((day) => `${weekdays()[WEEK.indexOf(day)]} ${written(parse(value[day]))}`), t(`mg_holidays_${value.holidays ?? 'closed'}`)].join(', ');

/** A field's value as a table shows it. */
const plain = (value, name) => (value === null || value === undefined ? '–' : name === 'opening_hours' ? hoursText(value) : typeof value === 'object' ? JSON.stringify(value) : String(value));

function versionTable(kind, items) {
  const changed = (at) => (at ? Object.keys(items[at]).filter((name) => name !== 'valid_from' && plain(items[at][name], name) !== plain(items[at - 1][name], name)) : []);
  return table({
    name: `${kind}-versions`, caption: t('mg_versions'), rows: items.map((one, at) => ({ ...one, at })).reverse(), columns: [
      { key: 'valid_from', label: t('mg_from'), value: (x) => x.valid_from, cell: (x) => fullMoment(x.valid_from, store.config.timezone) },
      { key: 'changed', label: t('mg_versions'), value: (x) => changed(x.at).map((name) => `${t(`mg_f_${name}`)}: ${plain(x[name], name)}`).join('; ') || plain(x.name, 'name') },
    ],
  });
}
