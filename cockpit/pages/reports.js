// Reports: which periods there are and who has not closed; or, of one, all that is known of it.

import { get } from '../api.js';
import { h } from '../dom.js';
import { pageTitle } from '../pages.js';
import { href } from '../route.js';
import { institutionName, mayOperate, store } from '../store.js';
import { learn, t } from '../words.js';
import { amendmentsOf, changesCard } from '../reports/changes.js';
import { closedCard } from '../reports/closed.js';
import { openClosing } from '../reports/closing.js';
import { deliveriesCard } from '../reports/deliveries.js';
import { filesCard } from '../reports/files.js';
import { lacksCard } from '../reports/lacks.js';
import { openMake } from '../reports/make.js';
import { completenessCard } from '../reports/completeness.js';
import { periodsCard, stateOf } from '../reports/periods.js';
import { previewCard } from '../reports/preview.js';
import { nameOf } from '../reports/spans.js';
import { WORDS } from '../reports/words.js';

learn(WORDS);
export const NEEDS = ['institutions'];

export const page = (ctx) => (ctx.id ? one(ctx) : list(ctx));

const list = (ctx) => h('div', { class: 'page' },
  h('div', { class: 'page-head' }, h('h1', {}, pageTitle('reports')), h('span', { class: 'spacer' }),
    mayOperate() && h('button', { type: 'button', class: 'primary', id: 'new-period', on: { click: openMake } }, t('new_period'))),
  periodsCard(ctx), store.session.institution_id === null && closedCard(ctx), mayOperate() && deliveriesCard(ctx));

function one(ctx) {
  const heading = h('h1', {}, t('period'));
  const crumbs = h('p', { class: 'crumbs' }, h('a', { href: href('reports') }, pageTitle('reports')));
  const tools = h('div', { class: 'chips' });
  let about = null;
  /** As it is now: what is known of it is asked for anew by each card. */
  const reload = () => dispatchEvent(new Event('hashchange'));
  const known = () => (about ??= get(`periods/${encodeURIComponent(ctx.id)}`, {}, ctx.signal).then((found) => {
    heading.textContent = nameOf(found);
    document.title = `${nameOf(found)} · ${t('brand')}`;
    crumbs.append(h('span', { 'aria-hidden': 'true' }, '›'), found.institution_id === null ? t('whole_city_period') : institutionName(found.institution_id));
    tools.replaceChildren(stateOf(found), found.state === 'open' && mayOperate()
      ? h('button', { type: 'button', class: 'primary', id: 'close-period', on: { click: () => openClosing(found, reload) } }, t('close_period')) : '');
    if (found.state === 'closed') changes.replaceChildren(changesCard(c));
    return found;
  }).catch((error) => {
    about = null;
    if (error.status === 404 || error.status === 422) root.replaceChildren(nothing(ctx.id));
    throw error;
  }));
  let differing = null;
  // What it would be today is long to find: asked once, for what was frozen and for what differs from it.
  const amended = (period) => (differing ??= amendmentsOf(period, ctx.signal).catch((error) => { differing = null; throw error; }));
  const c = { ctx, known, amended };
  const changes = h('div', { class: 'stack' }); // of a closed one alone
  const root = h('div', { class: 'page' },
    h('div', { class: 'page-head' }, h('div', {}, heading, crumbs), h('span', { class: 'spacer' }), tools),
    completenessCard(c), changes, lacksCard(c), previewCard(c), filesCard(c));
  return root;
}

/** What stands where no such period is. */
const nothing = (id) => h('section', { class: 'card' }, h('div', { class: 'empty', role: 'alert' },
  h('h1', {}, t('no_period', { id })), h('a', { class: 'more', href: href('reports') }, t('to_reports'))));
