// Evaluation: schemes and what they made of closed periods; or one with everybody's score.

import { get } from '../api.js';
import { card, h, icon, select } from '../dom.js';
import { moment } from '../formats.js';
import { pageTitle } from '../pages.js';
import { go, href } from '../route.js';
import { institutionName, store } from '../store.js';
import { t } from '../words.js';
import { daysText, listCard, mayJudge, openMake } from '../evaluation/list.js';
import { objectionsCard } from '../evaluation/objections.js';
import { rankingCard } from '../evaluation/ranking.js';
import { schemeText, schemesCard, titled } from '../evaluation/scheme.js';
import '../evaluation/words.js';

export const NEEDS = ['institutions'];

export const page = (ctx) => (ctx.id ? one(ctx) : list(ctx));

const list = (ctx) => h('div', { class: 'page' },
  h('div', { class: 'page-head' }, h('h1', {}, pageTitle('evaluation')), h('span', { class: 'spacer' }),
    mayJudge() && h('button', { type: 'button', class: 'primary', id: 'new-evaluation', on: { click: openMake } }, t('ev_new'))),
  listCard(ctx), schemesCard(ctx));

function one(ctx) {
  const heading = h('h1', {}, t('ev_one', { id: ctx.id }));
  const crumbs = h('p', { class: 'crumbs' }, h('a', { href: href('evaluation') }, pageTitle('evaluation')));
  let asked = null;
  const known = () => (asked ??= get(`evaluations/${encodeURIComponent(ctx.id)}`, { limit: 1 }, ctx.signal).then((found) => {
    crumbs.replaceChildren(h('a', { href: href('evaluation') }, pageTitle('evaluation')), h('span', { 'aria-hidden': 'true' }, '›'),
      h('span', {}, `${titled(found.document.title)} · ${t('ev_version', { n: found.scheme_version })} · ${daysText(found)} · ${moment(found.made_at, found.tz, { year: 'numeric' })} · ${found.made_by}`));
    return found;
  }).catch((error) => {
    asked = null;
    if (error.status === 404 || error.status === 422) root.replaceChildren(nothing(ctx.id));
    throw error;
  }));
  const reload = () => { for (const part of [ranking, objections]) part.reload(); };
  const ranking = rankingCard(ctx, reload);
  const objections = objectionsCard(ctx, known, reload);
  const scheme = card(ctx, { title: t('ev_scheme') }, async () => schemeText((await known()).document));
  const homes = [...store.institutions.keys()];
  const root = h('div', { class: 'page' },
    h('div', { class: 'page-head' }, h('div', {}, heading, crumbs), h('span', { class: 'spacer' }),
      store.session.institution_id === null && homes.length > 1 && select(t('ev_find'), [['', t('all')], ...homes.map((id) => [id, institutionName(id)])], ctx.params.institution, (id) => go({ institution: id || undefined }))),
    ranking, objections, h('div', { class: 'grid loose' }, h('div', { class: 'w6' }, scheme), h('div', { class: 'w6' }, bundleCard(ctx))));
  return root;
}

function bundleCard(ctx) {
  if (store.session.institution_id !== null) return h('section', { class: 'card' }, h('h2', {}, t('ev_bundle')), h('p', { class: 'note' }, t('ev_city_only')));
  const folder = `evaluation-${ctx.id}`;
  return h('section', { class: 'card', 'aria-label': t('ev_bundle') }, h('div', { class: 'stack' },
    h('h2', {}, t('ev_bundle')), h('p', { class: 'note' }, t('ev_bundle_note')),
    h('p', {}, h('a', { class: 'csv', id: 'bundle', href: `v1/evaluations/${encodeURIComponent(ctx.id)}/bundle`, download: `${folder}.zip` }, icon('down'), t('ev_download'))),
    h('p', {}, t('ev_how')),
    h('pre', { class: 'ev-how', tabindex: '0' }, `unzip ${folder}.zip -d ${folder}\njishi reports verify ${folder} --public-key public.pem   # ${t('ev_verify')}\ncd ${folder} && python3 recompute.py   # ${t('ev_recompute')}`)));
}

/** What stands where no such evaluation is. */
const nothing = (id) => h('section', { class: 'card' }, h('div', { class: 'empty', role: 'alert' },
  h('h1', {}, t('ev_nothing', { id })), h('a', { class: 'more', href: href('evaluation') }, pageTitle('evaluation'))));
