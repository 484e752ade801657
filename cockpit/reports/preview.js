// What a form would look like: its first rows, cell by cell as the file would have them, and sums.

import { get } from '../api.js';
import { card, h, select } from '../dom.js';
import { count } from '../formats.js';
import { t } from '../words.js';
import { profiles, titleOf } from './profiles.js';

const ROWS = 12;

export function previewCard({ ctx, known }) {
  let chosen = null;
  const tools = h('div', { class: 'fields' });
  return card(ctx, { title: t('preview'), actions: tools, shape: 'rows', empty: t('preview_none') }, async ({ note }) => {
    const [period, forms] = await Promise.all([known(), profiles(ctx.signal)]);
    if (!chosen) {
      chosen = (forms.find((one) => one.name !== 'records') ?? forms[0]).name;
      tools.replaceChildren(select(t('form'), forms.map((one) => [one.name, titleOf(one)]), chosen, (name) => { chosen = name; tools.closest('.card')['reload']({ quiet: false }); }));
    }
    const found = await get(`periods/${period.period_id}/preview`, { profile: chosen, limit: ROWS }, ctx.signal);
    const read = forms.find((one) => one.name === chosen)?.read_on;
    note(t(found.row === 'record' ? 'preview_note' : 'preview_rows', { m: count(found.rows.length), n: count(found.records) }), read ? ` · ${t('outdated', { day: read })}` : '');
    if (!found.rows.length) return null;
    return h('div', { class: 'stack' },
      h('div', { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': t('preview') },
        h('table', { class: 'form-preview' }, h('caption', { class: 'hidden' }, titleOf(forms.find((one) => one.name === chosen))),
          h('thead', {}, h('tr', {}, found.columns.map((name) => h('th', { scope: 'col' }, name)))),
          h('tbody', {}, found.rows.map((row) => h('tr', {}, row.map((cell) => h('td', {}, cell === null ? '' : String(cell)))))))),
      h('p', { 'data-value': 'preview-sums' }, t('preview_sums', { n: count(found.records), h: count(found.hours) })));
  });
}
