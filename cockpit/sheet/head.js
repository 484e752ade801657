// The head of a sheet, and the line to sign: what it is, what its figures rest on, who printed it.

import { h } from '../dom.js';
import { count, fullMoment, hours, percent } from '../formats.js';
import { pageTitle } from '../pages.js';
import { route } from '../route.js';
import { className, districtName, institutionName, store } from '../store.js';
import { has, t } from '../words.js';
import { asOf, bases } from './bases.js';

const NAMES = { district: districtName, institution: institutionName, class: className, seat: districtName };
/** Settings whose words are not their name in the address. */
const WORD_OF = { by: 'group_by', min: 'min_coverage', seat: 'near' };
/** How it is shown, not what. */
const OF_THE_SCREEN = ['wall', 'of'];

const worded = (name, value) => NAMES[name]?.(value) ?? (has(value) ? t(value) : value);

function filters() {
  const { id, params } = route();
  const told = Object.entries(params).filter(([name, value]) => value && !OF_THE_SCREEN.includes(name))
    .map(([name, value]) => `${has(WORD_OF[name] ?? name) ? t(WORD_OF[name] ?? name) : name}: ${worded(name, value)}`);
  return [...(id ? [`${t('id')}: ${id}`] : []), ...told].join(' · ') || t('all');
}

const zone = () => store.config.timezone;

function rests() {
  const found = bases();
  if (!found.length) return null;
  const head = ['window_s', 'sheet_instruments', 'sheet_known', 'coverage', 'revision', 'sheet_as_of'];
  return h('table', {}, h('caption', {}, t('sheet_rests')), h('thead', {}, h('tr', {}, head.map((key) => h('th', { scope: 'col' }, t(key))))),
    h('tbody', {}, found.map((b) => h('tr', {}, [
      `${fullMoment(b.from, b.tz ?? zone())} – ${fullMoment(b.to, b.tz ?? zone())} (${b.tz ?? zone()})`,
      b.instruments === undefined ? '' : `${count(b.sufficient)} / ${count(b.instruments)}`,
      b.window_s === undefined ? '' : `${hours(b.known_s)} ÷ ${hours(b.window_s)}`, b.coverage === undefined ? '' : percent(b.coverage, 2), b.revision ?? '',
      `${fullMoment(b.as_of, zone())}${b.provisional ? ` · ${t('provisional')}` : ''}`,
    ].map((text) => h('td', {}, text))))));
}

export function head() {
  const { page } = route();
  const { name, key_id: id } = store.session;
  const facts = [
    [t('sheet_filters'), filters()],
    ...(asOf() ? [[t('sheet_as_of'), fullMoment(asOf(), zone())]] : []),
    [t('sheet_by'), name && name !== id ? `${name} (${id})` : id], [t('sheet_at'), `${fullMoment(Date.now(), zone())} (${zone()})`],
    [t('sheet_address'), location.href],
  ];
  const title = document.querySelector('#main h1')?.textContent ?? (page ? pageTitle(page) : '');
  return h('section', { id: 'sheet-head' },
    h('p', { class: 'sheet-brand' }, '机时 Jishi', page && pageTitle(page) !== title ? ` · ${pageTitle(page)}` : ''),
    h('h1', {}, title), h('dl', {}, facts.map(([term, text]) => [h('dt', {}, term), h('dd', {}, text)])), rests());
}

export const foot = (cut) => h('section', { id: 'sheet-sign' }, cut && h('p', { class: 'note' }, t('sheet_cut')),
  h('p', {}, ['sheet_sign', 'sheet_name', 'sheet_day'].map((key) => h('span', {}, t(key), h('i')))));
