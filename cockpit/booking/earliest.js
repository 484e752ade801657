// The next step where nothing is free: when something is at the earliest, and what to leave out.

import { get } from '../api.js';
import { h } from '../dom.js';
import { distance, moment } from '../formats.js';
import { href } from '../route.js';
import { className, districtName, institutionName } from '../store.js';
import { lang, t } from '../words.js';
import { wall } from './wished.js';
import './words.js';

const DATED = { weekday: 'short' };

/**
 * What stands where no instrument is free.
 * @param {any} asked as `/v1/available` was asked @param {string} tz
 * @param {{set: (params: object) => void, filters: [string, string][], signal: AbortSignal}} how `filters`: those that may be left out, by name and by word
 */
export async function nothingFree(asked, tz, { set, filters, signal }) {
  const { items } = await get('available/earliest', { ...asked, limit: 5 }, signal);
  const wanted = { q: asked.q, class: asked.class, district: asked.district, kind: asked.kind };
  const any = items.length > 0 || (await get('instruments', { ...wanted, limit: 1 }, signal)).items.length > 0;
  return h('div', { class: 'none-free', role: 'status' },
    h('strong', {}, t(!any ? 'no_match' : asked.at ? 'none_free_then' : 'none_free_now')),
    items.length ? [h('h3', {}, t('earliest')), h('p', { class: 'note' }, t('earliest_note')), h('ol', { class: 'earliest' }, items.map((x) => line(x, tz, set)))] : any ? h('p', {}, t('none_earliest')) : null,
    filters.length ? h('p', { class: 'soon' }, t('widen'), ' ', filters.map(([name, word]) => h('button', { type: 'button', class: 'chip', on: { click: () => set({ [name]: undefined }) } }, t('without', { name: lang() === 'en' ? word.toLowerCase() : word })))) : null);
}

function line(x, tz, set) {
  const from = moment(x.from, tz, DATED);
  const about = [institutionName(x.institution_id), x.district_code && districtName(x.district_code), x.class_code && className(x.class_code), x.distance_m === null ? null : distance(x.distance_m)];
  // To the minute, and not before it is free.
  const at = wall(Math.ceil(Date.parse(x.from) / 60_000) * 60_000, tz);
  return h('li', {},
    h('b', {}, h('time', { datetime: x.from, 'data-earliest': x.instrument_id }, from), x.to ? ` – ${moment(x.to, tz, sameDay(x, tz) ? { month: undefined, day: undefined } : DATED)}` : ''),
    h('span', {}, h('a', { href: href('instrument', {}, x.instrument_id) }, x.name), h('span', { class: 'note' }, ` ${about.filter(Boolean).join(' · ')}`)),
    h('button', { type: 'button', 'aria-label': `${t('ask_then')}: ${x.name} ${from}`, on: { click: () => set({ at }) } }, t('ask_then')));
}

const sameDay = (x, tz) => wall(Date.parse(x.from), tz).slice(0, 10) === wall(Date.parse(x.to), tz).slice(0, 10);
