// A file chosen in a dialog, sent, and what became of each of its rows.

import { postFile } from './api.js';
import { typed } from './csv-file.js';
import { dialog, fileField, h, table } from './dom.js';
import { count } from './formats.js';
import { refused, whyNot } from './refusals.js';
import { t } from './words.js';

const COUNTS = ['created', 'updated', 'unchanged', 'rejected'];

/**
 * @param {string} path of the API, which answers with counts and the rows that are not taken
 * @param {string} title @param {any[]} text what such a file holds
 * @param {() => void} done what to do once rows were taken
 */
export function openFile(path, title, text, done) {
  const outcome = h('div', { role: 'status', class: 'stack' });
  const field = fileField(t('import_file'), '.csv,text/csv');
  const send = h('button', { type: 'button', class: 'primary', id: 'send-file', on: { click: async () => {
    const [chosen] = field.control.files;
    if (!chosen) { field.control.reportValidity(); return; }
    send.disabled = true;
    outcome.replaceChildren(h('p', { class: 'note' }, t('loading')));
    try {
      const report = await postFile(path, chosen, await typed(chosen, 'text/csv'));
      outcome.replaceChildren(told(report));
      if (report.created + report.updated) done();
    } catch (error) {
      outcome.replaceChildren(h('p', { class: 'warn' }, t('failed', { why: whyNot(error) })));
    } finally {
      send.disabled = false;
    }
  } } }, t('import_send'));
  dialog(title, h('p', { class: 'note' }, text), h('div', { class: 'fields' }, field, send), outcome);
}

function told(report) {
  return h('div', { class: 'stack' },
    h('dl', { class: 'counts' }, COUNTS.map((name) => h('div', {}, h('dt', {}, t(`import_${name}`)), h('dd', { 'data-value': `import-${name}` }, count(report[name]))))),
    report.errors?.length ? table({
      name: 'file-rejected', caption: t('import_rejected'), rows: report.errors, columns: [
        { key: 'row', label: t('import_row'), num: true, value: (x) => x.row },
        { key: 'rule', label: t('reason'), value: refused, cell: (x) => h('span', { class: 'wraps' }, refused(x)) },
      ],
    }) : null,
    report.errors_left_out ? h('p', { class: 'note' }, t('import_left_out', { n: count(report.errors_left_out) })) : null);
}
