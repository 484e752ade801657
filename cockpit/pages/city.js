// City: what is online and runs now, how much is used, where, and how far that can be trusted.

import { get } from '../api.js';
import { axis, bubble, chart, color, legend, ramp, rem } from '../charts.js';
import { card, choice, fig, h, table, usageLines } from '../dom.js';
import { tileCentre, tiles, toGcj02 } from '../geo.js';
import { clock, count, fullMoment, hours, lang, moment, money, percent, t } from '../i18n.js';
import { districtName, institutionName, store } from '../store.js';
import { RANGES, iso, midnight, monthStart, windowOf } from '../time.js';
import { go, href } from '../app.js';

/** Shares of instruments above 50 % and 80 % that policy aims at. */
const TARGETS = { 0.5: 0.854, 0.8: 0.616 };
const REFRESH = 60_000; // ms
const METRICS = ['online_rate', 'running_share', 'utilization'];

export function page(ctx) {
  const tz = store.config.timezone;
  const range = RANGES[ctx.params.range] ? ctx.params.range : 'd7';
  const metric = METRICS.includes(ctx.params.metric) ? ctx.params.metric : 'online_rate';
  const asked = new Map();
  // One question for all cards that rest on it.
  const ask = (name, make) => {
    const kept = asked.get(name);
    if (kept && Date.now() - kept.at < REFRESH / 2) return kept.promise;
    const promise = make();
    asked.set(name, { at: Date.now(), promise });
    promise.catch(() => asked.delete(name));
    return promise;
  };
  const byDistrict = () => ask('districts', () => get('utilization', { ...windowOf(range, tz), group_by: 'district', limit: 100 }, ctx.signal));

  return h('div', { class: 'page' },
    h('div', { class: 'page-head' }, h('h1', {}, t('city')), h('span', { class: 'spacer' }),
      choice(t('range'), ['today', 'd7', 'd30', 'd365'].map((r) => [r, t(r)]), range, (r) => go({ range: r }))),
    kpis(ctx, tz),
    h('div', { class: 'grid' },
      mapCard(ctx, metric, byDistrict),
      h('div', { class: 'stack w5' }, nowCard(ctx), bandsCard(ctx, byDistrict), trendCard(ctx, tz))),
    districtCard(ctx, byDistrict));
}

// -- figures of now ----------------------------------------------------------------------------

