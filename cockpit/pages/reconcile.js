// Reconcile: what was booked and reported, held against what was measured; by group and one by one.
// The parts are in `booking/`.

import { get } from '../api.js';
import { heldTable, wholePicture } from '../booking/held.js';
import { importCard } from '../booking/imports.js';
import { claimCard, ghostCard, judgedCard } from '../booking/lists.js';
import { toleranceCard } from '../booking/tolerances.js';
import { CLAIMS, VERDICTS } from '../booking/verdicts.js';
import { card, choice, h, icon } from '../dom.js';
import { moment } from '../formats.js';
import { className, districtName, institutionName, mayOperate, store } from '../store.js';
import { againstText, compareOf } from '../period/compare.js';
import { picker } from '../period/picker.js';
import { daysOf, rangeOr } from '../time.js';
import { t } from '../words.js';
import { go, href } from '../route.js';

const GROUPS = ['institution', 'class', 'district'];
const FILTERS = { institution: institutionName, district: districtName, class: className };
const HOURLESS = { hour: undefined, minute: undefined };

export function page(ctx) {
  const p = ctx.params;
  const tz = store.config.timezone;
  const range = rangeOr(p.range, 'd30');
  let by = GROUPS.includes(p.by) ? p.by : 'institution';
  const filters = Object.fromEntries(Object.keys(FILTERS).filter((name) => p[name]).map((name) => [name, p[name]]));
  const asked = { ...daysOf(range, tz), ...filters };
  let verdict = VERDICTS.includes(p.verdict) ? p.verdict : undefined;
  let claim = CLAIMS.includes(p.claim) ? p.claim : undefined;
  let question = null;
  const whole = () => (question ??= get('reconciliation', { ...asked, group_by: by, compare: compareOf(ctx) }, ctx.signal).catch((error) => { question = null; throw error; }));
  const judged = judgedCard(ctx, asked, tz, () => verdict);
  const claims = claimCard(ctx, asked, tz, () => claim);
  const pick = (word) => { verdict = word; go({ verdict: word }, { quiet: true }); judged.reload(); if (word) judged.scrollIntoView({ block: 'nearest' }); };
  const pickClaim = (word) => { claim = word; go({ claim: word }, { quiet: true }); claims.reload(); if (word) claims.scrollIntoView({ block: 'nearest' }); };
  const summary = card(ctx, { title: t('all'), shape: 'lines' }, async ({ note }) => {
    const answer = await whole();
    note([`${moment(answer.from, tz, { ...HOURLESS, year: 'numeric' })} – ${moment(Date.parse(answer.to) - 1, tz, { year: 'numeric' })}`, againstText(answer), t('held_note')].filter(Boolean).join(' · '));
    const u = answer.overall;
    if (![u, u.compared].some((one) => one?.bookings || one?.booked_s || one?.self_reports.reports)) return h('div', { class: 'empty' }, h('strong', {}, t('none_booked')), mayOperate() ? h('p', {}, t('none_booked_next')) : null);
    return wholePicture(answer, { verdict, claim, pick, pickClaim });
  });
  const heading = h('span', {});
  const regroup = (v) => { by = v; question = null; go({ by: v }, { kept: true }); groups.reload(); };
  const groups = card(ctx, { title: heading, shape: 'rows', cls: 'full', actions: choice(t('group_by'), GROUPS.map((g) => [g, t(g)]), by, regroup) }, async () => {
    heading.textContent = t('by_group', { name: t(by) });
    const answer = await whole();
    if (!answer.groups.length) return null;
    const named = FILTERS[by];
    return heldTable(answer, { by, nameOf: (g) => (g.key === null ? t('none') : named(g.key) ?? g.name ?? g.key), into: (g) => (g.key === null || p[by] === g.key ? null : href('reconcile', { ...p, [by]: g.key, verdict: undefined, claim: undefined })) });
  });
  const ghosts = ghostCard(ctx, asked, tz, whole);
  const anew = () => { question = null; for (const one of [summary, groups, judged, claims, ghosts]) one.reload(); };
  return h('div', { class: 'page' },
    h('div', { class: 'page-head' }, h('h1', {}, t('reconcile_title')), h('span', { class: 'spacer' }), picker(ctx, range, { compare: true })),
    chips(p, filters),
    summary, groups, judged, claims, h('div', { class: 'grid loose' }, h('div', { class: 'stack w7' }, ghosts), h('div', { class: 'stack w5' }, toleranceCard(ctx, tz))),
    mayOperate() ? importCard(ctx, anew) : null);
}

function chips(p, filters) {
  const found = Object.entries(filters);
  return found.length ? h('div', { class: 'chips' }, found.map(([name, value]) => {
    const text = `${t(name)}: ${FILTERS[name](value)}`;
    return h('button', { type: 'button', class: 'chip', 'aria-label': t('remove_filter', { name: text }), on: { click: () => { location.hash = href('reconcile', { ...p, [name]: undefined }); } } }, text, icon('x'));
  })) : null;
}
