// Booked and used time of groups: bars whose parts add up to the whole, and what each is made of.

import { fig, h, table } from '../dom.js';
import { count, fullMoment, hours, percent } from '../formats.js';
import { arrow, signed } from '../period/compare.js';
import { t } from '../words.js';
import { CLAIMS, VERDICTS, claimBadge, verdictSign } from './verdicts.js';
import './words.js';

const BOOKED = ['used_booked_s', 'unused_booked_s', 'unknown_booked_s'];
const REPORTED = ['reports', 'counted_s', 'excess_s', ...CLAIMS];
const USED = ['used_booked_s', 'used_unbooked_s'];

/** The lines behind a part: its share of the whole, and how they add up. */
function partLines(u, part, whole, answer) {
  const parts = whole === 'booked_s' ? BOOKED : USED;
  return [`${t(part)} ${hours(u[part])}`,
    `${percent(u[whole] ? u[part] / u[whole] : null, 2)} = ${hours(u[part])} ÷ ${hours(u[whole])} (${t(whole)})`,
    `${hours(u[whole])} = ${parts.map((one) => hours(u[one])).join(' + ')}`, t(whole === 'booked_s' ? 'booked_is' : 'used_is'), t('overlaps_once'),
    `${fullMoment(answer.from, answer.tz)} – ${fullMoment(answer.to, answer.tz)}`, t('as_of', { time: fullMoment(answer.as_of, answer.tz) })];
}

const ofTime = (field) => field.endsWith('_s');
/** How much more or less than in the other period, in what the figure is counted in. */
const moved = (field, by) => (ofTime(field) ? signed(field, by) : arrow(by, count(by && Math.abs(by))));
/** The lines behind a difference. */
const movedLines = (name, field, by, was) => [`${t('pd_change', { name })} ${moved(field, by)}`, t('pd_was', { x: ofTime(field) ? hours(was) : count(was) })];

/** A small difference beside a figure; nothing where it is held against nothing. */
function beside(u, field, within = null) {
  if (!u.difference) return null;
  const [by, was] = [u.difference, u.compared].map((side) => (within ? side[within] : side)[field]);
  return h('small', { class: 'change', 'data-value': `change-${field}` }, within ? moved(field, by) : fig(moved(field, by), () => movedLines(t(field), field, by, was)));
}

const bar = (u, whole, most) => h('div', { class: 'bar-stack held', 'aria-hidden': 'true', vars: { '--all': `${most === undefined ? 100 : most ? u[whole] / most * 100 : 0}%` } },
  (whole === 'booked_s' ? BOOKED : USED).map((part) => h('i', { class: `h-${part}`, vars: { '--w': `${u[whole] ? u[part] / u[whole] * 100 : 0}%` } })));

const part = (u, name, whole, answer) => h('span', { class: 'state' }, h('i', { class: `h-${name}`, 'aria-hidden': 'true' }), t(name), h('b', {}, fig(hours(u[name]), () => partLines(u, name, whole, answer), { 'data-value': name }), beside(u, name)));

/** All of a window: two bars with their parts, bookings by verdict, self-reports by what they are. */
export function wholePicture(answer, { verdict, claim, pick, pickClaim }) {
  const u = answer.overall;
  /** One of several: pressed again, none. It stays where it is, and so does the focus. */
  const chip = (on, words, choose, extra) => h('button', { type: 'button', class: 'chip counted', 'aria-pressed': String(on), on: { click: ({ currentTarget: own }) => {
    const pressed = own.getAttribute('aria-pressed') !== 'true';
    for (const one of own.parentElement.children) one.setAttribute('aria-pressed', String(pressed && one === own));
    choose(pressed);
  } }, ...extra }, words);
  const row = (whole, parts) => h('div', { class: 'parts' },
    h('h3', {}, t(whole), ' ', fig(hours(u[whole]), () => partLines(u, parts[0], whole, answer), { 'data-value': whole }), ' ', beside(u, whole)), bar(u, whole), h('div', { class: 'legend' }, parts.map((name) => part(u, name, whole, answer))));
  const reports = u.self_reports;
  return h('div', { class: 'stack' }, h('div', { class: 'halves' }, row('booked_s', BOOKED), row('used_s', USED)),
    h('div', { class: 'halves' },
      h('div', { class: 'parts' }, h('h3', {}, t('n_bookings', { n: count(u.bookings) }), ' ', beside(u, 'bookings')), h('div', { class: 'chips' }, VERDICTS.map((one) => chip(verdict === one, [verdictSign(one), t(`v_${one}`), h('b', { 'data-count': one }, count(u.verdicts[one])), beside(u, one, 'verdicts')], (on) => pick(on ? one : undefined), { 'data-verdict-chip': one, title: t(`vn_${one}`) })))),
      h('div', { class: 'parts' }, h('h3', {}, t('claims'), ' ', count(reports.reports), ' ', beside(u, 'reports', 'self_reports')), h('div', { class: 'chips' }, CLAIMS.map((one) => chip(claim === one, [claimBadge(one), h('b', { 'data-count': one }, count(reports[one])), beside(u, one, 'self_reports')], (on) => pickClaim(on ? one : undefined), { 'data-claim-chip': one, title: t(`cn_${one}`) }))),
        reports.reports ? h('p', { class: 'note' }, `${t('counted')} ${hours(reports.counted_s)} · `, fig(`${t('excess')} ${hours(reports.excess_s)}`, [t('excess'), t('excess_note'), hours(reports.excess_s)], { 'data-value': 'excess_s' })) : null)));
}

