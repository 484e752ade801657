// What a period's records lack for a form, by instrument, each with what mends it.

import { all } from '../api.js';
import { card, h, select, table } from '../dom.js';
import { openFile } from '../file-dialog.js';
import { count, moment } from '../formats.js';
import { href } from '../route.js';
import { institutionName, mayOperate, store } from '../store.js';
import { t } from '../words.js';
import { profiles, titleOf } from './profiles.js';
import { mend } from './mending.js';

/** How a file of what nothing measures begins: its instruments, then words of forms. */
const VALUES_HEADER = 'instrument_id,TRNSTUD,TRNTEACH';
const MOST = 1000; // of one answer: each goes through all records

export function lacksCard({ ctx, known }) {
  let chosen = null;
  const tools = h('div', { class: 'fields' });
  const el = card(ctx, { title: t('lacks'), actions: tools, note: t('lacks_note'), shape: 'rows' }, async ({ note }) => {
    const [period, forms] = await Promise.all([known(), profiles(ctx.signal)]);
    if (!chosen) {
      chosen = (forms.find((one) => one.name !== 'records') ?? forms[0]).name;
      tools.replaceChildren(select(t('form'), forms.map((one) => [one.name, titleOf(one)]), chosen, (name) => { chosen = name; el.reload({ quiet: false }); }),
        mayOperate() && period.state === 'open' && h('button', { type: 'button', class: 'quiet', id: 'values-file', on: { click: () => openFile(`periods/${period.period_id}/values/import`, t('values_file'), [t('values_file_text'), ' ', h('code', {}, VALUES_HEADER)], () => el.reload()) } }, t('values_file')));
    }
    const found = await all(`periods/${period.period_id}/check`, { profile: chosen }, { most: MOST, signal: ctx.signal });
    note(t('lacks_note'), ' · ', h('span', { 'data-value': 'n-lacks' }, t('n_lacks', { n: count(found.lacks), m: count(found.rows) })), found.complete ? '' : ` · ${t('first_n', { n: count(found.items.length) })}`);
    if (!found.items.length) return h('p', { class: 'empty', 'data-value': 'nothing-lacks' }, t('nothing_lacks'));
    const city = store.session.institution_id === null;
    return h('div', { class: 'stack' }, h('div', { class: 'chips' }, found.columns.map((one) => h('span', { class: 'badge' }, `${one.column} · ${t('n_instruments', { n: count(one.instruments) })}`))), table({
      name: `lacks-${period.period_id}-${chosen}`, caption: t('lacks'), rows: found.items, columns: [
        { key: 'name', label: t('instrument'), value: (x) => x.name, cell: (x) => h('a', { href: href('instrument', {}, x.instrument_id) }, x.name) },
        { key: 'instrument_id', hidden: true, value: (x) => x.instrument_id },
        ...(city && period.institution_id === null ? [{ key: 'institution_id', label: t('institution'), value: (x) => institutionName(x.institution_id), raw: (x) => x.institution_id, minor: true }] : []),
        { key: 'column', label: t('form_column'), value: (x) => x.column },
        { key: 'rule', label: t('what_lacks'), value: (x) => x.rule, cell: (x) => h('span', { class: 'wraps' }, ruleOf(x)), minor: true },
        { key: 'rows', label: t('form_rows'), num: true, minor: true, value: (x) => x.rows, cell: (x) => count(x.rows), tip: (x) => [t('form_rows'), x.first_from && t('first_at', { time: moment(x.first_from, period.tz) })] },
        ...(mayOperate() && period.state === 'open' ? [{ key: 'mend', label: t('mend'), plain: true, value: () => '', cell: (x) => mend(x, period, () => el.reload()) }] : []),
      ],
    }));
  });
  return el;
}

/** The commonest rules in the page's language; others as the service tells them. */
function ruleOf({ rule }) {
  if (rule === 'is empty; the form requires it') return t('is_empty');
  const [, k, n] = rule.match(/^lacks (\d+) of (\d+) records, whose purpose/) ?? [];
  return n ? t('no_purpose', { k, n }) : rule;
}
