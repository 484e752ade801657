// Which instruments a laboratory's week shows: an institution's, or those that were added one by one.

import { get } from '../api.js';
import { h, icon } from '../dom.js';
import { go } from '../route.js';
import { institutionName, store } from '../store.js';
import { t } from '../words.js';
import { MOST, named } from './rows.js';
import './words.js';

/** @param {any} ctx @param {string | null} house whose instruments are shown where none is named */
export function chooser(ctx, house) {
  return h('section', { class: 'card week-choice', 'aria-label': t('filters') }, h('div', { class: 'fields' }, store.session.institution_id === null ? houses(house) : null, adder(ctx)));
}

/** What is chosen one by one, each with the way to leave it out. */
export const chips = (items, params) => (named(params).length ? h('div', { class: 'chips' }, items.map((one) => h('button', {
  type: 'button', class: 'chip', 'aria-label': t('wk_remove', { name: one.name }),
  on: { click: () => go({ instrument: named(params).filter((id) => id !== one.instrument_id).join(',') || undefined }) },
}, one.name, icon('x')))) : null);

function houses(house) {
  const by = new Map([...store.institutions.keys()].map((id) => [institutionName(id), id]));
  return h('div', { class: 'field' }, h('label', { for: 'week-house' }, t('institution')),
    h('input', { type: 'search', id: 'week-house', list: 'week-houses', value: house ? institutionName(house) : '', on: { change: ({ target }) => {
      const text = target.value.trim();
      const id = by.get(text) ?? (store.institutions.has(text) ? text : undefined);
      if (id || !text) go({ institution: id, instrument: undefined, gateway: undefined, after: undefined });
    } } }), h('datalist', { id: 'week-houses' }, [...by.keys()].map((name) => h('option', { value: name }))));
}

/** An instrument by its name or id; names are suggested as they are typed, a few at a time. */
function adder(ctx) {
  const wrong = h('span', { class: 'wrong', role: 'alert' });
  const list = h('datalist', { id: 'week-found' });
  const input = h('input', { type: 'search', id: 'week-add', list: 'week-found', placeholder: t('wk_add_hint'), autocomplete: 'off' });
  let timer;
  const found = async (q, limit) => (await get('instruments', { q, limit }, ctx.signal)).items;
  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const q = input.value.trim();
      const items = q ? await found(q, 8).catch(() => []) : [];
      list.replaceChildren(...items.map((one) => h('option', { value: one.instrument_id }, one.name)));
    }, 200);
  });
  return h('form', { class: 'fields', on: { submit: async (event) => {
    event.preventDefault();
    const q = input.value.trim();
    const chosen = named(ctx.params);
    if (!q) return;
    if (chosen.length >= MOST) { wrong.textContent = t('wk_full', { n: MOST }); return; }
    const [one] = await found(q, 1).catch(() => []);
    if (one) go({ instrument: [...chosen, one.instrument_id].join(','), institution: undefined, gateway: undefined, after: undefined });
    else wrong.textContent = t('wk_unknown', { name: q });
  } } }, h('div', { class: 'field' }, h('label', { for: 'week-add' }, t('wk_add')), input, list), h('button', { type: 'submit' }, t('wk_add_button')), wrong);
}
