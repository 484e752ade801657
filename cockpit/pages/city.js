// City: what is online and runs now, how much is used, where, and how far that can be trusted.
// What is live is drawn first, from the counts of now; figures of windows come after it.

import { get } from '../api.js';
import { axis, bubble, chart, color, legend, rem } from '../charts.js';
import { countBadges, freeLines, freeShare } from '../booking/counts.js';
import { sensorsCard } from '../coverage/card.js';
import { card, choice, fig, frameShown, h, table } from '../dom.js';
import { tiles, toGcj02 } from '../geo.js';
import { clock, count, fullMoment, hours, moment, money, percent, points } from '../formats.js';
import { usageLines } from '../usage.js';
import { lang, t } from '../words.js';
import { cityMap } from '../map.js';
import { nowCard } from '../now.js';
import { districtName, institutionName, loadNames, onLive, store } from '../store.js';
import { againstText, bandChange, changeColumns, changeLines, changesFiled, compareOf, movesText } from '../period/compare.js';
import { periodName, picker } from '../period/picker.js';
import { daysIn, daysOf, isFixed, iso, midnight, monthStart, rangeOr } from '../time.js';
import { pageTitle } from '../pages.js';
import { go, href } from '../route.js';

export const NEEDS = ['districts'];

/** Shares of instruments above 50 % and 80 % that policy aims at. */
const TARGETS = { 0.5: 0.854, 0.8: 0.616 };
const REFRESH = 60_000; // ms
const METRICS = ['running_share', 'online_rate', 'free_share', 'utilization'];
const TOP = 5; // institutions named beside a district

/** Figures of windows wait until what is live is there, but not for long. */
const liveFirst = () => (store.live ? Promise.resolve() : new Promise((resolve) => {
  const off = onLive(() => { off(); resolve(); });
  setTimeout(() => { off(); resolve(); }, 1000);
}));

const asked = new Map();
/** One question for all cards that rest on it, and for who comes back to the page. */
function ask(path, params) {
  const name = JSON.stringify([store.session?.key_id, path, params]);
  const kept = asked.get(name);
  if (kept && Date.now() - kept.at < REFRESH / 2) return kept.promise;
  for (const [old, { at }] of asked) if (Date.now() - at > REFRESH * 5) asked.delete(old);
  const promise = liveFirst().then(() => get(path, params));
  asked.set(name, { at: Date.now(), promise });
  promise.catch(() => asked.delete(name));
  return promise;
}

export function page(ctx) {
  const tz = store.config.timezone;
  const range = rangeOr(ctx.params.range, 'd7');
  const metric = METRICS.includes(ctx.params.metric) ? ctx.params.metric : 'running_share';
  const byDistrict = () => ask('utilization', { ...daysOf(range, tz), group_by: 'district', limit: 100, compare: compareOf(ctx) });
  return h('div', { class: 'page' },
    h('div', { class: 'page-head' }, h('h1', {}, pageTitle('city')), h('p', { class: 'note', 'data-value': 'window' }, windowText(range, tz)), h('span', { class: 'spacer' }),
      picker(ctx, range, { compare: true })),
    kpis(ctx, tz),
    h('div', { class: 'grid cockpit' },
      mapCard(ctx, metric, byDistrict, range),
      h('div', { class: 'stack w5' }, nowCard(ctx), bandsCard(ctx, byDistrict, range), trendCard(ctx, tz))),
    districtCard(ctx, byDistrict, range),
    sensorsCard(ctx));
}

const dateOnly = { hour: undefined, minute: undefined };
function windowText(range, tz) {
  const { from, to } = daysOf(range, tz);
  if (range === 'today') return t('window_today', { from: moment(from, tz, dateOnly) });
  if (isFixed(range)) return periodName(range);
  const year = range === 'd365' ? { ...dateOnly, year: 'numeric' } : dateOnly;
  return t('window_days', { from: moment(from, tz, year), to: moment(Date.parse(to) - 1, tz, year), n: count(daysIn(range)) });
}