/** Groups side by side; `into(group)`: where a name leads. */
export function heldTable(answer, { by, nameOf, into }) {
  const most = Math.max(0, ...answer.groups.map((g) => Math.max(g.booked_s, g.used_s)));
  const time = (key, whole, minor = false) => ({ key, label: `${t(key)} (h)`, num: true, minor, value: (g) => g[key] / 3600, raw: (g) => g[key], cell: (g) => hours(g[key], false), tip: (g) => [nameOf(g), ...partLines(g, key === whole ? (whole === 'booked_s' ? 'used_booked_s' : 'used_unbooked_s') : key, whole, answer)] });
  const counted = (key, label, of, minor = true) => ({ key, label, num: true, minor, value: of, cell: (g) => h('span', { 'data-cell': `${g.key} ${key}` }, count(of(g))), tip: (g) => [nameOf(g), `${label} ${count(of(g))}`, CLAIMS.includes(key) ? `÷ ${t('claims')} ${count(g.self_reports.reports)}` : `÷ ${t('n_bookings', { n: count(g.bookings) })}`] });
  /** What it differs by from the other period, and in the file what it was then; `within` is where counts of a kind stand. */
  const differs = (field, { shown = false, within = null } = {}) => {
    const of = (side) => (within ? side[within] : side)[field];
    const name = within === 'self_reports' ? `self_reports_${field}` : field;
    return [{ key: `compared_${name}`, hidden: true, value: (g) => of(g.compared) },
      { key: `difference_${name}`, label: t('pd_change', { name: t(field) }), num: true, hidden: !shown, value: (g) => of(g.difference), cell: (g) => h('span', { 'data-cell': `${g.key} difference_${name}` }, moved(field, of(g.difference))), tip: (g) => [nameOf(g), ...movedLines(t(field), field, of(g.difference), of(g.compared))] }];
  };
  const against = !answer.compared_window ? [] : [
    ...['booked_s', 'used_booked_s', 'used_s'].flatMap((field) => differs(field, { shown: true })), ...['unused_booked_s', 'unknown_booked_s', 'used_unbooked_s', 'bookings'].flatMap((field) => differs(field)),
    ...VERDICTS.flatMap((one) => differs(one, { within: 'verdicts' })), ...REPORTED.flatMap((one) => differs(one, { within: 'self_reports' }))];
  return h('div', { class: 'held-groups' }, table({
    name: `reconcile-${by}`, caption: t('by_group', { name: t(by) }), answer, cards: 'named', rows: answer.groups, sort: { key: 'booked_s', down: true }, columns: [
      { key: 'name', label: t(by), value: nameOf, cell: (g) => (into(g) ? h('a', { href: into(g), 'data-key': g.key }, nameOf(g)) : nameOf(g)) },
      { key: 'key', hidden: true, value: (g) => g.key },
      { key: 'bars', label: `${t('booked_s')} / ${t('used_s')}`, plain: true, value: () => '', cell: (g) => h('div', { class: 'bars' }, bar(g, 'booked_s', most), bar(g, 'used_s', most)) },
      time('booked_s', 'booked_s'), time('used_booked_s', 'booked_s'), time('unused_booked_s', 'booked_s'), time('unknown_booked_s', 'booked_s'), time('used_unbooked_s', 'used_s'), time('used_s', 'used_s', true),
      counted('bookings', t('bookings'), (g) => g.bookings), counted('no_show', t('v_no_show'), (g) => g.verdicts.no_show, false), counted('undetermined', t('v_undetermined'), (g) => g.verdicts.undetermined),
      counted('over_reported', t('c_over_reported'), (g) => g.self_reports.over_reported, false), counted('under_reported', t('c_under_reported'), (g) => g.self_reports.under_reported, false),
      ...['kept', 'late', 'early_leave', 'overrun', 'blocked'].map((one) => ({ key: one, hidden: true, value: (g) => g.verdicts[one] })),
      ...against,
      ...['reports', 'counted_s', 'excess_s', 'consistent', 'unmeasured'].map((one) => ({ key: `self_reports_${one}`, hidden: true, value: (g) => g.self_reports[one] })),
    ],
  }));
}
