// An institution's home: its instruments now, its month, and what waits to be seen to.

import { h } from '../dom.js';
import { housesCard } from '../home/houses.js';
import { monthCard } from '../home/month.js';
import { alertsCard, dueCard, lacksCard, shareCard, silentCard } from '../home/next.js';
import { nowCard } from '../home/now.js';
import { pageTitle } from '../pages.js';
import { href } from '../route.js';
import { districtName, institutionName, store } from '../store.js';
import { t } from '../words.js';
import '../home/words.js';

export const NEEDS = ['institutions', 'districts'];

export function page(ctx) {
  const id = ctx.id ?? store.session.institution_id;
  if (id === null) return choose(ctx);
  const about = store.institutions.get(id);
  if (!about) return nobody(id);
  return h('div', { class: 'page' },
    h('div', { class: 'page-head' }, h('div', {}, h('h1', {}, institutionName(id)),
      h('p', { class: 'crumbs' }, h('span', {}, districtName(about.district_code)), h('span', { 'aria-hidden': 'true' }, '›'), h('span', {}, id),
        store.session.institution_id === null ? h('a', { href: href('home') }, t('hm_to_choose')) : null))),
    nowCard(ctx, id),
    h('div', { class: 'grid' }, monthCard(ctx, id), lacksCard(ctx, id), silentCard(ctx, id), alertsCard(ctx, id), dueCard(ctx, id), shareCard(ctx, id)));
}

/** A city's key says whose home it wants to see: by name, or from the list, the largest first. */
function choose(ctx) {
  const by = new Map([...store.institutions.keys()].map((id) => [institutionName(id), id]));
  const input = h('input', { type: 'search', id: 'home-whose', list: 'home-houses', autocomplete: 'off', required: true });
  return h('div', { class: 'page' }, h('div', { class: 'page-head' }, h('h1', {}, pageTitle('home'))),
    h('section', { class: 'card', 'aria-label': t('hm_choose') }, h('p', { class: 'note' }, t('hm_choose_text')),
      h('form', { class: 'home-choice', on: { submit: (event) => {
        event.preventDefault();
        const text = input.value.trim();
        location.hash = href('home', {}, by.get(text) ?? text);
      } } },
      h('div', { class: 'field' }, h('label', { for: 'home-whose' }, t('hm_whose')), input, h('datalist', { id: 'home-houses' }, [...by.keys()].map((name) => h('option', { value: name })))),
      h('button', { type: 'submit', class: 'primary' }, t('hm_open')))),
    housesCard(ctx));
}

const nobody = (id) => h('div', { class: 'page' }, h('section', { class: 'card' }, h('div', { class: 'empty', role: 'alert' },
  h('h1', {}, t('hm_nobody', { id })), h('a', { class: 'more', href: href('home') }, store.session.institution_id === null ? t('hm_to_choose') : pageTitle('home')))));