function kpis(ctx, tz) {
  const slot = () => ({ big: h('div', { class: 'big' }, '–'), more: h('small', {}, '\u00a0') });
  const slots = Object.fromEntries(['instruments', 'online_rate', 'running_now', 'value_covered', 'hours_today', 'coverage_today'].map((k) => [k, slot()]));
  const meter = (share, c) => h('div', { class: 'meter', 'aria-hidden': 'true' }, h('i', { vars: { '--w': `${(share ?? 0) * 100}%`, '--c': `var(--${c})` } }));
  const put = (key, big, more, share, c) => {
    slots[key].big.replaceChildren(big);
    slots[key].more.replaceChildren(meter(share, c), more);
  };
  const live = () => {
    const now = store.live;
    if (!now) return;
    const o = now.overall;
    const when = () => t('as_of', { time: fullMoment(now.as_of, tz) });
    put('instruments', fig(count(o.instruments), [t('instruments'), `${t('online')} ${count(o.connectivity.online)} · ${t('offline')} ${count(o.connectivity.offline)} · ${t('never_seen')} ${count(o.connectivity.never_seen)}`, when()], { 'data-value': 'instruments' }),
      `${t('never_seen')} ${count(o.connectivity.never_seen)}`, o.instruments ? 1 - o.connectivity.never_seen / o.instruments : 0, 'accent');
    const rate = o.instruments ? o.connectivity.online / o.instruments : null;
    put('online_rate', fig(percent(rate), [`${t('online_rate')} = ${t('online')} ÷ ${t('instruments')}`, `${percent(rate, 2)} = ${count(o.connectivity.online)} ÷ ${count(o.instruments)}`, when()], { 'data-value': 'online_rate' }),
      `${t('online')} ${count(o.connectivity.online)}`, rate, 'online');
    const share = o.instruments ? o.activity.running / o.instruments : null;
    put('running_now', fig(count(o.activity.running), [`${t('running_share')} = ${t('running')} ÷ ${t('instruments')}`, `${percent(share, 2)} = ${count(o.activity.running)} ÷ ${count(o.instruments)}`, when()], { 'data-value': 'running' }),
      `${percent(share)} ${t('of_all', { n: count(o.instruments) })}`, share, 'running');
    const value = o.value_cny ? o.value_seen_cny / o.value_cny : null;
    put('value_covered', fig(money(o.value_seen_cny), [t('value_covered'), `${percent(value, 2)} = ${money(o.value_seen_cny)} ÷ ${money(o.value_cny)}`, when()], { 'data-value': 'value' }),
      t('of_value', { v: money(o.value_cny) }), value, 'accent');
  };
  live();
  ctx.onLive(live);
  const today = async () => {
    const answer = await get('utilization', windowOf('today', tz), ctx.signal);
    const u = answer.overall;
    put('hours_today', fig(hours(u.running_s), () => usageLines(u, 'running_s', answer), { 'data-value': 'hours_today' }),
      `${t('utilization')} ${percent(u.utilization)}`, u.utilization, 'running');
    put('coverage_today', fig(percent(u.coverage), () => usageLines(u, 'coverage', answer), { 'data-value': 'coverage_today' }),
      u.sufficient ? t('sufficient') : t('insufficient'), u.coverage, 'accent');
  };
  const quietly = () => today().catch(() => {});
  quietly();
  const timer = setInterval(() => document.visibilityState === 'visible' && quietly(), REFRESH / 2);
  ctx.onEnd(() => clearInterval(timer));
  ctx.onRecovered(quietly);
  return h('dl', { class: 'kpis' }, Object.entries(slots).map(([key, { big, more }]) =>
    h('div', { class: 'kpi' }, h('dt', {}, t(key)), h('dd', {}, big, more))));
}

function nowCard(ctx) {
  const holder = h('div', { class: 'parts' });
  const row = (counts, total) => [
    h('div', { class: 'bar-stack', 'aria-hidden': 'true' }, Object.entries(counts).map(([word, n]) => n ? h('i', { vars: { '--w': `${n / total * 100}%`, '--c': `var(--${word})` } }) : null)),
    h('div', { class: 'legend' }, Object.entries(counts).map(([word, n]) => h('span', { class: `state s-${word}` }, h('i', { 'aria-hidden': 'true' }), t(word), h('b', { 'data-count': word }, count(n))))),
  ];
  const draw = () => {
    const o = store.live?.overall;
    if (!o) return;
    if (!o.instruments) {
      holder.replaceChildren(h('div', { class: 'empty' }, h('strong', {}, t('empty_city')), h('p', {}, t('empty_city_text'))));
      return;
    }
    holder.replaceChildren(h('h3', {}, t('connectivity')), ...row(o.connectivity, o.instruments), h('h3', {}, t('activity')), ...row(o.activity, o.instruments));
  };
  ctx.onLive(draw);
  return card(ctx, { title: t('status') }, async ({ body, note }) => {
    draw();
    const stamp = () => note(t('as_of', { time: clock(store.live?.as_of, store.config.timezone) }));
    ctx.onLive(stamp);
    if (store.live) stamp();
    if (!body.contains(holder)) return holder;
    return undefined;
  });
}

// -- bands -------------------------------------------------------------------------------------

