// Alerts: those that stand by who has to see to them, by kind and institution; or one of them.

import { get } from '../api.js';
import { h, offer, select } from '../dom.js';
import { count } from '../formats.js';
import { kindChoice, KIND_NAMES, mayStandHere } from '../alerts/kinds.js';
import { listCard } from '../alerts/list.js';
import { noAlert, oneCard, oneTitle } from '../alerts/one.js';
import { STANDING, countsOf } from '../alerts/summary.js';
import { gatewayName } from '../named.js';
import { pageTitle } from '../pages.js';
import { go, href } from '../route.js';
import { institutionName, store } from '../store.js';
import { t } from '../words.js';
import '../alerts/words.js';

export const NEEDS = ['institutions'];
const STATES = [...STANDING, 'closed'];
const MANY = 40; // institutions that a list can be chosen from; of more, one is typed

export const page = (ctx) => (ctx.id ? one(ctx) : list(ctx));

function list(ctx) {
  const { kind, institution, subject } = ctx.params;
  const state = STATES.includes(ctx.params.state) ? ctx.params.state : 'open';
  const numbers = Object.fromEntries(STANDING.map((one) => [one, h('b', { 'data-value': `alerts-${one}` })]));
  const tabs = h('nav', { class: 'tabs', 'aria-label': t('al_state') }, STATES.map((one) => h('a', { href: href('alerts', { ...ctx.params, state: one === 'open' ? undefined : one }), 'aria-current': one === state ? 'page' : null, 'data-state': one },
    t(`al_state_${one}`), numbers[one])));
  const kinds = select(t('al_kind'), [], kind, (to) => go({ kind: to || undefined }));
  const draw = (items) => {
    const counts = countsOf(items);
    for (const one of STANDING) numbers[one].textContent = count(counts[one].all);
    const present = counts[state]?.kinds ?? new Map();
    const named = [...new Set([...KIND_NAMES, ...present.keys()])].filter((one) => (state === 'closed' && mayStandHere(one)) || present.has(one) || one === kind);
    offer(kinds.querySelector('select'), [[undefined, t('al_all_kinds')], ...named.map((one) => [one, present.has(one) ? `${kindChoice(one)} (${count(present.get(one))})` : kindChoice(one)])], kind);
  };
  const counted = () => get('alerts/counts', { institution }, ctx.signal).then(({ items }) => draw(items)).catch((error) => { if (error.name !== 'AbortError' && error.status === undefined && !(error instanceof TypeError)) throw error; });
  draw([]);
  counted();
  const timer = setInterval(() => document.visibilityState === 'visible' && counted(), 15_000);
  ctx.onEnd(() => clearInterval(timer));
  return h('div', { class: 'page' },
    h('div', { class: 'page-head' }, h('h1', {}, pageTitle('alerts')), h('span', { class: 'spacer' }), h('div', { class: 'fields' }, kinds, houses(institution))),
    h('div', { class: 'alert-tabs' }, tabs, subject && h('a', { class: 'chip', href: href('alerts', { ...ctx.params, subject: undefined }) }, `${t('al_subject')}: `, store.config.follower ? subject : gatewayName(subject), ' ×')),
    listCard(ctx, { state, kind, institution, subject }, store.config.timezone, counted));
}

/** Whose alerts: one of few, or one of a thousand by its name. */
function houses(chosen) {
  if (store.session.institution_id !== null || store.config.follower) return null;
  const named = [...store.institutions.keys()].map((id) => [id, institutionName(id)]);
  if (named.length <= MANY) return select(t('institution'), [[undefined, t('al_all_houses')], ...named], chosen, (to) => go({ institution: to || undefined }));
  const by = new Map(named.map(([id, name]) => [name, id]));
  return h('label', { class: 'field' }, h('span', {}, t('institution')),
    h('input', { type: 'search', id: 'alert-house', list: 'alert-houses', placeholder: t('al_all_houses'), value: chosen ? institutionName(chosen) : '', on: { change: ({ target }) => {
      const id = by.get(target.value.trim()) ?? (store.institutions.has(target.value.trim()) ? target.value.trim() : undefined);
      if (id || !target.value.trim()) go({ institution: id });
    } } }), h('datalist', { id: 'alert-houses' }, named.map(([, name]) => h('option', { value: name }))));
}

function one(ctx) {
  const heading = h('h1', {}, t('al_of', { id: ctx.id }));
  const el = oneCard(ctx, store.config.timezone, async (alert) => {
    const title = await oneTitle(alert);
    if (ctx.signal.aborted) return; // another page has the window's title by now
    heading.textContent = title;
    document.title = `${heading.textContent} · ${t('brand')}`;
  }, () => root.replaceChildren(noAlert(ctx.id)));
  const root = h('div', { class: 'page' }, h('div', { class: 'page-head' }, h('div', {}, heading, h('p', { class: 'crumbs' }, h('a', { href: href('alerts') }, pageTitle('alerts'))))), el);
  return root;
}
