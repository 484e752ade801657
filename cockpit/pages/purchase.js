// A purchase review: how much the instruments of a class in a region are used; made to be printed.

import { get, query } from '../api.js';
import { card, fig, h, icon, select, table } from '../dom.js';
import { count, hours, moment, percent } from '../formats.js';
import { pageTitle } from '../pages.js';
import { go, href } from '../route.js';
import { className, districtName, institutionName, store } from '../store.js';
import { picker } from '../period/picker.js';
import { daysOf, rangeOr } from '../time.js';
import { t } from '../words.js';
import { signedButton } from '../vouchers/signed.js';
import '../vouchers/words.js';

const SHOWN = 50; // rows; all of them are in the CSV
const YEAR = 365.25;
const years = (days) => (days === null ? '–' : t('pu_years_n', { n: (days / YEAR).toFixed(1) }));
const SPREAD = { effective_s: ['pu_effective', hours], utilization: ['utilization', percent], rated_utilization: ['pu_rated', percent], age_days: ['pu_years', years] };
const QUANTILES = ['min', 'p10', 'p25', 'median', 'p75', 'p90', 'max'];
const NAMED = ['min', 'median', 'max'];

export function page(ctx) {
  const p = ctx.params;
  const tz = store.config.timezone;
  const range = rangeOr(p.range, 'd365');
  const filters = Object.fromEntries(['class', 'district', 'institution'].filter((name) => p[name]).map((name) => [name, p[name]]));
  const asked = { ...daysOf(range, tz), ...filters };
  let question = null;
  const whole = () => (question ??= get('evidence/purchase', { ...asked, sort: '-effective_s', limit: SHOWN }, ctx.signal).catch((error) => { question = null; throw error; }));
  const where = p.institution ? institutionName(p.institution) : p.district ? districtName(p.district) : t('pu_city');
  return h('div', { class: 'page' },
    h('div', { class: 'page-head' }, h('div', {}, h('h1', {}, pageTitle('purchase')), h('p', { class: 'crumbs' }, h('a', { href: href('explore', { by: 'instrument', ...filters }) }, t('pu_note', { class: p.class ? className(p.class) : t('pu_every'), where })))),
      h('span', { class: 'spacer' }), picker(ctx, range)),
    h('div', { class: 'fields' },
      select(t('class'), [['', t('all')], ...[...store.classes.values()].filter((x) => x.instruments).map((x) => [x.class_code, className(x.class_code)])], p.class, (v) => go({ class: v || undefined })),
      select(t('district'), [['', t('all')], ...[...store.districts.values()].map((d) => [d.district_code, districtName(d.district_code)])], p.district, (v) => go({ district: v || undefined }))),
    summary(ctx, whole, asked, tz), spread(ctx, whole), rows(ctx, whole, asked));
}

function summary(ctx, whole, asked, tz) {
  return card(ctx, { title: t('pu_whole') }, async ({ note, tools }) => {
    const answer = await whole();
    tools.replaceChildren(signedButton('evidence/purchase/signed', asked, 'purchase-review', t('pu_signed'), ctx.signal));
    note(`${moment(answer.from, tz, { year: 'numeric' })} – ${moment(answer.to, tz, { year: 'numeric' })}`);
    const u = answer.overall;
    if (!u.listed) return null;
    const item = (label, text, name, ...lines) => h('div', {}, h('dt', {}, label), h('dd', {}, fig(text, [`${label} ${text}`, ...lines], { 'data-value': name })));
    return h('div', { class: 'now wide' }, h('dl', {},
      item(t('pu_listed'), count(u.listed), 'listed'), item(t('pu_heard'), count(u.heard), 'heard'), item(t('pu_speaking'), count(u.speaking), 'speaking'),
      item(t('pu_effective'), hours(u.effective_s), 'effective_s'), item(t('utilization'), percent(u.utilization), 'utilization', `${t('pu_bounds')} ${percent(u.calendar_utilization)} – ${percent(u.utilization_high)}`),
      item(t('pu_bounds'), `${percent(u.calendar_utilization)} – ${percent(u.utilization_high)}`, 'bounds'), item(t('coverage'), percent(u.coverage), 'coverage'),
      item(t('pu_free'), `${count(u.free_instruments)} · ${percent(u.free_share)}`, 'free', t('pu_free_note'), `${t('pu_free_s')} ${hours(u.free_s)}`), item(t('pu_booked'), hours(u.booked_s), 'booked_s')));
  });
}