/** Where a window has nothing: what has passed of today may have. */
const emptyWindow = (range) => h('div', { class: 'empty' }, t('empty'),
  range === 'today' ? null : h('button', { type: 'button', on: { click: () => go({ range: 'today' }) } }, t('see_today')));

// -- figures of now ----------------------------------------------------------------------------

const KPIS = ['online_rate', 'running_now', 'instruments', 'value_covered', 'hours_today', 'coverage_today'];

function kpis(ctx, tz) {
  const slots = Object.fromEntries(KPIS.map((key) => {
    let lines = [];
    const big = fig('', () => lines, { 'data-value': { running_now: 'running', value_covered: 'value' }[key] ?? key });
    const bar = h('i');
    const more = h('span', {}, '\u00a0');
    const el = h('div', { class: `kpi k-${key} waiting` }, h('dt', {}, t(key)), h('dd', {}, h('div', { class: 'big' }, big), h('div', { class: 'meter', 'aria-hidden': 'true' }, bar), h('small', {}, more)));
    const put = (text, said, share, c, why) => {
      lines = why;
      // Written in place: what is pointed at stays, and nothing is made anew each second.
      if (big.textContent !== text) big.textContent = text;
      if (more.textContent !== said) more.textContent = said;
      bar.style.setProperty('--w', `${(share ?? 0) * 100}%`);
      bar.style.setProperty('--c', `var(--${c})`);
      el.classList.remove('waiting');
    };
    return [key, { el, put }];
  }));
  const live = () => {
    const now = store.live;
    if (!now) return;
    const o = now.overall;
    const when = t('as_of', { time: fullMoment(now.as_of, tz) });
    const rate = o.instruments ? o.connectivity.online / o.instruments : null;
    slots.online_rate.put(percent(rate), `${t('online')} ${count(o.connectivity.online)} · ${t('offline')} ${count(o.connectivity.offline)}`, rate, 'online',
      [`${t('online_rate')} = ${t('online')} ÷ ${t('instruments')}`, `${percent(rate, 2)} = ${count(o.connectivity.online)} ÷ ${count(o.instruments)}`, when]);
    const share = o.instruments ? o.activity.running / o.instruments : null;
    slots.running_now.put(count(o.activity.running), `${t('running_share')} ${percent(share)}`, share, 'running',
      [`${t('running_share')} = ${t('running')} ÷ ${t('instruments')}`, `${percent(share, 2)} = ${count(o.activity.running)} ÷ ${count(o.instruments)}`, when]);
    slots.instruments.put(count(o.instruments), `${t('never_seen')} ${count(o.connectivity.never_seen)}`, o.instruments ? 1 - o.connectivity.never_seen / o.instruments : 0, 'accent',
      [t('instruments'), `${t('online')} ${count(o.connectivity.online)} · ${t('offline')} ${count(o.connectivity.offline)} · ${t('never_seen')} ${count(o.connectivity.never_seen)}`, when]);
    const value = o.value_cny ? o.value_seen_cny / o.value_cny : null;
    slots.value_covered.put(money(o.value_seen_cny), t('of_value', { v: money(o.value_cny) }), value, 'accent',
      [t('value_covered'), `${percent(value, 2)} = ${money(o.value_seen_cny)} ÷ ${money(o.value_cny)}`, when]);
  };
  live();
  ctx.onLive(live);
  const today = async () => {
    await liveFirst();
    const answer = await get('utilization', daysOf('today', tz), ctx.signal);
    const u = answer.overall;
    slots.hours_today.put(hours(u.running_s), `${t('utilization')} ${percent(u.utilization)}`, u.utilization, 'running', usageLines(u, 'running_s', answer));
    slots.coverage_today.put(percent(u.coverage), u.sufficient ? t('sufficient') : t('insufficient'), u.coverage, 'accent', usageLines(u, 'coverage', answer));
  };
  const quietly = () => today().catch(() => {});
  // What has passed of today is the dearest question: after what a glance needs.
  const later = setTimeout(quietly, 60);
  const timer = setInterval(() => document.visibilityState === 'visible' && quietly(), REFRESH);
  ctx.onEnd(() => { clearTimeout(later); clearInterval(timer); });
  ctx.onRecovered(quietly);
  return h('dl', { class: 'kpis' }, Object.values(slots).map(({ el }) => el));
}

