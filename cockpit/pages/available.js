// Available: which instruments are to be had, now or at a wished time, in the order that the API
// gives, and why; where none is, when one is at the earliest.

import { get, stream } from '../api.js';
import { badge, reasonText, reasonsText } from '../booking/badge.js';
import { nothingFree } from '../booking/earliest.js';
import { fitMarks, fitReasons } from '../booking/fit.js';
import { wishForm, wishOf } from '../booking/wished.js';
import { card, choice, csvButton, h, select, state, toCsv } from '../dom.js';
import { count, distance, moment, weekdays } from '../formats.js';
import { t } from '../words.js';
import { className, districtName, institutionName, store } from '../store.js';
import { iso } from '../time.js';
import { pageTitle } from '../pages.js';
import { arrange, renew, settle } from '../keep.js';
import { go, href } from '../route.js';

const SORTS = ['recommended', 'nearest'];
const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
/** What narrows the search, by its word. */
const NARROW = { q: 'words', class: 'class', district: 'district', kind: 'kind' };

export function page(ctx) {
  const tz = store.config.timezone;
  const p = { ...ctx.params };
  /** What the address says changes, the list is asked for anew, and the focus stays. */
  const set = (params) => {
    Object.assign(p, params, { limit: params.limit });
    go({ ...params, limit: params.limit }, { kept: true });
    // Beside what has been chosen, where it was not chosen in the form itself.
    if ('at' in params || Object.keys(params).some((name) => name in NARROW && params[name] === undefined)) form.replaceChildren(...fields());
    results.reload({ quiet: false });
  };
  const said = h('span', { class: 'note', role: 'status' });
  const here = () => navigator.geolocation?.getCurrentPosition(
    (at) => set({ near: `${at.coords.longitude.toFixed(5)},${at.coords.latitude.toFixed(5)}`, seat: undefined }),
    () => { said.textContent = t('here_fail'); });
  const fields = () => [
    h('div', { class: 'fields' },
      h('label', { class: 'field grow' }, h('span', {}, t('words')), h('input', { type: 'search', name: 'q', value: p.q ?? '', maxlength: 200, placeholder: t('words_hint'), on: { change: (event) => set({ q: event.target.value.trim() || undefined }) } })),
      select(t('class'), [['', t('all')], ...[...store.classes.values()].filter((x) => x.instruments).map((x) => [x.class_code, `${x.parent_code ? '\u2003' : ''}${className(x.class_code)}`])], p.class, (v) => set({ class: v || undefined })),
      select(t('near'), [['', p.near ? t('here') : t('all')], ...districts()], p.seat, (v) => set({ seat: v || undefined, near: undefined })),
      select(t('district'), [['', t('all')], ...districts()], p.district, (v) => set({ district: v || undefined })),
      select(t('kind'), [['', t('all')], ['general', t('general')], ['special', t('special')]], p.kind, (v) => set({ kind: v || undefined })),
      h('button', { type: 'button', on: { click: here } }, t('here')), said),
    h('div', { class: 'fields' }, wishForm(p, tz, set),
      h('div', { class: 'field' }, h('span', { 'aria-hidden': 'true' }, t('order')), choice(t('order'), SORTS.map((one) => [one, t(`sort_${one}`)]), sortOf(p), (v) => set({ sort: v === SORTS[0] ? undefined : v }))))];
  const form = h('section', { class: 'card wish', 'aria-label': t('filters') });
  form.append(...fields());
  const results = resultsCard(ctx, p, tz, set);
  return h('div', { class: 'page' }, h('div', { class: 'page-head' }, h('h1', {}, pageTitle('available'))), form, results);
}

const sortOf = (p) => (SORTS.includes(p.sort) ? p.sort : SORTS[0]);

const districts = () => [...store.districts.values()].map((d) => [d.district_code, districtName(d.district_code)]);