function spread(ctx, whole) {
  return card(ctx, { title: t('pu_spread'), note: t('pu_spread_note'), shape: 'rows' }, async () => {
    const { distribution, overall } = await whole();
    if (!overall.listed) return null;
    const lines = Object.entries(SPREAD).map(([key, [label, spell]]) => ({ key, label: t(label), spell, of: distribution[key] }));
    return table({
      name: 'purchase-distribution', caption: t('pu_spread'), rows: lines, columns: [
        { key: 'figure', label: t('pu_figure'), value: (x) => x.label, raw: (x) => x.key },
        { key: 'n', label: t('pu_n'), num: true, value: (x) => x.of.n, cell: (x) => count(x.of.n) },
        ...QUANTILES.map((name) => ({ key: name, label: NAMED.includes(name) ? t(`pu_${name}`) : name.toUpperCase(), num: true, minor: !NAMED.includes(name), value: (x) => x.of[name], cell: (x) => (x.of[name] === null ? '–' : x.spell(x.of[name])) })),
      ],
    });
  });
}

function rows(ctx, whole, asked) {
  return card(ctx, { title: t('pu_rows'), shape: 'rows' }, async () => {
    const answer = await whole();
    if (!answer.items.length) return null;
    const bounds = (x) => [x.name ?? x.instrument_id, x.heard ? `${t('pu_bounds')} ${percent(x.calendar_utilization)} – ${percent(x.utilization_high)}` : t('pu_never'), `${t('coverage')} ${percent(x.coverage)}`];
    return h('div', { class: 'stack' }, table({
      name: 'purchase-review', caption: t('pu_rows'), answer, rows: answer.items, cards: 'named', columns: [
        { key: 'name', label: t('instrument'), value: (x) => x.name ?? x.instrument_id, cell: (x) => h('a', { href: href('instrument', {}, x.instrument_id), 'data-key': x.instrument_id }, x.name ?? x.instrument_id) },
        { key: 'instrument_id', hidden: true, value: (x) => x.instrument_id },
        { key: 'institution_id', label: t('institution'), minor: true, value: (x) => institutionName(x.institution_id), raw: (x) => x.institution_id },
        { key: 'age_days', label: t('pu_years'), num: true, minor: true, value: (x) => x.age_days, cell: (x) => years(x.age_days) },
        { key: 'effective_s', label: `${t('pu_effective')} (h)`, num: true, value: (x) => x.effective_s, cell: (x) => hours(x.effective_s, false), tip: bounds },
        { key: 'utilization', label: t('utilization'), num: true, value: (x) => x.utilization, cell: (x) => percent(x.utilization), tip: bounds },
        { key: 'rated_utilization', label: t('pu_rated'), num: true, value: (x) => x.rated_utilization, cell: (x) => percent(x.rated_utilization), tip: bounds },
        { key: 'coverage', label: t('coverage'), num: true, minor: true, value: (x) => x.coverage, cell: (x) => percent(x.coverage) },
        { key: 'free_s', label: `${t('pu_free_s')} (h)`, num: true, value: (x) => x.free_s, cell: (x) => hours(x.free_s, false) },
        { key: 'booked_s', label: `${t('pu_booked')} (h)`, num: true, minor: true, value: (x) => x.booked_s, cell: (x) => hours(x.booked_s, false) },
      ],
    }), h('a', { class: 'csv', href: `v1/evidence/purchase${query({ ...asked, sort: '-effective_s', format: 'csv' })}`, download: '' }, icon('down'), t('pu_csv')));
  });
}