function bandsCard(ctx, ask) {
  return card(ctx, { title: t('bands'), every: REFRESH }, async ({ note }) => {
    const answer = await ask();
    const u = answer.overall;
    note(t('bands_note', { k: count(u.sufficient_instruments), n: count(u.instruments) }));
    if (!u.sufficient_instruments) return h('div', { class: 'empty' }, t('not_enough'));
    return h('div', { class: 'bands' }, u.bands.map((band) => {
      const target = TARGETS[band.above];
      const lines = () => [t('band_above', { p: percent(band.above, 0) }), `${percent(band.share, 2)} · ${t('n_instruments', { n: count(band.instruments) })}`,
        `${t('basis')}: ${t(answer.basis)}`, ...usageLines(u, 'rated_utilization', answer)];
      return h('div', { class: 'band' }, h('span', {}, t('band_above', { p: percent(band.above, 0) })),
        h('b', {}, fig(percent(band.share), lines, { 'data-value': `band-${band.above}` })),
        h('div', { class: 'track', 'aria-hidden': 'true' }, h('i', { vars: { '--w': `${(band.share ?? 0) * 100}%` } }), h('em', { vars: { '--w': `${target * 100}%` } })),
        h('span', { class: 'goal' }, `${t('n_instruments', { n: count(band.instruments) })} · ${t('target', { p: percent(target) })}`));
    }));
  });
}

// -- trend -------------------------------------------------------------------------------------

function trendCard(ctx, tz) {
  let box;
  return card(ctx, { title: t('trend'), every: REFRESH * 5 }, async ({ note }) => {
    const now = Date.now();
    const to = iso(midnight(now, tz, 1));
    let answer = await get('utilization', { from: iso(monthStart(now, tz, -11)), to, tz, bucket: 'month' }, ctx.signal);
    let buckets = answer.overall.buckets;
    const monthly = buckets.filter((b) => b.coverage > 0).length >= 3;
    if (!monthly) {
      answer = await get('utilization', { from: iso(midnight(now, tz, -13)), to, tz, bucket: 'day' }, ctx.signal);
      buckets = answer.overall.buckets;
    }
    note(monthly ? t('trend_months') : t('trend_days'));
    const name = (b) => moment(b.from, tz, monthly ? { year: '2-digit', day: undefined, hour: undefined, minute: undefined } : { hour: undefined, minute: undefined });
    const option = () => ({
      legend: legend({ data: [t('machine_hours'), t('utilization'), t('coverage')] }),
      grid: { left: 4, right: 4, top: rem() * 2.2, bottom: 2, containLabel: true },
      tooltip: { ...tipBase(), trigger: 'axis', axisPointer: { type: 'shadow' }, formatter: (items) => {
        const b = buckets[items[0].dataIndex];
        return bubble(name(b), `${t('machine_hours')} ${hours(b.running_s)}`, ...usageLines(b, 'utilization', null));
      } },
      xAxis: axis({ type: 'category', data: buckets.map(name), splitLine: { show: false } }),
      yAxis: [axis({ type: 'value', axisLabel: { color: color('muted'), fontSize: rem() * 0.75, formatter: (v) => count(v) }, splitNumber: 3 }),
        axis({ type: 'value', min: 0, max: 1, splitNumber: 2, splitLine: { show: false }, axisLabel: { color: color('muted'), fontSize: rem() * 0.75, formatter: (v) => percent(v, 0) } })],
      series: [
        { name: t('machine_hours'), type: 'bar', data: buckets.map((b) => b.running_s / 3600), itemStyle: { color: color('ramp-2'), borderRadius: [3, 3, 0, 0] }, barMaxWidth: rem() * 1.6 },
        { name: t('utilization'), type: 'line', yAxisIndex: 1, data: buckets.map((b) => b.utilization), color: color('idle'), symbolSize: rem() * 0.4, lineStyle: { width: rem() * 0.14 } },
        { name: t('coverage'), type: 'line', yAxisIndex: 1, data: buckets.map((b) => b.coverage), color: color('muted'), symbol: 'none', lineStyle: { type: 'dashed', width: rem() * 0.09 } },
      ],
    });
    const say = buckets.map((b) => `${name(b)}: ${hours(b.running_s)}, ${percent(b.utilization)}`).join('; ');
    if (box) { box.update(option, say); return undefined; }
    box = chart(ctx, option, { cls: 'line', say });
    return box;
  });
}

const tipBase = () => ({ className: 'chart-bubble', confine: true, appendTo: document.body, borderWidth: 0, padding: 0, backgroundColor: 'transparent' });

