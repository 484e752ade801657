// A record's form: registered anew, or opened by its id, changed from a time on, its figures before
// and after told first.

import { get, patch, post, put, query } from '../api.js';
import { card, h, table } from '../dom.js';
import { fullMoment, hours, percent } from '../formats.js';
import { go } from '../route.js';
import { store } from '../store.js';
import { daysOf } from '../time.js';
import { t } from '../words.js';
import { clearWrong, control, fieldsOf, meaning, showWrong } from './fields.js';
import './words.js';

const path = (kind, id, more = '') => `${kind}s/${encodeURIComponent(id)}${more}`;
const SECONDS = ['running_s', 'effective_s', 'scheduled_s', 'running_scheduled_s', 'rated_s'];
const RATIOS = ['utilization', 'scheduled_utilization', 'rated_utilization'];

/** @param {any} ctx @param {string} kind @param {(body: any, isNew: boolean) => void} done */
export function recordCard(ctx, kind, done) {
  const id = ctx.params.id;
  const title = id ? t('mg_change_of', { id }) : t(`mg_register_${kind}`);
  return card(ctx, { title, note: t(id ? 'mg_change_note' : 'mg_form_note'), shape: 'rows' }, async () => {
    const [about, versions] = id
      ? await Promise.all([get(path(kind, id), {}, ctx.signal), get(path(kind, id, '/versions'), {}, ctx.signal)])
      : [null, null];
    return h('div', { class: 'stack' }, id ? null : opener(kind), form(ctx, kind, about, done), versions ? versionTable(kind, versions.items) : null);
  });
}

/** Opens one that is there. */
const opener = (kind) => h('form', { class: 'fields', on: { submit: (event) => {
  event.preventDefault();
  go({ what: kind, id: event.target.elements.open.value.trim() });
} } }, h('label', { class: 'field' }, h('span', {}, t('mg_open_note')), h('input', { type: 'text', name: 'open', required: true, autocomplete: 'off' })), h('button', { type: 'submit', class: 'mg-load' }, t('mg_load')));

function form(ctx, kind, about, done) {
  const fields = fieldsOf(kind);
  const home = store.session?.institution_id;
  const first = (name) => about?.[name] ?? (!about && name === 'institution_id' ? home : null);
  const controls = fields.map((field) => [field, control(field, first(field.name))]);
  const outcome = h('div', { role: 'status', 'data-outcome': kind });
  const tell = (text, bad = false) => outcome.replaceChildren(h('p', { class: bad ? 'warn' : '', role: bad ? 'alert' : null }, text));
  const from = control({ name: 'valid_from' }, null, t('mg_valid_hint'));
  const moves = about && kind === 'instrument' ? h('button', { type: 'button', 'data-preview': kind, on: { click: () => send(true) } }, t('mg_preview')) : null;
  const el = /** @type {HTMLFormElement} */ (h('form', { class: 'stack mg-form', novalidate: true, on: { submit: (event) => { event.preventDefault(); send(false); } } },
    h('div', { class: 'mg-grid' }, about ? null : control({ name: 'id', required: true }, null), controls.filter(([f]) => f.first).map(([, c]) => c), from),
    h('details', {}, h('summary', {}, t('mg_more')), h('div', { class: 'mg-grid' }, controls.filter(([f]) => !f.first).map(([, c]) => c))),
    h('div', { class: 'fields' }, moves, h('button', { type: 'submit', class: 'primary', 'data-save': kind }, t(about ? 'mg_change' : 'mg_save'))), outcome));

  /** What the form states: of a record that is there, what differs from it. */
  function stated() {
    const body = {};
    for (const { name, form: how } of [...fields, { name: 'valid_from', form: 'text' }]) {
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
      if (preview) return outcome.replaceChildren(movedTable(await post(path(kind, id, '/preview') + query(daysOf('d30', store.config.timezone)), body)));
      // Registering must not replace one that is there.
      if (!about && await there(kind, id)) return tell(t('mg_known', { id }), true);
      const told = await (about ? patch(path(kind, id), body) : put(path(kind, id), body));
      tell(t(about ? 'mg_changed' : 'mg_saved', { id }));
      if (told?.next_step) outcome.append(h('p', { class: 'note' }, told.next_step));
      done(told, !about);
    } catch (error) {
      if (error.name === 'AbortError') return;
      tell(t('mg_refused', { why: showWrong(el, error) }), true);
    } finally {
      for (const one of buttons) one.disabled = false;
    }
  }
  return el;
}

/** Whether a record of this id is registered; an empty or odd id is the API's to refuse. */
const there = (kind, id) => (id ? get(path(kind, id)).then(() => true, (error) => { if (error.status === 404 || error.status === 422) return false; throw error; }) : false);

function movedTable(told) {
  const rows = [...SECONDS, ...RATIOS].filter((name) => told.present[name] !== told.proposed[name]);
  if (!rows.length) return h('p', { 'data-moved': 'none' }, t('mg_same'));
  const shown = (name, value) => (value === null || value === undefined ? '–' : SECONDS.includes(name) ? hours(value) : percent(value, 2));
  return table({
    name: `preview-${told.instrument_id}`, caption: t('mg_moves'), rows: rows.map((name) => ({ name })), answer: told, columns: [
      { key: 'figure', label: t('mg_figure'), value: (x) => t(x.name) },
      ...[['present', 'mg_now'], ['proposed', 'mg_then'], ['difference', 'mg_diff']].map(([key, word]) => ({
        key, label: t(word), num: true, value: (x) => told[key][x.name], cell: (x) => h('span', { 'data-moved': `${key}-${x.name}` }, shown(x.name, told[key][x.name])),
      })),
    ],
  });
}

function versionTable(kind, items) {
  const plain = (value) => (value === null || value === undefined ? '–' : typeof value === 'object' ? JSON.stringify(value) : String(value));
  const changed = (at) => (at ? Object.keys(items[at]).filter((name) => name !== 'valid_from' && plain(items[at][name]) !== plain(items[at - 1][name])) : []);
  return table({
    name: `${kind}-versions`, caption: t('mg_versions'), rows: items.map((one, at) => ({ ...one, at })).reverse(), columns: [
      { key: 'valid_from', label: t('mg_from'), value: (x) => x.valid_from, cell: (x) => fullMoment(x.valid_from, store.config.timezone) },
      { key: 'changed', label: t('mg_versions'), value: (x) => changed(x.at).map((name) => `${t(`mg_f_${name}`)}: ${plain(x[name])}`).join('; ') || plain(x.name) },
    ],
  });
}