// -- bands -------------------------------------------------------------------------------------

function bandsCard(ctx, wanted, range) {
  return card(ctx, { title: t('bands'), every: REFRESH, shape: 'lines' }, async ({ note }) => {
    const answer = await wanted();
    const u = answer.overall;
    note(t('bands_note', { k: count(u.banded_instruments), n: count(u.instruments) }));
    if (!u.coverage) return emptyWindow(range);
    if (!u.banded_instruments) return h('div', { class: 'empty' }, t('not_enough'));
    // The policy's targets are of a year: of a shorter window they would say nothing.
    const yearly = daysIn(range) >= 365;
    return h('div', { class: 'bands' }, u.bands.map((band) => {
      const target = TARGETS[band.above];
      const met = yearly && band.share >= target;
      const lines = () => [t('band_above', { p: percent(band.above, 0) }), `${percent(band.share, 2)} = ${count(band.instruments)} ÷ ${count(u.banded_instruments)}`,
        `${t('basis')}: ${t(answer.basis)}`, ...usageLines(u, 'rated_utilization', answer)];
      return h('div', { class: `band${met ? ' met' : ''}` }, h('span', {}, t('band_above', { p: percent(band.above, 0) })),
        h('b', {}, fig(percent(band.share), lines, { 'data-value': `band-${band.above}` }), bandChange(u, band, answer)),
        h('div', { class: 'track', 'aria-hidden': 'true' }, h('i', { vars: { '--w': `${(band.share ?? 0) * 100}%` } }), yearly ? h('em', { vars: { '--w': `${target * 100}%` } }) : null),
        h('span', { class: 'goal' }, h('span', {}, t('n_instruments', { n: count(band.instruments) })), h('span', {}, yearly ? t(met ? 'target_met' : 'target_missed', { p: percent(target), d: points(band.share - target) }) : t('target_of_year', { p: percent(target) }))));
    }), yearly ? null : h('button', { type: 'button', class: 'link', on: { click: () => go({ range: 'd365' }) } }, t('judge_year')));
  });
}

// -- trend -------------------------------------------------------------------------------------

