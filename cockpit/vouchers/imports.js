// A file of voucher orders: what would become of each row, and then what became of it.

import { postFile } from '../api.js';
import { typed } from '../csv-file.js';
import { card, fileField, h, table } from '../dom.js';
import { NONE, count, hours, moment } from '../formats.js';
import { refused, whyNot } from '../refusals.js';
import { t } from '../words.js';
import './words.js';

const kindOf = (file) => (/\.json$/i.test(file.name) || file.type === 'application/json' ? 'application/json' : 'text/csv');
/** As much of an order's name as the row says. */
const named = (x) => [x.scheme, x.reference, x.line].filter((part) => part !== null).join('/') || null;

/** `done()` is called after lines were taken. */
export function importCard(ctx, tz, done) {
  return card(ctx, { title: t('vo_import'), note: t('vo_import_note') }, async () => {
    const report = h('div', { class: 'stack', role: 'status' });
    const send = async (file, preview, button) => {
      button.disabled = true;
      try {
        const told = await postFile('voucher-orders/import', file, await typed(file, kindOf(file)), { preview });
        report.replaceChildren(...reported(file, told, tz, (own) => send(file, false, own)));
        if (!preview) done();
      } catch (error) {
        report.replaceChildren(h('p', { class: 'warn', role: 'alert' }, t('vo_failed', { why: whyNot(error) })));
      } finally { button.disabled = false; }
    };
    const button = h('button', { type: 'submit', class: 'primary' }, t('vo_preview'));
    const field = fileField(t('vo_file'), '.csv,.json,text/csv,application/json', () => report.replaceChildren());
    return h('form', { class: 'stack import', on: { submit: (event) => {
      event.preventDefault();
      const [file] = field.control.files;
      if (file) send(file, true, button);
    } } },
    h('p', { class: 'note' }, t('vo_columns')), h('div', { class: 'fields' }, field), h('div', {}, button), report);
  });
}

function reported(file, told, tz, take) {
  const fresh = told.created + told.updated;
  return [h('p', { 'data-report': 'vouchers' }, t('vo_counts', { file: file.name, created: count(told.created), updated: count(told.updated), unchanged: count(told.unchanged), rejected: count(told.rejected) })),
    told.preview
      ? (fresh ? h('div', {}, h('button', { type: 'button', class: 'primary', 'data-take': 'vouchers', on: { click: ({ currentTarget: own }) => take(own) } }, t('vo_take', { n: count(fresh) }))) : h('p', {}, t('vo_nothing_new')))
      : h('p', {}, t('vo_taken_done')),
    told.rows.length ? table({
      name: 'voucher-rows', caption: t('vo_import'), rows: told.rows, cards: 'named', columns: [
        { key: 'row', label: t('vo_row'), value: (x) => x.row, cell: (x) => String(x.row) },
        { key: 'result', label: t('vo_becomes'), value: (x) => x.result, cell: (x) => h('span', { 'data-row': x.row }, t(`vo_r_${x.result}`)) },
        { key: 'order', label: t('vo_order'), value: named },
        { key: 'instrument', label: t('instrument'), value: (x) => x.instrument },
        { key: 'from', label: t('from'), minor: true, value: (x) => x.from, cell: (x) => moment(x.from, tz) },
        { key: 'to', label: t('to'), minor: true, value: (x) => x.to, cell: (x) => moment(x.to, tz) },
        { key: 'claimed_s', label: `${t('vo_claimed')} (h)`, num: true, value: (x) => x.claimed_s, cell: (x) => hours(x.claimed_s, false) },
        { key: 'rule', label: t('vo_why'), value: refused, cell: (x) => h('span', { class: 'rule' }, refused(x) ?? NONE) },
      ],
    }) : '',
    told.rows_left_out ? h('p', { class: 'note' }, t('vo_left_out', { n: count(told.rows_left_out) })) : ''];
}
