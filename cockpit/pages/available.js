// Available now: which instruments of a class are online and idle, nearest first.

import { get } from '../api.js';
import { card, csvButton, h, select, state } from '../dom.js';
import { count, distance, moment, weekdays } from '../formats.js';
import { t } from '../words.js';
import { className, districtName, institutionName, store } from '../store.js';
import { go, href } from '../route.js';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

export function page(ctx) {
  const p = ctx.params;
  const seat = store.districts.get(p.seat);
  const near = p.near ?? (seat ? `${seat.lon},${seat.lat}` : undefined);
  const limit = Math.min(100, Number(p.limit) || 24);
  const said = h('span', { class: 'note', role: 'status' });
  const here = () => navigator.geolocation?.getCurrentPosition(
    (at) => go({ near: `${at.coords.longitude.toFixed(5)},${at.coords.latitude.toFixed(5)}`, seat: undefined }),
    () => { said.textContent = t('here_fail'); });
  return h('div', { class: 'page' },
    h('div', { class: 'page-head' }, h('h1', {}, t('available'))),
    h('section', { class: 'card', 'aria-label': t('filters') }, h('div', { class: 'fields' },
      select(t('class'), [['', t('all')], ...[...store.classes.values()].filter((x) => x.instruments).map((x) => [x.class_code, `${x.parent_code ? '\u2003' : ''}${className(x.class_code)}`])], p.class, (v) => go({ class: v })),
      select(t('near'), [['', p.near ? t('here') : t('all')], ...[...store.districts.values()].map((d) => [d.district_code, districtName(d.district_code)])], p.seat, (v) => go({ seat: v, near: undefined })),
      select(t('district'), [['', t('all')], ...[...store.districts.values()].map((d) => [d.district_code, districtName(d.district_code)])], p.district, (v) => go({ district: v })),
      select(t('kind'), [['', t('all')], ['general', t('general')], ['special', t('special')]], p.kind, (v) => go({ kind: v })),
      h('button', { type: 'button', on: { click: here } }, t('here')), said)),
    card(ctx, { title: t('available'), every: 15_000, empty: t('none_available') }, async ({ note }) => {
      const answer = await get('available', { class: p.class, district: p.district, kind: p.kind, near, limit }, ctx.signal);
      note(answer.items.length ? `${t(answer.next_cursor ? 'n_available_more' : 'n_available', { n: count(answer.items.length) })} · ${t('as_of', { time: moment(answer.as_of, store.config.timezone, { second: '2-digit' }) })}` : '');
      if (!answer.items.length) return null;
      const columns = [
        { key: 'instrument_id', value: (x) => x.instrument_id }, { key: 'name', value: (x) => x.name }, { key: 'institution', value: (x) => institutionName(x.institution_id) },
        { key: 'district', value: (x) => districtName(x.district_code) }, { key: 'class', value: (x) => className(x.class_code) }, { key: 'distance_m', value: (x) => x.distance_m },
        { key: 'usual_free_hours', value: (x) => DAYS.map((d) => `${d} ${(x.usual_free_hours[d] ?? []).map((r) => r.join('–')).join(' ')}`).join('; ') },
      ];
      return h('div', { class: 'stack' },
        h('ul', { class: 'cards' }, answer.items.map((x) => h('li', { class: 'card' },
          h('h3', {}, h('a', { href: href('instrument', {}, x.instrument_id) }, x.name)),
          h('p', { class: 'note' }, [institutionName(x.institution_id), x.district_code && districtName(x.district_code), className(x.class_code)].filter(Boolean).join(' · ')),
          h('div', { class: 'legend' }, state(x.status.activity), x.distance_m === null ? null : h('span', {}, `${t('distance')} ${distance(x.distance_m)}`),
            h('span', { class: 'note' }, t('since', { time: moment(x.status.since, x.timezone) })),
            x.until ? h('span', { class: 'note' }, t('free_until', { time: moment(x.until, x.timezone) })) : null),
          week(x.usual_free_hours)))),
        h('div', { class: 'page-head' }, answer.next_cursor && limit < 100 ? h('button', { type: 'button', on: { click: () => go({ limit: Math.min(100, limit * 2) }) } }, t('more')) : null,
          h('span', { class: 'spacer' }), csvButton('available', columns, () => answer.items, answer)));
    }));
}

function week(free) {
  const names = weekdays('narrow');
  const full = weekdays('long');
  if (!free || !Object.keys(free).length) return h('p', { class: 'note' }, t('no_usual'));
  const at = (text) => { const [x, y] = text.split(':').map(Number); return (x * 60 + y) / 1440; };
  return h('div', {}, h('p', { class: 'note' }, t('usual_free')), h('div', { class: 'week' }, DAYS.flatMap((day, i) => {
    const ranges = free[day] ?? [];
    const text = ranges.map((r) => r.join('–')).join(', ') || '–';
    return [h('span', { 'aria-hidden': 'true' }, names[i]), h('div', { role: 'img', 'aria-label': `${full[i]} ${text}`, tip: [full[i], text] },
      ranges.map(([from, to]) => h('i', { vars: { '--l': `${at(from) * 100}%`, '--w': `${(at(to) - at(from)) * 100}%` } })))];
  }), h('span', {}), h('div', { class: 'hours', 'aria-hidden': 'true' }, ['0', '6', '12', '18', '24'].map((hour) => h('b', {}, hour)))));
}