function trendCard(ctx, tz) {
  let box;
  return card(ctx, { title: t('trend'), every: REFRESH * 5, shape: 'bars', cls: 'grow' }, async ({ note }) => {
    const now = Date.now();
    const to = iso(midnight(now, tz));
    const compare = compareOf(ctx);
    // The twelve months before these are those of last year.
    let answer = await ask('utilization', { from: iso(monthStart(now, tz, -11)), to, tz, bucket: 'month', compare: compare && 'last-year' });
    let buckets = answer.overall.buckets;
    const monthly = buckets.filter((b) => b.coverage > 0).length >= 3;
    if (!monthly) {
      answer = await ask('utilization', { from: iso(midnight(now, tz, -14)), to, tz, bucket: 'day', compare });
      buckets = answer.overall.buckets;
    }
    if (ctx.signal.aborted) return undefined;
    // Before the first heartbeat of all there is no history, and no line of it.
    const first = buckets.findIndex((b) => b.coverage > 0);
    if (first < 0) return null;
    const before = answer.overall.compared?.buckets ?? [];
    note([t(monthly ? 'trend_months' : 'trend_days'), againstText(answer)].filter(Boolean).join(' · '));
    const then = () => t(`pd_${answer.compare}`);
    const name = (b) => moment(b.from, tz, monthly ? { year: '2-digit', day: undefined, hour: undefined, minute: undefined } : dateOnly);
    const option = () => ({
      legend: legend({ data: [t('machine_hours'), t('utilization'), t('coverage'), ...(before.length ? [then()] : [])] }),
      grid: { left: 4, right: 4, top: rem() * 2.2, bottom: 2, containLabel: true },
      tooltip: { ...tipBase(), trigger: 'axis', axisPointer: { type: 'shadow' }, formatter: (items) => {
        const b = buckets[items[0].dataIndex];
        return bubble(name(b), `${t('machine_hours')} ${hours(b.running_s)}`, ...usageLines(b, 'utilization', null),
          ...(before[items[0].dataIndex] ? [`${then()}: ${t('machine_hours')} ${hours(before[items[0].dataIndex].running_s)}`] : []));
      } },
      xAxis: axis({ type: 'category', data: buckets.map(name), splitLine: { show: false } }),
      yAxis: [axis({ type: 'value', axisLabel: { color: color('muted'), fontSize: rem() * 0.75, formatter: (v) => count(v) }, splitNumber: 3 }),
        axis({ type: 'value', min: 0, max: 1, splitNumber: 2, splitLine: { show: false }, axisLabel: { color: color('muted'), fontSize: rem() * 0.75, formatter: (v) => percent(v, 0) } })],
      series: [
        { name: t('machine_hours'), type: 'bar', data: buckets.map((b) => b.running_s / 3600), itemStyle: { color: color('ramp-2'), borderRadius: [3, 3, 0, 0] }, barMaxWidth: rem() * 1.6 },
        { name: t('utilization'), type: 'line', yAxisIndex: 1, data: buckets.map((b) => b.utilization), color: color('idle'), symbolSize: rem() * 0.4, lineStyle: { width: rem() * 0.14 } },
        { name: t('coverage'), type: 'line', yAxisIndex: 1, data: buckets.map((b, i) => (i < first ? null : b.coverage)), color: color('muted'), symbol: 'none', lineStyle: { type: 'dashed', width: rem() * 0.09 } },
        ...(before.length ? [{ name: then(), type: 'line', step: 'middle', symbol: 'none', data: buckets.map((_, i) => (before[i] ? before[i].running_s / 3600 : null)), color: color('ink-2'), lineStyle: { type: 'dotted', width: rem() * 0.12 } }] : []),
      ],
    });
    const say = buckets.map((b, i) => `${name(b)}: ${hours(b.running_s)}, ${percent(b.utilization)}${before[i] ? `, ${then()} ${hours(before[i].running_s)}` : ''}`).join('; ');
    if (box?.isConnected) { box.update(option, say); return undefined; }
    box = chart(ctx, option, { cls: 'line', say });
    return box;
  });
}

const tipBase = () => ({ className: 'chart-bubble', confine: true, appendTo: document.body, borderWidth: 0, padding: 0, backgroundColor: 'transparent' });

// -- the map -----------------------------------------------------------------------------------

let boundaries; // of this visit
/** The outlines' features; null where our own tiles stand for them. */
async function loadMap() {
  if (!store.config.map) return null;
  boundaries ??= fetch('cockpit/map.json').then((answer) => (answer.ok ? answer.json() : null)).catch(() => null);
  const found = await boundaries;
  if (!found) boundaries = undefined;
  return found?.features?.length ? found.features : null;
}

/** While names are awaited, so may outlines be. */
export const prepare = loadMap;

const short = (name) => name.replace(/新区$|区$/, '').replace(' New Area', '');

