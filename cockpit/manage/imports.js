// A CSV file of the registry: what would become of each row, and then what became of it.

import { postFile } from '../api.js';
import { typed } from '../csv-file.js';
import { card, fileField, h, table } from '../dom.js';
import { count } from '../formats.js';
import { refused, whyNot } from '../refusals.js';
import { t } from '../words.js';
import './words.js';

export function importCard(ctx) {
  return card(ctx, { title: t('mg_import'), note: t('mg_import_note') }, async () => {
    const report = h('div', { class: 'stack', role: 'status' });
    const send = async (file, preview, button) => {
      button.disabled = true;
      try {
        const told = await postFile('registry/import', file, await typed(file, 'text/csv'), { preview });
        report.replaceChildren(...reported(told, (own) => send(file, false, own)));
      } catch (error) {
        report.replaceChildren(h('p', { class: 'warn', role: 'alert' }, t('mg_refused', { why: whyNot(error) })));
      } finally { button.disabled = false; }
    };
    const button = h('button', { type: 'submit', class: 'primary' }, t('mg_preview'));
    const field = fileField(t('mg_file'), '.csv,text/csv', () => report.replaceChildren());
    return h('form', { class: 'stack', on: { submit: (event) => {
      event.preventDefault();
      const [file] = field.control.files;
      if (file) send(file, true, button);
    } } }, h('div', { class: 'fields' }, field, button), report);
  });
}

function reported(told, take) {
  const fresh = told.created + told.updated;
  const why = (row) => told.errors.filter((one) => one.row === row.row).map((one) => [one.column, one.value, refused(one)].filter(Boolean).join(' · ')).join('; ');
  const numbers = Object.fromEntries(['created', 'updated', 'unchanged', 'rejected'].map((name) => [name, count(told[name])]));
  return [h('p', { 'data-report': told.preview ? 'preview' : 'taken' }, t('mg_counts', numbers)),
    told.preview ? (fresh ? h('div', {}, h('button', { type: 'button', class: 'primary', 'data-take': 'registry', on: { click: ({ currentTarget: own }) => take(own) } }, t('mg_take', { n: count(fresh) }))) : h('p', {}, t('mg_nothing'))) : h('p', {}, t('mg_taken')),
    told.rows.length ? table({
      name: 'registry-rows', caption: t('mg_import'), rows: told.rows, cards: 'named', columns: [
        { key: 'row', label: t('mg_row'), value: (x) => x.row, cell: (x) => String(x.row) },
        { key: 'id', label: t('id'), value: (x) => x.id },
        { key: 'result', label: t('mg_becomes'), value: (x) => x.result, cell: (x) => h('span', { 'data-row': x.row }, t(`mg_r_${x.result}`)) },
        { key: 'why', label: t('mg_why'), value: (x) => why(x) || x.changed.map((name) => t(`mg_f_${name}`)).join(', ') || null },
      ],
    }) : '',
    told.rows_left_out ? h('p', { class: 'note' }, t('mg_left_out', { n: count(told.rows_left_out) })) : ''];
}