// -- the map -----------------------------------------------------------------------------------

let boundaries; // of this visit
async function loadMap() {
  if (!store.config.map) return null;
  boundaries ??= fetch('cockpit/map.json').then((answer) => (answer.ok ? answer.json() : null)).catch(() => null);
  const found = await boundaries;
  if (!found) boundaries = undefined;
  return found;
}

function mapCard(ctx, metric, ask) {
  let box;
  let usage = new Map();
  let answer;
  let registered = null;
  let showHouses = ctx.params.houses === '1';
  let zoomed = false;
  let known = null;
  const value = (code) => {
    if (metric === 'utilization') return usage.get(code)?.utilization ?? null;
    const g = store.live?.districts.get(code);
    if (!g?.instruments) return null;
    return metric === 'online_rate' ? g.connectivity.online / g.instruments : g.activity.running / g.instruments;
  };
  const lines = (code) => {
    const g = store.live?.districts.get(code);
    const u = usage.get(code);
    return [g && `${t('online_rate')} ${percent(g.connectivity.online / g.instruments)} = ${count(g.connectivity.online)} ÷ ${count(g.instruments)}`,
      g && `${t('running_share')} ${percent(g.activity.running / g.instruments)} = ${count(g.activity.running)} ÷ ${count(g.instruments)}`,
      u && `${t('utilization')} ${percent(u.utilization)} = ${hours(u.running_s)} ÷ ${hours(u.running_s + u.idle_s + u.off_s)}`,
      u && `${t('coverage')} ${percent(u.coverage)}`,
      answer && `${moment(answer.from, answer.tz)} – ${moment(answer.to, answer.tz)}`];
  };
  const place = (lon, lat) => (known && store.config.map_datum === 'gcj02' ? toGcj02(lon, lat) : [lon, lat]);
  const houses = () => [...store.institutions.values()].filter((i) => i.lon != null && i.instruments).map((i) => {
    const g = store.live?.institutions.get(i.institution_id);
    return { name: institutionName(i.institution_id), id: i.institution_id, value: [...place(i.lon, i.lat), g?.instruments ?? i.instruments, g ? g.connectivity.online / g.instruments : 0, g ? g.activity.running / g.instruments : 0] };
  });
  const top = () => {
    const values = [...store.districts.keys()].map(value).filter((v) => v !== null);
    return metric === 'online_rate' ? 1 : Math.max(0.1, Math.ceil(Math.max(0, ...values) * 10) / 10);
  };
  const option = () => {
    const data = [...store.districts.values()].map((d) => ({ name: d.name, code: d.district_code, value: value(d.district_code) ?? NaN }));
    const bubbles = known && (showHouses || zoomed);
    const small = box && box.clientWidth < 520;
    return {
      tooltip: { ...tipBase(), trigger: 'item', formatter: (item) => {
        if (item.seriesType === 'scatter') {
          const [, , n, online, running] = item.value;
          return bubble(item.name, t('n_instruments', { n: count(n) }), `${t('online_rate')} ${percent(online)}`, `${t('running_share')} ${percent(running)}`);
        }
        const code = item.data?.code ?? [...store.districts.values()].find((d) => d.name === item.name)?.district_code;
        return code ? bubble(districtName(code), ...lines(code)) : bubble(item.name);
      } },
      visualMap: {
        type: 'continuous', seriesIndex: 0, min: 0, max: top(), calculable: false, left: 0, bottom: 0, itemWidth: rem() * 0.7, itemHeight: rem() * 6,
        text: [percent(top(), 0), percent(0, 0)], textStyle: { color: color('muted'), fontSize: rem() * 0.78 }, inRange: { color: ramp() },
      },
      geo: {
        map: registered, roam: 'move', scaleLimit: { min: 1, max: 12 }, aspectScale: known ? 0.86 : 1,
        // Not by its four sides: those would stretch the land.
        layoutCenter: ['52%', '49%'], layoutSize: !known ? '82%' : small ? '100%' : '98%', nameProperty: 'name',
        itemStyle: { areaColor: color('ramp-0'), borderColor: color('panel'), borderWidth: rem() * 0.09 },
        emphasis: { itemStyle: { areaColor: color('accent-soft'), borderColor: color('ink') }, label: { show: false } },
        select: { disabled: true }, tooltip: { show: true },
      },
      series: [
        { type: 'map', geoIndex: 0, map: registered, data, nameProperty: 'name', selectedMode: false },
        { type: 'scatter', coordinateSystem: 'geo', geoIndex: 0, silent: true, symbolSize: 0, z: 6, data: [...store.districts.values()].map((d) => {
          const at = known ? place(d.lon, d.lat) : tileCentre(d.district_code);
          const v = value(d.district_code);
          return { name: districtName(d.district_code), value: [...(at ?? [0, 0]), v], label: { show: Boolean(at) && !(bubbles && zoomed), ...ink(v, top()) } };
        }), label: { show: true, position: 'inside', formatter: (item) => label(item, small), fontSize: rem() * (small ? 0.66 : 0.72), fontWeight: 600, lineHeight: rem() * 0.95, align: 'center' }, labelLayout: { hideOverlap: known } },
        { id: 'houses', type: 'scatter', coordinateSystem: 'geo', geoIndex: 0, z: 5, data: bubbles ? houses() : [], symbolSize: (v) => rem() * Math.min(2.6, 0.35 + Math.sqrt(v[2]) * 0.17),
          itemStyle: { color: color('idle'), opacity: 0.82, borderColor: color('panel'), borderWidth: 1 }, emphasis: { scale: 1.25 } },
      ],
    };
  };
  const tools = () => [
    choice(t('metric'), METRICS.map((m) => [m, t(m)]), metric, (m) => { metric = m; go({ metric: m }, { quiet: true }); draw(); }),
    h('label', { class: 'check' }, h('input', { type: 'checkbox', checked: showHouses, on: { change: (e) => { showHouses = e.target.checked; go({ houses: showHouses ? '1' : undefined }, { quiet: true }); draw(); } } }), t('show_institutions')),
  ];
  const words = () => [...store.districts.keys()].map((code) => `${districtName(code)} ${percent(value(code))}`).join('; ');
  const draw = () => { if (box && registered) box.update(option, `${t(metric)}: ${words()}`); };
  let due = 0;
  ctx.onLive(() => {
    // The map is the dearest to draw: once in a while is live enough.
    if (due) return;
    due = setTimeout(() => { due = 0; draw(); }, 900);
  });
  ctx.onEnd(() => clearTimeout(due));
  return card(ctx, { title: t('map'), cls: 'w7', actions: tools(), every: REFRESH }, async ({ note }) => {
    // What is live is there at once; figures of the window come when they come.
    const figures = ask().then((found) => {
      answer = found;
      usage = new Map(found.groups.map((g) => [g.key, g]));
    });
    const [map] = await Promise.all([loadMap(), import('../vendor/echarts.js').then((lib) => { mapOf.lib = lib; }), metric === 'utilization' ? figures : null]);
    figures.then(draw).catch(() => {});
    known = map;
    registered = map ? 'districts' : 'tiles';
    mapOf.lib.registerMap(registered, map ?? tiles(store.districts));
    note(map ? (store.config.map_note || t('map_source', { datum: store.config.map_datum.toUpperCase() })) : t('tiles'));
    if (box) { draw(); return undefined; }
    box = chart(ctx, option, {
      cls: 'map', say: `${t(metric)}: ${words()}`,
      click: (item) => {
        if (item.data?.id) { location.hash = href('explore', { by: 'instrument', institution: item.data.id }); return; }
        const code = item.data?.code ?? [...store.districts.values()].find((d) => d.name === item.name)?.district_code;
        if (code) location.hash = href('explore', { by: 'institution', district: code });
      },
      ready: (made) => {
        box.addEventListener('wheel', (event) => {
          // Ctrl and wheel zooms the map; the wheel alone scrolls the page.
          if (!event.ctrlKey) return;
          event.preventDefault();
          const zoom = Math.min(12, Math.max(1, (made.getOption().geo[0].zoom ?? 1) * (event.deltaY < 0 ? 1.25 : 0.8)));
          made.setOption({ geo: { zoom } });
          if ((zoom > 1.8) !== zoomed) { zoomed = zoom > 1.8; draw(); }
        }, { passive: false });
      },
    });
    return h('div', { class: 'card-body' }, box, zoomButtons(() => box.chart(), (z) => { if (z !== zoomed) { zoomed = z; draw(); } }));
  });
}
const mapOf = { lib: null };