function mapCard(ctx, start, wanted, days) {
  const tz = store.config.timezone;
  let metric = start;
  let map;
  let usage = new Map();
  let answer;
  let showHouses = ctx.params.houses === '1';
  const rate = (g) => (g?.instruments ? g.connectivity.online / g.instruments : null);
  const running = (g) => (g?.instruments ? g.activity.running / g.instruments : null);
  const live = { online_rate: rate, running_share: running, free_share: freeShare };
  const value = (code) => {
    if (metric === 'utilization') return usage.get(code)?.utilization ?? null;
    return live[metric](store.live?.districts.get(code));
  };
  /** What palest and fullest mean: from zero to one all districts would look alike. */
  const range = () => {
    const values = [...store.districts.keys()].map(value).filter((v) => v !== null);
    if (metric === 'online_rate') return [Math.max(0, Math.min(0.9, Math.floor(Math.min(1, ...values) * 10) / 10)), 1];
    const low = Math.floor(Math.min(1, ...values) * 20) / 20;
    return values.length ? [low, Math.max(low + 0.05, Math.ceil(Math.max(...values) * 20) / 20)] : [0, 0.1];
  };
  let edges = range(); // of what is drawn: looked for once, not for each of a thousand bubbles
  const shade = (v) => {
    if (v === null) return null;
    const [low, high] = edges;
    return 0.08 + 0.92 * (v - low) / (high - low);
  };
  const liveLines = (g) => g && [
    `${t('online_rate')} ${percent(rate(g))} = ${count(g.connectivity.online)} ÷ ${count(g.instruments)}`,
    `${t('running_share')} ${percent(running(g))} = ${count(g.activity.running)} ÷ ${count(g.instruments)}`,
    ...freeLines(g),
    t('as_of', { time: clock(store.live.as_of, tz) })];
  const changed = (u) => (u && answer.compared_window ? changeLines(u, 'utilization', answer).slice(0, 2) : []);
  const lines = (code) => {
    const u = usage.get(code);
    return [districtName(code), ...(liveLines(store.live?.districts.get(code)) ?? []),
      u && `${t('utilization')} ${percent(u.utilization)} = ${hours(u.running_s)} ÷ ${hours(u.running_s + u.idle_s + u.off_s)}`,
      u && `${t('coverage')} ${percent(u.coverage)} · ${moment(answer.from, answer.tz)} – ${moment(answer.to, answer.tz)}`, ...changed(u)];
  };
  const house = (id) => store.live?.institutions.get(id);
  const usageOf = new Map(); // by institution, once bubbles are to show it
  const houseValue = (id) => (metric === 'utilization' ? usageOf.get(id)?.utilization ?? null : live[metric](house(id)));
  const askHouses = async () => {
    if (metric !== 'utilization' || usageOf.size || !(showHouses || chosen)) return;
    const found = await ask('utilization', { ...daysOf(days, tz), group_by: 'institution', limit: 1000, sort: '-instruments', compare: compareOf(ctx) });
    for (const g of found.groups) usageOf.set(g.key, g);
    if (!ctx.signal.aborted) draw();
  };
  const housed = () => [...store.institutions.values()].filter((i) => i.instruments && i.district_code)
    .map((i) => ({ id: i.institution_id, code: i.district_code, lon: i.lon, lat: i.lat, n: house(i.institution_id)?.instruments ?? i.instruments }));

  const scale = h('div', { class: 'scale', 'aria-hidden': 'true' }, h('span'), h('i'), h('span'));
  const spot = h('aside', { class: 'spot', 'aria-live': 'polite', hidden: true });
  let chosen = store.districts.has(ctx.params.district) ? ctx.params.district : null;
  const drawSpot = () => {
    spot.hidden = !chosen;
    if (!chosen) return;
    const g = store.live?.districts.get(chosen);
    const u = usage.get(chosen);
    const facts = [
      [t('instruments'), count(g?.instruments ?? 0), null],
      [t('online_rate'), percent(rate(g)), g && liveLines(g)],
      [t('running_now'), count(g?.activity.running ?? 0), g && liveLines(g)],
      [t('avail_free'), count(g?.availability?.free), g && freeLines(g)],
      [t('utilization'), u ? percent(u.utilization) : '–', u && [...usageLines(u, 'utilization', answer), ...(answer.compared_window ? [againstText(answer), ...changeLines(u, 'utilization', answer)] : [])]],
    ];
    const top = housed().filter((i) => i.code === chosen).sort((a, b) => b.n - a.n).slice(0, TOP);
    const shown = JSON.stringify([chosen, facts.map((f) => f[1]), g?.availability, top, top.map((i) => house(i.id)?.activity.running), lang()]);
    if (spot.dataset.shown === shown) return;
    spot.dataset.shown = shown;
    spot.replaceChildren(
      h('div', { class: 'spot-head' }, h('h3', {}, districtName(chosen)), h('button', { type: 'button', class: 'quiet', 'aria-label': t('whole_city'), title: t('whole_city'), on: { click: () => map.zoomBy(0) } }, '✕')),
      h('dl', {}, facts.map(([name, text, why]) => h('div', {}, h('dt', {}, name), h('dd', {}, why ? fig(text, why) : text)))),
      g?.availability ? countBadges(g) : null,
      top.length ? h('ol', {}, top.map((i) => h('li', {}, h('a', { href: href('explore', { by: 'instrument', institution: i.id }) }, institutionName(i.id)),
        h('span', { class: 'note' }, `${count(house(i.id)?.activity.running ?? 0)} / ${count(i.n)}`)))) : null,
      top.length ? h('p', { class: 'note' }, t('spot_note')) : null,
      h('a', { class: 'more', href: href('explore', { by: 'institution', district: chosen }) }, t('open_in_explore')));
  };
  const draw = () => {
    if (!map) return;
    const [low, high] = edges = range();
    map.draw();
    scale.children[0].textContent = percent(low, 0);
    scale.children[2].textContent = percent(high, 0);
    drawSpot();
  };
  const forHouses = showHouses || chosen !== null;
  if (forHouses) loadNames(['institutions']).catch(() => {}); // `names` says what becomes of it
  const names = () => loadNames(['institutions']).then(() => { if (!ctx.signal.aborted) { map?.populate(); draw(); } return askHouses(); }).catch(() => {});
  const tools = [
    choice(t('metric'), METRICS.map((m) => [m, t(m)]), metric, async (m) => {
      metric = m;
      go({ metric: m }, { quiet: true });
      await frameShown(); // the choice is seen at once: a browser without a graphics card paints the map for a tenth of a second
      if (ctx.signal.aborted) return;
      draw();
      askHouses().catch(() => {});
    }),
    h('label', { class: 'check' }, h('input', { type: 'checkbox', checked: showHouses, on: { change: (e) => { showHouses = e.target.checked; go({ houses: showHouses ? '1' : undefined }, { quiet: true }); map?.populate(); askHouses().catch(() => {}); } } }), t('show_institutions')),
  ];
  ctx.onLive(draw);
  return card(ctx, { title: t('map'), cls: 'w7 map-card', actions: tools, every: REFRESH, shape: 'block' }, async ({ note }) => {
    wanted().then((found) => {
      answer = found;
      usage = new Map(found.groups.map((g) => [g.key, g]));
      if (!ctx.signal.aborted) draw();
    }).catch(() => {});
    if (map) return undefined;
    const features = await loadMap();
    const turned = features && store.config.map_datum === 'gcj02';
    note(features ? (store.config.map_note || t('map_source', { datum: store.config.map_datum.toUpperCase() })) : t('tiles'));
    map = cityMap(ctx, {
      features: features ?? tiles(store.districts).features, districts: store.districts, tiled: !features,
      turn: (lon, lat) => (turned ? toGcj02(lon, lat) : [lon, lat]),
      shade: (code) => shade(value(code)), shadeOf: (id) => shade(houseValue(id)),
      words: (code) => [short(districtName(code)), percent(value(code), metric === 'online_rate' || value(code) < 0.1 ? 1 : 0)],
      lines, linesOf: (id) => [institutionName(id), ...(liveLines(house(id)) ?? []), ...(usageOf.has(id) ? usageLines(usageOf.get(id), 'utilization', answer) : []), ...changed(usageOf.get(id))],
      houses: housed, shows: () => showHouses, label: () => `${t('map')}: ${t(metric)}`,
      pick: (code) => { chosen = code; go({ district: code ?? undefined }, { quiet: true }); names(); draw(); },
      open: (id) => { location.hash = href('explore', { by: 'instrument', institution: id }); },
    });
    draw();
    requestAnimationFrame(() => { if (chosen) map.focusOn(chosen); });
    // Bubbles and names of institutions, once the page stands; at once where one came for them.
    setTimeout(names, forHouses ? 0 : 300);
    const zoom = h('div', { class: 'map-zoom' }, [['+', 1.5, 'zoom_in'], ['−', 1 / 1.5, 'zoom_out'], ['⟲', 0, 'whole_city']].map(([text, factor, name]) =>
      h('button', { type: 'button', 'aria-label': t(name), title: t(name), on: { click: () => map.zoomBy(factor) } }, text)));
    return h('div', { class: 'map-holder' }, map, spot, scale, zoom);
  });
}

