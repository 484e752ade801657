// What sessions were for, said row by row, for whoever may operate.

import { card, h } from '../dom.js';
import { openFile } from '../file-dialog.js';
import { count, moment } from '../formats.js';
import { go } from '../route.js';
import { daysOf } from '../time.js';
import { lang, learn, t } from '../words.js';
import { fieldsOf, labelOf, letterHints } from './fields.js';
import { uses } from './kept.js';
import { rowOf } from './row.js';
import { walkable } from './sheet.js';
import { WORDS } from './words.js';

learn(WORDS);
/** Rows before one asks for more: on a phone each is a card. */
const shownAtOnce = () => (innerWidth < 640 ? 8 : 50);

/** The days that are asked for: those of the page, or of a report that sent one here. */
function windowOf(ctx, range, tz) {
  const { from, to } = ctx.params;
  return from && to ? { from, to } : daysOf(range, tz);
}

export function annotatingCard({ ctx, range, known }) {
  let rows = []; // of the sheet that stands there
  const unsaved = () => rows.filter((row) => row.hasAttribute('data-dirty'));
  const save = () => Promise.all(unsaved().map((row) => row.save()));
  // Whoever leaves takes nothing unsaved along: a row is kept when it is left, the last one here.
  ctx.onEnd(save);
  const bring = h('button', { type: 'button', class: 'quiet', id: 'import-annotations', on: { click: () => openFile('annotations/import', t('import_csv'), [t('import_text')], () => save().then(() => el.reload({ quiet: false }))) } }, t('import_csv'));
  const el = card(ctx, { title: t('annotating'), cls: 'annotating', actions: bring, empty: t('no_sessions') }, async ({ note }) => {
    const tz = (await known()).timezone;
    const asked = windowOf(ctx, range, tz);
    const found = await uses(ctx.id, asked, ctx.signal);
    const bare = () => found.filter((use) => !use.said).length;
    const tell = () => note(`${moment(asked.from, tz)} – ${moment(asked.to, tz)} · ${t('n_bare', { k: count(bare()), n: count(found.length) })}`,
      ...(ctx.params.from ? [' · ', h('button', { type: 'button', class: 'link', on: { click: () => go({ from: null, to: null, also: null }) } }, t('whole_range'))] : []));
    tell();
    if (!found.length) return null;
    if (unsaved().length) return undefined; // the service was away while somebody wrote
    rows = [];
    return sheet({ ctx, tz, found, tell, rows });
  });
  return el;
}

/** `rows` are put into as the sheet grows. */
function sheet({ ctx, tz, found, tell, rows }) {
  const fields = fieldsOf(ctx.params.also);
  const body = h('tbody');
  const more = h('button', { type: 'button', on: { click: () => grow() } }, t('more'));
  const only = h('input', { type: 'checkbox', on: { change: () => { for (const row of rows) row.hidden = only.checked && row.said() && !row.hasAttribute('data-dirty'); } } });
  const grow = () => {
    for (const use of found.slice(rows.length, rows.length + shownAtOnce())) {
      const row = rowOf({ id: ctx.id, tz, fields, use, changed: tell });
      row.said = () => use.said !== null;
      rows.push(row);
      body.append(row);
    }
    more.hidden = rows.length >= found.length;
  };
  grow();
  walkable(body);
  const zh = lang() === 'zh';
  return h('div', { class: 'stack' },
    h('div', { class: 'hints note' },
      h('label', { class: 'check' }, only, t('only_bare')),
      h('span', {}, t('sheet_keys')), h('span', {}, letterHints('purpose', zh)), h('span', {}, letterHints('user_type', zh))),
    h('div', { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': t('annotating') },
      h('table', { class: 'sheet' }, h('caption', { class: 'hidden' }, t('annotating')),
        h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, t('sessions')), [...fields.map(labelOf), t('person')].map((label) => h('th', { scope: 'col' }, label)), h('th', { scope: 'col' }, t('row_state')))),
        body)),
    more);
}
