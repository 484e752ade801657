// Voucher orders: lines by verdict and files taken in; or one line with what was measured for it.

import { get } from '../api.js';
import { choice, h, select } from '../dom.js';
import { pageTitle } from '../pages.js';
import { go, href } from '../route.js';
import { mayOperate, store } from '../store.js';
import { t } from '../words.js';
import { importCard } from '../vouchers/imports.js';
import { listCard } from '../vouchers/list.js';
import { crumbsOf, formerCard, pictureCard, sessionCard, verdictCard } from '../vouchers/one.js';
import { VERDICTS, orderName, verdictName } from '../vouchers/verdicts.js';
import '../vouchers/words.js';

export const NEEDS = ['institutions'];

export const page = (ctx) => (ctx.id ? one(ctx) : list(ctx));

function list(ctx) {
  const tz = store.config.timezone;
  const verdict = VERDICTS.includes(ctx.params.verdict) ? ctx.params.verdict : undefined;
  const { scheme, institution } = ctx.params;
  const lines = listCard(ctx, { verdict, scheme, institution }, tz);
  const homes = [...store.institutions.keys()];
  return h('div', { class: 'page' },
    h('div', { class: 'page-head' }, h('h1', {}, pageTitle('vouchers')), h('span', { class: 'spacer' }),
      choice(t('vo_verdict'), [['', t('vo_all')], ...VERDICTS.map((one) => [one, verdictName(one)])], verdict ?? '', (v) => go({ verdict: v || undefined }))),
    homes.length > 1 && homes.length <= 40 ? h('div', { class: 'fields' }, select(t('institution'), [['', t('vo_all')], ...homes.map((id) => [id, store.institutions.get(id).name ?? id])], institution, (v) => go({ institution: v || undefined }))) : null,
    lines, mayOperate() ? importCard(ctx, tz, () => lines.reload()) : null);
}

function one(ctx) {
  const tz = store.config.timezone;
  const heading = h('h1', {}, t('vo_line', { name: ctx.id }));
  const crumbs = h('p', { class: 'crumbs' });
  let asked = null;
  const known = () => (asked ??= get(`voucher-orders/${encodeURIComponent(ctx.id)}`, {}, ctx.signal).then((found) => {
    heading.textContent = t('vo_line', { name: orderName(found) });
    document.title = `${heading.textContent} · ${t('brand')}`;
    crumbs.replaceChildren(...crumbsOf(found));
    return found;
  }).catch((error) => {
    asked = null;
    if (error.status === 404 || error.status === 422) root.replaceChildren(nobody(ctx.id));
    throw error;
  }));
  const root = h('div', { class: 'page' },
    h('div', { class: 'page-head' }, h('div', {}, heading, crumbs), h('span', { class: 'spacer' }), h('a', { class: 'more', href: href('vouchers') }, t('vo_to_list'))),
    verdictCard(ctx, known, tz), pictureCard(ctx, known, tz), sessionCard(ctx, known, tz), formerCard(ctx, known, tz));
  return root;
}

/** What stands where no line is. */
const nobody = (id) => h('section', { class: 'card' }, h('div', { class: 'empty', role: 'alert' },
  h('h1', {}, t('vo_nobody', { id })), h('a', { class: 'more', href: href('vouchers') }, t('vo_to_list'))));
