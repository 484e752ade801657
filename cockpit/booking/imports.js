// Files of bookings and self-reports, taken in from the page, with what became of each row.

import { postFile } from '../api.js';
import { typed } from '../csv-file.js';
import { card, fileField, h, select, table } from '../dom.js';
import { count } from '../formats.js';
import { refused, whyNot } from '../refusals.js';
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
      previews: true, take: async (file, asked) => postFile('bookings/import', file, await typed(file, kindOf(file)), asked),
    }),
    form({ name: 'self-reports', title: t('import_reports'), hint: t('columns_reports'), accept: '.csv,.xlsx,text/csv', done, fields: [formOf((name) => { profile = name; })], take: async (file) => postFile('self-reports/import', file, /\.xlsx$/i.test(file.name) ? XLSX : await typed(file, 'text/csv'), { profile }) })));
}

const formOf = (pick) => select(t('in_form'), [['', t('own_form')], ...FORMS.map((one) => [one, one])], '', (one) => pick(one || undefined));

const field = (name, label, hint, pattern) => h('label', { class: 'field' }, h('span', {}, label), h('input', { type: 'text', name, pattern, maxlength: 64, spellcheck: 'false', autocomplete: 'off', placeholder: hint, title: hint }));

function form({ name, title, hint, accept, fields, take, done, previews = false }) {
  const report = h('div', { class: 'stack', role: 'status' });
  const button = h('button', { type: 'submit', class: 'primary' }, t(previews ? 'preview_import' : 'do_import'));
  const send = async (file, asked, own) => {
    own.disabled = true;
    if (!report.contains(own)) report.replaceChildren(h('p', { class: 'note' }, t('importing')));
    try {
      const answer = await take(file, asked);
      report.replaceChildren(...reported(name, file.name, answer, (pressed) => send(file, { ...asked, preview: undefined }, pressed)));
      if (!answer.preview) done();
    } catch (error) {
      report.replaceChildren(h('p', { class: 'warn', role: 'alert' }, t('import_failed', { why: whyNot(error) })));
    } finally { own.disabled = false; }
  };
  // What stands there is of what was chosen before.
  const forget = () => report.replaceChildren();
  return h('form', { class: 'stack import', 'data-import': name, on: { change: forget, submit: (event) => {
    event.preventDefault();
    const file = /** @type {File} */ (new FormData(event.target).get('file'));
    const asked = Object.fromEntries(fields.flatMap((one) => [...one.querySelectorAll('input')]).map(({ name: key, value }) => [key, value.trim()]));
    send(file, { ...asked, preview: previews || undefined }, button);
  } } },
  h('h3', {}, title), h('p', { class: 'note' }, hint), h('div', { class: 'fields' },
    fileField(t('choose_file'), accept), fields), h('div', {}, button), report);
}

function reported(name, file, told, take) {
  if (told.preview) return previewed(name, file, told, take);
  const line = t('import_done', { file, created: count(told.created), updated: count(told.updated), unchanged: count(told.unchanged), rejected: count(told.rejected) });
  return [h('p', { 'data-report': name }, line),
    told.bookings_written === undefined ? '' : h('p', { class: 'note' }, t('import_times', { written: count(told.bookings_written), cancelled: count(told.bookings_cancelled) })),
    told.errors.length ? table({
      name: `${name}-errors`, caption: t('not_taken'), rows: told.errors, columns: [
        { key: 'row', label: t('row'), value: (x) => x.row, cell: (x) => (x.row === null ? '–' : String(x.row)) },
        ...(name === 'bookings' ? [{ key: 'uid', label: t('event'), value: (x) => [x.uid, x.recurrence_id].filter(Boolean).join(' ') }] : []),
        { key: 'rule', label: t('why_not'), value: refused, cell: (x) => h('span', { class: 'rule' }, refused(x)) },
      ],
    }) : '',
    told.errors_left_out ? h('p', { class: 'note' }, t('left_out', { n: count(told.errors_left_out) })) : ''];
}

/** What would become of each event, the refused first, and the button that has it done. */
function previewed(name, file, told, take) {
  const fresh = told.created + told.updated;
  const called = (x) => [x.uid, x.recurrence_id].filter(Boolean).join(' ');
  return [h('p', { 'data-report': `${name}-preview` }, t('import_would', { file, created: count(told.created), updated: count(told.updated), unchanged: count(told.unchanged), rejected: count(told.rejected) })),
    fresh ? h('div', {}, h('button', { type: 'button', class: 'primary', 'data-take': name, on: { click: ({ currentTarget: own }) => take(own) } }, t('import_take', { n: count(fresh) }))) : h('p', {}, t('import_nothing')),
    told.rows.length ? table({
      name: `${name}-rows`, caption: t('import_bookings'), rows: told.rows, cards: 'named', columns: [
        { key: 'row', label: t('row'), value: (x) => x.row, cell: (x) => (x.row === null ? '–' : String(x.row)) },
        { key: 'result', label: t('becomes'), value: (x) => x.result, cell: (x) => h('span', { 'data-row': x.row, 'data-result': x.result }, t(`becomes_${x.result}`)) },
        { key: 'uid', label: t('event'), value: called },
        { key: 'instrument', label: t('instrument'), minor: true, value: (x) => x.instrument },
        { key: 'rule', label: t('why_not'), value: refused, cell: (x) => h('span', { class: 'rule' }, refused(x) ?? '–') },
      ],
    }) : '',
    told.rows_left_out ? h('p', { class: 'note' }, t('rows_left_out', { n: count(told.rows_left_out) })) : ''];
}
