// Files of bookings and self-reports, taken in from the page, with what became of each row.

import { postFile } from '../api.js';
import { card, h, select, table } from '../dom.js';
import { count } from '../formats.js';
import { t } from '../words.js';
import './words.js';

const FEED = '[A-Za-z0-9][A-Za-z0-9._\\-]{0,63}';

/** By a file's name: what browsers say of calendars differs. */
const kindOf = (file) => (/\.(ics|ical|ifb|icalendar)$/i.test(file.name) || file.type === 'text/calendar' ? 'text/calendar' : 'text/csv');

/** Forms that institutions have their hours in anyway, by the report profile that reads them back. */
const FORMS = ['nrii-columns', 'university-share'];
const XLSX = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

/** Both forms; `done()` is called after whatever was taken in. */
export function importCard(ctx, done) {
  let profile;
  return card(ctx, { title: t('import_files'), note: t('import_note') }, async () => h('div', { class: 'halves' },
    form({
      name: 'bookings', title: t('import_bookings'), hint: t('columns_bookings'), accept: '.ics,.csv,text/calendar,text/csv', done,
      fields: [field('into', t('into_feed'), t('into_feed_hint'), FEED), field('for_instrument', t('for_instrument'), t('for_instrument_hint'))],
      take: (file, asked) => postFile('bookings/import', file, kindOf(file), asked),
    }),
    form({ name: 'self-reports', title: t('import_reports'), hint: t('columns_reports'), accept: '.csv,.xlsx,text/csv', done, fields: [formOf((name) => { profile = name; })], take: (file) => postFile('self-reports/import', file, /\.xlsx$/i.test(file.name) ? XLSX : 'text/csv', { profile }) })));
}

const formOf = (pick) => select(t('in_form'), [['', t('own_form')], ...FORMS.map((one) => [one, one])], '', (one) => pick(one || undefined));

const field = (name, label, hint, pattern) => h('label', { class: 'field' }, h('span', {}, label), h('input', { type: 'text', name, pattern, maxlength: 64, spellcheck: 'false', autocomplete: 'off', placeholder: hint, title: hint }));

function form({ name, title, hint, accept, fields, take, done }) {
  const report = h('div', { class: 'stack', role: 'status' });
  const button = h('button', { type: 'submit', class: 'primary' }, t('do_import'));
  return h('form', { class: 'stack import', 'data-import': name, on: { submit: async (event) => {
    event.preventDefault();
    const values = new FormData(event.target);
    const file = /** @type {File} */ (values.get('file'));
    button.disabled = true;
    report.replaceChildren(h('p', { class: 'note' }, t('importing')));
    try {
      const told = await take(file, Object.fromEntries(fields.flatMap((one) => [...one.querySelectorAll('input')]).map(({ name: key, value }) => [key, value.trim()])));
      report.replaceChildren(...reported(name, file.name, told));
      done();
    } catch (error) {
      report.replaceChildren(h('p', { class: 'warn', role: 'alert' }, t('import_failed', { why: whyNot(error) })));
    } finally { button.disabled = false; }
  } } },
  h('h3', {}, title), h('p', { class: 'note' }, hint), h('div', { class: 'fields' },
    h('label', { class: 'field' }, h('span', {}, t('choose_file')), h('input', { type: 'file', name: 'file', accept, required: true })), fields), h('div', {}, button), report);
}

/** A refusal's own rule says more than its title. */
const whyNot = (error) => error.problem?.errors?.[0]?.rule ?? error.message;

function reported(name, file, told) {
  const line = t('import_done', { file, created: count(told.created), updated: count(told.updated), unchanged: count(told.unchanged), rejected: count(told.rejected) });
  return [h('p', { 'data-report': name }, line),
    told.bookings_written === undefined ? '' : h('p', { class: 'note' }, t('import_times', { written: count(told.bookings_written), cancelled: count(told.bookings_cancelled) })),
    told.errors.length ? table({
      name: `${name}-errors`, caption: t('not_taken'), rows: told.errors, columns: [
        { key: 'row', csv: name === 'bookings' ? 'uid' : 'row', label: t(name === 'bookings' ? 'event' : 'row'), value: (x) => x.row ?? [x.uid, x.recurrence_id].filter(Boolean).join(' '), cell: (x) => String(x.row ?? [x.uid, x.recurrence_id].filter(Boolean).join(' ')) },
        { key: 'rule', label: t('why_not'), value: (x) => x.rule, cell: (x) => h('span', { class: 'rule' }, x.rule) },
      ],
    }) : '',
    told.errors_left_out ? h('p', { class: 'note' }, t('left_out', { n: count(told.errors_left_out) })) : ''];
}