function zoomButtons(made, tell) {
  const by = (factor) => () => {
    const c = made();
    if (!c) return;
    const zoom = factor ? Math.min(12, Math.max(1, (c.getOption().geo[0].zoom ?? 1) * factor)) : 1;
    c.setOption({ geo: factor ? { zoom } : { zoom: 1, center: null } });
    tell(zoom > 1.8);
  };
  return h('div', { class: 'legend map-zoom' }, [['+', 1.5, '+'], ['−', 1 / 1.5, '−'], ['⟲', 0, 'reset']].map(([text, factor, name]) =>
    h('button', { type: 'button', 'aria-label': `${t('map')} ${name}`, on: { click: by(factor) } }, text)));
}

const ink = (v, most) => {
  const dark = document.documentElement.dataset.theme === 'dark';
  const full = v !== null && v / most > (dark ? 0.85 : 0.58);
  return { color: full ? (dark ? '#05211a' : '#ffffff') : color('ink'), textBorderColor: full ? (dark ? color('ramp-4') : color('ramp-4')) : color(dark ? 'ramp-0' : 'panel'), textBorderWidth: 2 };
};
const label = (item, small) => (small ? item.name.replace('新区', '').replace(' New Area', '') : `${item.name.replace(/新区$|区$/, lang() === 'zh' ? '' : '$&').replace(' New Area', '')}\n${percent(item.value[2], 0)}`);