// -- districts as a table ----------------------------------------------------------------------

function districtCard(ctx, wanted, range) {
  let shown = null;
  ctx.onLive(() => shown?.refresh());
  const byInstitution = h('a', { class: 'more', href: href('explore', { by: 'institution' }) }, t('pd_by_institution'));
  return card(ctx, { title: t('districts'), every: REFRESH, cls: 'w12 full', shape: 'rows', actions: byInstitution }, async ({ note }) => {
    const answer = await wanted();
    note([`${moment(answer.from, answer.tz)} – ${moment(answer.to, answer.tz)}`, againstText(answer), movesText(answer.overall, answer)].filter(Boolean).join(' · '));
    if (!answer.groups.length) return emptyWindow(range);
    const live = (g) => store.live?.districts.get(g.key);
    const rate = (g) => { const l = live(g); return l?.instruments ? l.connectivity.online / l.instruments : null; };
    const liveTip = (g) => { const l = live(g); return l && [g.key ? districtName(g.key) : t('none'), `${t('online')} ${count(l.connectivity.online)} · ${t('offline')} ${count(l.connectivity.offline)} · ${t('never_seen')} ${count(l.connectivity.never_seen)}`, `${t('running')} ${count(l.activity.running)} · ${t('idle')} ${count(l.activity.idle)} · ${t('off')} ${count(l.activity.off)} · ${t('unknown')} ${count(l.activity.unknown)}`, `÷ ${t('n_instruments', { n: count(l.instruments) })}`, t('as_of', { time: fullMoment(store.live.as_of, answer.tz) })]; };
    const ratio = (field) => ({ key: field, label: t(field), num: true, value: (g) => g[field], cell: (g) => percent(g[field]), bar: (g) => g[field], tip: (g) => usageLines(g, field, answer) });
    shown = table({
      name: 'districts', caption: t('districts'), answer, rows: answer.groups, key: (g) => g.key, sort: { key: 'running_s', down: true }, mark: (g) => (g.sufficient ? null : 'weak'),
      columns: [
        { key: 'district_code', label: t('district'), csv: 'name', value: (g) => (g.key ? districtName(g.key) : t('none')), cell: (g) => (g.key ? h('a', { href: href('explore', { by: 'institution', district: g.key }) }, districtName(g.key)) : t('none')) },
        { key: 'instruments', label: t('instruments'), num: true, value: (g) => g.instruments, cell: (g) => count(g.instruments), tip: (g) => [t('instruments'), t('of_n', { k: count(g.sufficient_instruments), n: count(g.instruments), m: count(g.never_seen_instruments) })] },
        { key: 'online_rate', label: t('online_rate'), num: true, live: true, value: rate, cell: (g) => percent(rate(g)), bar: rate, tip: liveTip },
        { key: 'running', label: t('running_now'), num: true, live: true, value: (g) => live(g)?.activity.running ?? null, cell: (g) => count(live(g)?.activity.running), tip: liveTip },
        { key: 'running_s', label: `${t('machine_hours')} (h)`, num: true, value: (g) => g.running_s / 3600, raw: (g) => g.running_s, cell: (g) => hours(g.running_s, false), tip: (g) => usageLines(g, 'running_s', answer) },
        ratio('utilization'), ...(answer.compared_window ? [...['running_s', 'utilization'].flatMap((field) => changeColumns(field, answer)), ...changesFiled(['rated_utilization', 'coverage'], answer)] : []), ratio('rated_utilization'), ratio('coverage'),
      ],
    });
    return shown;
  });
}