function resultsCard(ctx, p, tz, set) {
  let stop = () => {};
  let cards = new Map(); // by instrument: what stays in the list keeps its card
  const list = h('ul', { class: 'cards' });
  const foot = h('div', { class: 'page-head' });
  const found = h('div', { class: 'stack' }, list, foot);
  ctx.onEnd(() => stop());
  return card(ctx, { title: pageTitle('available'), every: 15_000, shape: 'rows' }, async ({ body, note, overtaken }) => {
    const wish = wishOf(p, tz);
    const ends = wish.at === null ? null : wish.at + wish.for_s * 1000;
    if (wish.wrong) {
      stop();
      note();
      return h('p', { class: 'warn', role: 'alert' }, t(wish.wrong, { time: moment(wish.at, tz) }));
    }
    const limit = Math.min(100, Number(p.limit) || 24);
    const seat = store.districts.get(p.seat);
    const asked = {
      q: p.q, class: p.class, district: p.district, kind: p.kind, near: p.near ?? (seat ? `${seat.lon},${seat.lat}` : undefined),
      at: wish.at === null ? undefined : iso(wish.at), for_s: wish.at === null ? undefined : wish.for_s,
    };
    const answer = await get('available', { ...asked, sort: sortOf(p), limit }, ctx.signal);
    if (overtaken()) return undefined;
    stop();
    // What is recommended is one page, however long it was asked to be.
    const goesOn = answer.next_cursor || (sortOf(p) === 'recommended' && answer.items.length === limit);
    const when = wish.at === null ? t('when_now') : t('available_then', { from: moment(wish.at, tz, { weekday: 'short' }), to: moment(ends, tz) });
    note([when, answer.items.length && t(goesOn ? 'n_free_more' : 'n_free', { n: count(answer.items.length) }), t('as_of', { time: moment(answer.as_of, tz, { second: '2-digit' }) })].filter(Boolean).join(' · '));
    if (!answer.items.length) {
      const filters = Object.entries(NARROW).filter(([name]) => p[name]).map(([name, word]) => /** @type {[string, string]} */ ([name, t(word)]));
      return nothingFree(asked, tz, { set, filters, signal: ctx.signal });
    }
    const before = cards;
    cards = new Map(answer.items.map((x) => [x.instrument_id, before.get(x.instrument_id) ?? foundCard()]));
    for (const x of answer.items) cards.get(x.instrument_id).say(x, wish.at === null);
    arrange(list, [...cards.values()].map((one) => one.el));
    // What is shown is followed: one that is taken meanwhile says so at once.
    stop = stream({ instrument: [...cards.keys()] }, (name, data) => {
      for (const x of data.items ?? []) cards.get(x.instrument_id)?.follow(x);
    });
    settle(foot, goesOn && limit < 100 ? h('button', { type: 'button', on: { click: () => set({ limit: Math.min(100, limit * 2) }) } }, t('more')) : null,
      h('span', { class: 'spacer' }), csvButton('available', () => toCsv(COLUMNS, answer.items, answer)));
    return body.contains(found) ? undefined : found;
  });
}

const COLUMNS = [
  { key: 'instrument_id', value: (x) => x.instrument_id }, { key: 'name', value: (x) => x.name }, { key: 'institution', value: (x) => institutionName(x.institution_id) },
  { key: 'district', value: (x) => districtName(x.district_code) }, { key: 'class', value: (x) => className(x.class_code) }, { key: 'distance_m', value: (x) => x.distance_m },
  { key: 'fit', value: (x) => x.fit?.marks }, { key: 'availability', value: (x) => x.availability }, { key: 'until', value: (x) => x.until }, { key: 'reasons', value: (x) => x.reasons.join('; ') },
  { key: 'usual_free_hours', value: (x) => DAYS.map((d) => `${d} ${(x.usual_free_hours[d] ?? []).map((r) => r.join('–')).join(' ')}`).join('; ') },
];

/** One instrument that is to be had: `say(x, isNow)` what is answered of it, `follow(status)` what became of it meanwhile. */
function foundCard() {
  const own = h('div', { class: 'legend' });
  const el = h('li', {});
  let [x, isNow] = [null, true];
  const told = (s) => badge(s.availability, s.until ? h('span', { class: 'note' }, t('until_time', { time: moment(s.until, x.timezone, { weekday: 'short' }) })) : null);
  const draw = (s) => settle(own, ...[
    isNow ? told(s) : told(x),
    isNow && s.availability !== 'free' ? h('span', { class: 'note' }, reasonsText(s.reasons)) : null,
    isNow ? state(s.activity) : h('span', { class: 'now-too' }, t('now_is'), badge(s.availability)),
    x.distance_m === null ? null : h('span', {}, `${t('distance')} ${distance(x.distance_m)}`), fitMarks(x)].filter((one) => one !== null));
  const follow = (s) => {
    draw(s);
    el.className = `card found a-${(isNow ? s : x).availability}`;
  };
  const say = (answered, now) => {
    [x, isNow] = [answered, now];
    el.dataset.found = x.instrument_id;
    renew(el,
      h('h3', {}, h('a', { href: href('instrument', {}, x.instrument_id) }, x.name)),
      h('p', { class: 'note' }, [institutionName(x.institution_id), x.district_code && districtName(x.district_code), className(x.class_code)].filter(Boolean).join(' · ')),
      own,
      h('ul', { class: 'why', 'aria-label': t('because') }, [...x.reasons.map(reasonText), fitReasons(x).join(' · ')].filter(Boolean).map((text) => h('li', {}, text))),
      week(x.usual_free_hours));
    follow({ ...x.status, ...(isNow ? { availability: x.availability, until: x.until, reasons: x.reasons } : {}) });
  };
  return { el, say, follow };
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
