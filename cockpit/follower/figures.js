// Figures of a closed day, month or year: all cities, each region as their sum, each city.

import { card, h, fig, table } from '../dom.js';
import { NONE, count, hours, moment, percent } from '../formats.js';
import { usageLines } from '../usage.js';
import { t } from '../words.js';
import { REFRESH, cityRows, regionRows } from './asked.js';
import { amendedBadge, behind, missingBadge, named } from './marks.js';
import './words.js';

/** @type {[string, (x: any) => string][]} */
const FIGURES = [['running_s', hours], ['utilization', percent], ['coverage', percent], ['instruments', count]];
const label = (field) => t({ running_s: 'machine_hours' }[field] ?? field);

/** What cannot be said of who has not published is a dash: zero would be a figure. */
const columns = (answer, of) => [
  ...FIGURES.map(([field, write]) => ({
    key: field, label: label(field), num: true, value: (x) => x[field] ?? null,
    cell: (x) => h('span', { 'data-figure': `${field} ${of(x)}` }, x.published ? write(x[field]) : NONE),
    tip: (x) => (x.published ? usageLines(x, field, answer) : [t('fo_missing_text')]),
  })),
  { key: 'as_of', label: t('fo_as_of'), value: (x) => x.as_of ?? null, cell: (x) => h('span', { 'data-figure': `as_of ${of(x)}` }, moment(x.as_of, answer.tz)) },
  { key: 'revision', label: t('revision'), value: (x) => x.revision ?? null, cell: (x) => h('code', { 'data-figure': `revision ${of(x)}` }, x.revision?.slice(0, 8) ?? NONE) },
];

export const regionsCard = (ctx, asked) => card(ctx, { title: t('fo_regions'), note: t('fo_sums'), every: REFRESH, shape: 'rows', empty: t('fo_none') }, async () => {
  const answers = await asked.figures();
  const rows = regionRows(answers);
  return rows.length ? table({
    name: 'regions', caption: t('fo_regions'), answer: answers.regions, rows, key: (x) => x.key, cards: 'named', columns: [
      { key: 'region', label: t('fo_region'), value: (x) => x.name, raw: (x) => x.key, cell: (x) => x.name ?? t('fo_no_region') },
      { key: 'cities', label: t('fo_cities'), num: true, value: (x) => x.cities, cell: (x) => h('span', { 'data-figure': `cities ${x.key}` }, t('fo_of', { k: count(x.cities), n: count(x.members) })) },
      ...columns(answers.regions, (x) => x.key),
    ],
  }) : null;
});

export const citiesCard = (ctx, asked, tz) => card(ctx, { title: t('fo_cities'), note: t('fo_details'), every: REFRESH, shape: 'rows', empty: t('fo_none') }, async () => {
  const answers = await asked.figures();
  const names = new Map(regionRows(answers).map((x) => [x.key, x.name]));
  const answer = answers.cities;
  const rows = cityRows(answer);
  return rows.length ? table({
    name: 'cities', caption: t('fo_cities'), answer, rows, key: (x) => x.city.city, mark: behind, cards: 'named', columns: [
      { key: 'city', label: t('fo_city'), value: (x) => x.city.name, raw: (x) => x.city.city, cell: (x) => named(x.city, tz, !x.published && missingBadge(x.city), x.city.amended && amendedBadge(x.city)) },
      { key: 'region', label: t('fo_region'), minor: true, value: (x) => names.get(x.city.region) ?? null, raw: (x) => x.city.region },
      ...columns(answer, (x) => x.city.city),
      { key: 'away', label: t('fo_away'), hidden: true, value: (x) => x.city.away },
    ],
  }) : null;
});

/** Sums of all cities; what is told of running instruments is as last heard. */
export function kpis(ctx, asked) {
  const slots = Object.fromEntries(['cities', ...FIGURES.map(([field]) => field), 'running'].map((key) => {
    let why = [];
    const big = fig('', () => why, { 'data-value': key });
    const more = h('small', {}, '\u00a0');
    const name = { cities: t('fo_cities'), running: t('fo_running') }[key] ?? label(key);
    const el = h('div', { class: 'kpi waiting' }, h('dt', {}, name), h('dd', {}, h('div', { class: 'big' }, big), more));
    const put = (text, said, lines) => {
      why = lines;
      big.textContent = text;
      more.textContent = said;
      el.classList.remove('waiting');
    };
    return [key, { el, put }];
  }));
  const draw = async () => {
    const { cities: answer } = await asked.figures();
    const u = answer.overall;
    const away = answer.cities.filter((city) => city.away).length;
    slots.cities.put(count(answer.cities.length), t('fo_answering', { k: count(u.cities), m: count(away) }), [t('fo_cities'), ...answer.cities.map((city) => city.name)]);
    for (const [field, write] of FIGURES) {
      if (u.cities) slots[field].put(write(u[field]), t('fo_of_cities', { k: count(u.cities), n: count(answer.cities.length) }), usageLines(u, field, answer));
      else slots[field].put(NONE, t('fo_missing'), [t('fo_missing_text')]);
    }
    const now = await asked.counts();
    const { running } = now.overall.activity;
    const heard = now.groups.length > 0;
    const when = t('as_of', { time: moment(now.as_of, answer.tz, { year: 'numeric' }) });
    slots.running.put(heard ? count(running) : NONE, heard ? when : t('fo_never'), [t('fo_running'), `${count(running)} / ${count(now.overall.instruments)}`, when, t('fo_last_word')]);
  };
  // What cannot be had is said by the cards, which ask the same.
  const quietly = () => { draw().catch(() => {}); };
  quietly();
  const timer = setInterval(() => document.visibilityState === 'visible' && quietly(), REFRESH);
  ctx.onEnd(() => clearInterval(timer));
  ctx.onRecovered(quietly);
  return h('dl', { class: 'kpis' }, Object.values(slots).map(({ el }) => el));
}