// -- districts as a table ----------------------------------------------------------------------

function districtCard(ctx, ask) {
  return card(ctx, { title: t('districts'), every: REFRESH, cls: 'w12' }, async ({ note }) => {
    const answer = await ask();
    note(`${moment(answer.from, answer.tz)} – ${moment(answer.to, answer.tz)}`);
    if (!answer.groups.length) return null;
    const live = (g) => store.live?.districts.get(g.key);
    const rate = (g) => { const l = live(g); return l?.instruments ? l.connectivity.online / l.instruments : null; };
    const ratio = (field) => ({ key: field, label: t(field), num: true, value: (g) => g[field], cell: (g) => percent(g[field]), bar: (g) => g[field], tip: (g) => usageLines(g, field, answer) });
    return table({
      name: 'districts', caption: t('districts'), rows: answer.groups, sort: { key: 'running_s', down: true }, mark: (g) => (g.sufficient ? null : 'weak'),
      columns: [
        { key: 'name', label: t('district'), value: (g) => (g.key ? districtName(g.key) : t('none')), cell: (g) => (g.key ? h('a', { href: href('explore', { by: 'institution', district: g.key }) }, districtName(g.key)) : t('none')) },
        { key: 'instruments', label: t('instruments'), num: true, value: (g) => g.instruments, cell: (g) => count(g.instruments) },
        { key: 'online', label: t('online_rate'), num: true, value: rate, cell: (g) => percent(rate(g)), bar: rate },
        { key: 'running', label: t('running_now'), num: true, value: (g) => live(g)?.activity.running ?? null, cell: (g) => count(live(g)?.activity.running) },
        { key: 'running_s', label: `${t('machine_hours')} (h)`, num: true, value: (g) => g.running_s / 3600, cell: (g) => hours(g.running_s, false), tip: (g) => usageLines(g, 'running_s', answer) },
        ratio('utilization'), ratio('rated_utilization'), ratio('coverage'),
      ],
    });
  });
}
