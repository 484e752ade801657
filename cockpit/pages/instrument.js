// One instrument: what it does now and why, what it did, and what stands behind each figure.

import { all, get, stream } from '../api.js';
import { STATES, axis, bubble, chart, color, legend, ramp, rem } from '../charts.js';
import { badge, reasonsText } from '../booking/badge.js';
import { weekCard } from '../booking/week.js';
import { lifeCard } from '../coverage/life.js';
import { card, fig, h, state, table } from '../dom.js';
import { explain, raw, segmentTable } from '../explain.js';
import { gatewayName } from '../named.js';
import { count, fullMoment, hours, moment, money, percent, span, watts, weekdays } from '../formats.js';
import { RATIOS, usageLines } from '../usage.js';
import { has, t } from '../words.js';
import { className, districtName, institutionName, mayOperate, store } from '../store.js';
import { annotatingCard } from '../annotating/card.js';
import { ruleCard } from './power-rule.js';
import { againstText, changeLines, compareOf, movesText, signed } from '../period/compare.js';
import { picker } from '../period/picker.js';
import { daysIn, daysOf, iso, localDate, midnight, offsetAt, rangeOr } from '../time.js';
import { href } from '../route.js';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const RAW_PAGE = 1000;
const tipBase = () => ({ className: 'chart-bubble', confine: true, appendTo: document.body, borderWidth: 0, padding: 0, backgroundColor: 'transparent' });

export function page(ctx) {
  const range = rangeOr(ctx.params.range, 'd7');
  const heading = h('h1', {}, ctx.id);
  const crumbs = h('p', { class: 'crumbs' });
  let about = null;
  const known = () => (about ??= get(path(ctx), {}, ctx.signal).then((found) => {
    heading.textContent = found.name;
    document.title = `${found.name} · ${t('brand')}`;
    crumbs.replaceChildren(...[
      found.district_code && h('a', { href: href('explore', { by: 'institution', district: found.district_code }) }, districtName(found.district_code)),
      h('a', { href: href('explore', { by: 'instrument', institution: found.institution_id }) }, found.institution_name ?? institutionName(found.institution_id)),
      h('span', {}, found.instrument_id)].filter(Boolean).flatMap((x, i) => (i ? [h('span', { 'aria-hidden': 'true' }, '›'), x] : [x])));
    return found;
  }).catch((error) => {
    about = null;
    if (error.status === 404) root.replaceChildren(nobody(ctx.id));
    throw error;
  }));
  const c = { ctx, range, known };
  const root = h('div', { class: 'page' },
    h('div', { class: 'page-head' }, h('div', {}, heading, crumbs), h('span', { class: 'spacer' }),
      picker(ctx, range, { compare: true })),
    statusCard(c),
    timelineCard(c),
    weekCard(c),
    h('div', { class: 'grid' }, figuresCard(c), dayCard(c)),
    h('div', { class: 'grid' }, powerCard(c), sessionCard(c)),
    mayOperate() ? annotatingCard(c) : null,
    mayOperate() ? ruleCard(c) : null,
    calendarCard(c),
    h('div', { class: 'grid loose' }, detailCard(c), h('div', { class: 'stack w4' }, lifeCard(c), maintenanceCard(c))));
  return root;
}

/** What stands where no instrument is: what was asked for, and how to go on. */
const nobody = (id) => h('section', { class: 'card' }, h('div', { class: 'empty', role: 'alert' },
  h('h1', {}, t('no_instrument', { id })), h('p', {}, t('find_one')),
  h('a', { class: 'more', href: href('explore', { by: 'instrument', min: 0 }) }, t('open_in_explore'))));

const path = (ctx, more = '') => `instruments/${encodeURIComponent(ctx.id)}${more}`;

// -- now ---------------------------------------------------------------------------------------

function statusCard({ ctx, known }) {
  const holder = h('div');
  let zone;
  const draw = (s) => holder.replaceChildren(
    h('div', { class: 'now' }, h('span', { class: 'headline' }, state(s.connectivity === 'online' ? s.activity : s.connectivity)),
      h('dl', {}, [
        [t('availability'), h('span', { 'data-value': 'availability' }, badge(s.availability, s.until ? h('span', { class: 'note' }, t('until_time', { time: moment(s.until, zone, { weekday: 'short' }) })) : null), h('div', { class: 'note' }, reasonsText(s.reasons)))],
        [t('connectivity'), state(s.connectivity)], [t('activity'), h('span', { 'data-value': 'activity' }, state(s.activity))],
        s.cause && [t('cause'), t(`cause_${s.cause}`)],
        s.since && [t('from'), fullMoment(s.since, zone)], [t('power'), h('span', { 'data-value': 'power' }, watts(s.power_w))],
        [t('last_heartbeat'), fullMoment(s.last_heartbeat_at, zone)], [t('received'), fullMoment(s.last_received_at, zone)], [t('skew'), span(s.clock_skew_s)],
      ].filter(Boolean).map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))))),
    s.flags.length ? h('p', { class: 'warn' }, `${t('flags')}: ${s.flags.map((f) => t(`flag_${f}`)).join(', ')}`) : '');
  ctx.onEnd(stream({ instrument: ctx.id }, (name, data) => {
    const mine = data.items?.find((x) => x.instrument_id === ctx.id);
    if (mine && zone) draw(mine);
  }));
  return card(ctx, { title: t('status') }, async ({ body }) => {
    const found = await known();
    zone = found.timezone;
    draw(found.status);
    return body.contains(holder) ? undefined : holder;
  });
}

// -- the timeline ------------------------------------------------------------------------------

function timelineCard({ ctx, range, known }) {
  return card(ctx, { title: t('timeline'), note: t('timeline_hint'), every: 60_000 }, async ({ quiet }) => {
    const about = await known();
    const tz = about.timezone;
    const answer = await all(path(ctx, '/timeline'), { ...daysOf(range, tz), tz: undefined, limit: 10_000 }, { most: 60_000, signal: ctx.signal });
    const items = answer.items;
    if (!items.length) return null;
    if (quiet) { /* what is on the screen may be zoomed: it is drawn anew only with the page */ if (document.querySelector('.timeline.zoomed')) return undefined; }
    const [first, last] = [Date.parse(answer.from), Date.parse(answer.to)];
    const at = zoned(tz, first, last);
    const rows = items.map((x) => [at(Date.parse(x.from)), at(Date.parse(x.to)), STATES.indexOf(x.state)]);
    const box = chart(ctx, (lib) => {
      const fill = STATES.map((s) => color(s));
      return {
        useUTC: true,
        legend: { ...legend(), data: STATES.map((s) => ({ name: t(s), itemStyle: { color: color(s) } })), selectedMode: false },
        grid: { left: rem() * 0.5, right: rem() * 0.5, top: rem() * 2, bottom: rem() * 4.4 },
        tooltip: { ...tipBase(), formatter: (item) => {
          const x = items[item.data.index];
          return x ? bubble(`${t(x.state)}${x.cause ? ` · ${t(`cause_${x.cause}`)}` : ''}`, `${fullMoment(x.from, tz)} – ${fullMoment(x.to, tz)}`, span(x.seconds)) : '';
        } },
        xAxis: axis({ type: 'time', min: at(first), max: at(last), splitLine: { show: false }, axisLabel: { color: color('muted'), fontSize: rem() * 0.78, hideOverlap: true, formatter: label } }),
        yAxis: { type: 'value', show: false, min: 0, max: 1 },
        dataZoom: [
          { type: 'slider', bottom: rem() * 0.2, height: rem() * 1.4, borderColor: color('line'), fillerColor: 'rgba(14,154,118,.14)', handleStyle: { color: color('accent') }, moveHandleSize: 4, textStyle: { color: color('muted'), fontSize: rem() * 0.72 }, labelFormatter: (ms) => moment(ms, 'UTC'), minValueSpan: 60_000, showDataShadow: false, brushSelect: false },
          { type: 'inside', zoomOnMouseWheel: 'ctrl', moveOnMouseMove: true, moveOnMouseWheel: false, minValueSpan: 60_000 },
        ],
        series: [
          ...STATES.map((s) => ({ type: 'bar', name: t(s), data: [], itemStyle: { color: color(s) } })),
          {
            type: 'custom', clip: true, encode: { x: [0, 1] }, data: rows.map((value, index) => ({ value, index })), progressive: 2000,
            renderItem: (params, api) => {
              const [x, y] = api.coord([api.value(0), 1]);
              const [x1, y1] = api.coord([api.value(1), 0]);
              const unknown = api.value(2) === 3;
              const shape = lib.graphic.clipRectByRect({ x, y: y + (unknown ? (y1 - y) * 0.3 : 0), width: Math.max(x1 - x, 0.6), height: (y1 - y) * (unknown ? 0.4 : 1) },
                { x: params.coordSys.x, y: params.coordSys.y, width: params.coordSys.width, height: params.coordSys.height });
              return shape && { type: 'rect', shape, style: { fill: fill[api.value(2)], opacity: unknown ? 0.7 : 1 } };
            },
          },
        ],
      };
    }, { cls: 'low timeline', say: summaryOf(items), zoom: () => box.classList.add('zoomed') });
    return h('div', { class: 'stack' }, box, h('details', {}, h('summary', {}, t('show_table')), segmentTable(ctx.id, items.slice(-2000).reverse(), tz)));
  });
}

/** Instants as a chart's axis takes them: by the zone's own clock, so that days begin at ticks. */
function zoned(tz, from, to) {
  const [a, b] = [offsetAt(from, tz), offsetAt(to, tz)];
  return a === b ? (ms) => ms + a : (ms) => ms + offsetAt(ms, tz);
}

function label(ms) {
  const midnight_ = ms % 86_400_000 === 0;
  return moment(ms, 'UTC', midnight_ ? { hour: undefined, minute: undefined } : { month: undefined, day: undefined });
}

const summaryOf = (items) => STATES.map((s) => `${t(s)} ${span(items.filter((x) => x.state === s).reduce((n, x) => n + x.seconds, 0))}`).join('; ');

// -- figures -----------------------------------------------------------------------------------

function figuresCard({ ctx, range, known }) {
  return card(ctx, { title: t('ratios'), cls: 'w5', every: 60_000 }, async ({ note }) => {
    const about = await known();
    const tz = about.timezone;
    const answer = await get(path(ctx, '/utilization'), { ...daysOf(range, tz), compare: compareOf(ctx) }, ctx.signal);
    const u = answer.total;
    const changes = { compared: answer.compared, difference: answer.difference };
    note(`${moment(answer.from, tz)} – ${moment(answer.to, tz)}${u.sufficient ? '' : ` · ${t('insufficient')}`}${answer.compared_window ? ` · ${againstText(answer)}` : ''}`);
    const row = (field) => ({ field, part: RATIOS[field][0], whole: RATIOS[field][1] });
    const rows = Object.keys(RATIOS).map(row);
    const value = (name) => (name === 'known_s' ? u.running_s + u.idle_s + u.off_s : name === 'powered_s' ? u.running_s + u.idle_s : u[name]);
    return h('div', { class: 'stack' },
      table({
        name: `ratios-${ctx.id}-${range}`, caption: t('ratios'), answer, rows, key: (r) => r.field, columns: [
          { key: 'field', label: t('metric'), value: (r) => t(r.field), raw: (r) => r.field },
          { key: 'value', label: '%', num: true, value: (r) => u[r.field], cell: (r) => fig(percent(u[r.field], 2), () => usageLines(u, r.field, answer), { 'data-value': r.field }), bar: (r) => u[r.field] ?? 0 },
          ...(answer.compared_window ? [{ key: 'compared', hidden: true, value: (r) => changes.compared?.[r.field] }, { key: 'change', csv: 'difference', label: t('difference'), num: true, value: (r) => changes.difference?.[r.field], cell: (r) => fig(signed(r.field, changes.difference?.[r.field]), () => changeLines(changes, r.field, answer), { 'data-value': `change-${r.field}` }) }] : []),
          { key: 'part', label: '÷', csv: 'numerator_s', raw: (r) => value(r.part), num: true, value: (r) => value(r.part), cell: (r) => `${hours(value(r.part), false)} ÷ ${hours(value(r.whole))}`, tip: (r) => usageLines(u, r.field, answer) },
          { key: 'denominator_s', hidden: true, value: (r) => value(r.whole) },
        ],
      }),
      u.counter_flag ? h('p', { class: 'warn' }, `${t('flag_counter_disagrees')}: ${hours(u.counter_running_s)} / ${hours(u.running_s)}`) : null,
      u.provisional ? h('p', { class: 'note' }, movesText(u, answer)) : null,
      h('div', { class: 'chips' }, h('button', { type: 'button', id: 'explain', on: { click: () => explain(ctx.id, answer, tz, { signal: ctx.signal }) } }, t('explain')),
        h('button', { type: 'button', class: 'quiet', id: 'raw', on: { click: () => raw(ctx.id, tz, ctx.signal) } }, t('raw'))));
  });
}

function dayCard({ ctx, range, known }) {
  return card(ctx, { title: t('by_day'), cls: 'w7', every: 300_000 }, async ({ note }) => {
    const about = await known();
    const tz = about.timezone;
    const bucket = daysIn(range) <= 1 ? 'hour' : daysIn(range) > 100 ? 'week' : 'day';
    const answer = await get(path(ctx, '/utilization'), { ...daysOf(range, tz), bucket, compare: compareOf(ctx) }, ctx.signal);
    const before = answer.compared?.buckets ?? [];
    const buckets = answer.buckets;
    note([`${moment(answer.from, tz)} – ${moment(answer.to, tz)}`, againstText(answer)].filter(Boolean).join(' · '));
    if (!buckets.length) return null;
    const name = (b) => (bucket === 'hour' ? moment(b.from, tz, { month: undefined, day: undefined }) : moment(b.from, tz, { hour: undefined, minute: undefined }));
    const box = chart(ctx, () => ({
      legend: legend({ data: [...STATES.map((s) => t(s)), ...(before.length ? [t(`pd_${answer.compare}`)] : [])] }),
      tooltip: { ...tipBase(), trigger: 'axis', axisPointer: { type: 'shadow' }, formatter: (items) => {
        const b = buckets[items[0].dataIndex];
        return bubble(name(b), ...STATES.map((s) => `${t(s)} ${hours(b[`${s}_s`])}`), `${t('utilization')} ${percent(b.utilization)} · ${t('coverage')} ${percent(b.coverage)}`, ...(before[items[0].dataIndex] ? [`${t(`pd_${answer.compare}`)}: ${t('running')} ${hours(before[items[0].dataIndex].running_s)}`] : []));
      } },
      xAxis: axis({ type: 'category', data: buckets.map(name), splitLine: { show: false } }),
      yAxis: axis({ type: 'value', max: bucket === 'day' ? 24 : undefined, interval: bucket === 'day' ? 6 : undefined, axisLabel: { color: color('muted'), fontSize: rem() * 0.78, formatter: (v) => `${v} h` } }),
      series: [
        ...STATES.map((s) => ({ name: t(s), type: 'bar', stack: 'all', data: buckets.map((b) => b[`${s}_s`] / 3600), color: color(s), barMaxWidth: rem() * 2 })),
        // Place by place: the first day beside the first day.
        ...(before.length ? [{ name: t(`pd_${answer.compare}`), type: 'line', step: 'middle', symbol: 'none', data: buckets.map((_, i) => (before[i] ? before[i].running_s / 3600 : null)), color: color('muted'), lineStyle: { type: 'dashed', width: rem() * 0.12 } }] : []),
      ],
    }), { cls: 'line', say: buckets.map((b) => `${name(b)}: ${hours(b.running_s)}`).join('; ') });
    const ratio = (f) => ({ key: f, label: t(f), num: true, value: (b) => b[f], cell: (b) => percent(b[f]), tip: (b) => usageLines(b, f, { from: b.from, to: b.to, tz }) });
    const seconds = (f) => ({ key: f, label: `${t(f)} (h)`, num: true, value: (b) => (b[f] === null ? null : b[f] / 3600), raw: (b) => b[f], cell: (b) => hours(b[f], false), tip: (b) => usageLines(b, f, { from: b.from, to: b.to, tz }) });
    return h('div', { class: 'stack' }, box, h('details', {}, h('summary', {}, t('show_table')), table({
      name: `by-${bucket}-${ctx.id}`, caption: t('by_day'), answer, rows: buckets, key: (b) => b.from, columns: [
        { key: 'from', label: t('from'), value: (b) => b.from, cell: (b) => fullMoment(b.from, tz) },
        ...['running_s', 'idle_s', 'off_s', 'unknown_s', 'effective_s', 'scheduled_s', 'rated_s', 'counter_running_s'].map(seconds),
        ...Object.keys(RATIOS).map(ratio),
      ] })));
  });
}

// -- power and sessions ------------------------------------------------------------------------

function powerCard({ ctx, known }) {
  return card(ctx, { title: t('power_curve'), note: t('power_window'), cls: 'w7', every: 60_000 }, async () => {
    const about = await known();
    const tz = about.timezone;
    const now = Date.now();
    // The newest rows are on the last page: days are asked for in parts, latest first.
    const items = [];
    for (let part = 0; part < 24 && items.length < 12_000; part += 4) {
      const found = await all(path(ctx, '/heartbeats'), { from: iso(now - (part + 4) * 3_600_000), to: iso(now - part * 3_600_000), limit: RAW_PAGE }, { most: 6000, signal: ctx.signal });
      items.unshift(...found.items);
    }
    const beats = items.filter((x) => x.power_w !== null && !x.stale_repeat);
    if (!beats.length) return null;
    const at = zoned(tz, now - 86_400_000, now);
    const data = [];
    beats.forEach((x, i) => {
      const here = at(Date.parse(x.corrected_ts));
      const before = i && at(Date.parse(beats[i - 1].corrected_ts));
      if (before && here - before > Math.max(900_000, (x.interval_s ?? 0) * 3000)) data.push([before + 1, null]);
      data.push([here, x.power_w]);
    });
    return chart(ctx, () => ({
      useUTC: true,
      grid: { left: 4, right: rem(), top: rem() * 0.8, bottom: 2, containLabel: true },
      tooltip: { ...tipBase(), trigger: 'axis', formatter: (points) => (points[0]?.value[1] == null ? '' : bubble(watts(points[0].value[1]), fullMoment(points[0].value[0], 'UTC'))) },
      xAxis: axis({ type: 'time', min: at(now - 86_400_000), max: at(now), splitLine: { show: false }, axisLabel: { color: color('muted'), fontSize: rem() * 0.78, hideOverlap: true, formatter: label } }),
      yAxis: axis({ type: 'value', splitNumber: 3, axisLabel: { color: color('muted'), fontSize: rem() * 0.78, formatter: (v) => watts(v) } }),
      series: [{ type: 'line', step: 'end', data, sampling: 'lttb', symbol: 'none', color: color('accent'), lineStyle: { width: rem() * 0.1 }, areaStyle: { opacity: 0.12 }, connectNulls: false }],
    }), { cls: 'line', say: `${t('power')}: ${watts(Math.min(...beats.map((x) => x.power_w)))} – ${watts(Math.max(...beats.map((x) => x.power_w)))}` });
  });
}

function sessionCard({ ctx, range, known }) {
  return card(ctx, { title: t('sessions'), cls: 'w5' }, async ({ note }) => {
    const tz = (await known()).timezone;
    const answer = await all(path(ctx, '/sessions'), { ...daysOf(range, tz), tz: undefined, limit: 10_000 }, { signal: ctx.signal });
    note(count(answer.items.length));
    if (!answer.items.length) return null;
    return table({
      name: `sessions-${ctx.id}`, caption: t('sessions'), answer, rows: answer.items.reverse(), columns: [
        { key: 'from', label: t('from'), value: (x) => x.from, cell: (x) => moment(x.from, tz) }, { key: 'to', label: t('to'), value: (x) => x.to, cell: (x) => moment(x.to, tz) },
        { key: 'seconds', label: t('length'), num: true, value: (x) => x.seconds, cell: (x) => span(x.seconds), tip: (x) => [t('sessions'), `${t('effective_s')} ${span(x.effective_s)}`, `${t('session_idle_s')} ${span(x.session_idle_s)}`, x.provisional && t('provisional')] },
        { key: 'effective_s', label: t('effective_s'), num: true, value: (x) => x.effective_s, cell: (x) => span(x.effective_s) },
      ],
    });
  });
}

// -- the year ----------------------------------------------------------------------------------

function calendarCard({ ctx, known }) {
  return card(ctx, { title: t('calendar_heat'), note: t('d365') }, async () => {
    const tz = (await known()).timezone;
    const now = Date.now();
    const answer = await get(path(ctx, '/utilization'), { from: iso(midnight(now, tz, -364)), to: iso(midnight(now, tz, 1)), tz, bucket: 'day' }, ctx.signal);
    const days = answer.buckets.filter((b) => b.coverage > 0);
    if (!days.length) return null;
    const by = new Map(days.map((b) => [localDate(Date.parse(b.from), tz), b]));
    const names = weekdays('narrow');
    return chart(ctx, () => ({
      tooltip: { ...tipBase(), formatter: (item) => { const b = by.get(item.value[0]); return b ? bubble(item.value[0], `${t('running')} ${hours(b.running_s)}`, `${t('utilization')} ${percent(b.utilization)}`, `${t('coverage')} ${percent(b.coverage)}`) : ''; } },
      visualMap: { min: 0, max: 24, orient: 'horizontal', right: 0, top: 0, itemWidth: rem() * 0.7, itemHeight: rem() * 7, text: ['24 h', '0 h'], textStyle: { color: color('muted'), fontSize: rem() * 0.75 }, inRange: { color: ramp() } },
      calendar: {
        left: rem() * 2, right: rem() * 0.5, top: rem() * 3.6, bottom: 4, range: [localDate(midnight(now, tz, -364), tz), localDate(now, tz)], cellSize: ['auto', 'auto'],
        itemStyle: { color: color('raised'), borderColor: color('panel'), borderWidth: 2 }, splitLine: { lineStyle: { color: color('line'), width: 1 } },
        dayLabel: { firstDay: 1, nameMap: [names[6], ...names.slice(0, 6)], color: color('muted'), fontSize: rem() * 0.7 },
        monthLabel: { color: color('muted'), fontSize: rem() * 0.75, formatter: (m) => (innerWidth < 640 && m.M % 3 !== 1 ? '' : `${m.yy}-${m.MM}`) }, yearLabel: { show: false },
      },
      series: [{ type: 'heatmap', coordinateSystem: 'calendar', data: [...by].map(([day, b]) => [day, b.running_s / 3600]) }],
    }), { cls: 'year', say: [...by].map(([day, b]) => `${day} ${hours(b.running_s)}`).join('; ') });
  });
}

// -- the record --------------------------------------------------------------------------------

function detailCard({ ctx, known }) {
  return card(ctx, { title: t('details'), cls: 'w8' }, async () => {
    const x = await known();
    const rows = [
      [t('id'), x.instrument_id], [t('institution'), x.institution_name], [t('district'), x.district_code && districtName(x.district_code)], [t('class'), x.class_code && `${className(x.class_code)} (${x.class_code})`],
      [t('gateway'), h('a', { href: href('gateway', {}, x.gateway_id) }, gatewayName(x.gateway_id))], [t('kind'), t(x.kind)], [t('model'), x.model], [t('manufacturer'), x.manufacturer], [t('device'), x.source && `${x.source.mapping} · ${x.source.device}${x.source.channel === null ? '' : ` · ${x.source.channel}`}`], ...Object.entries(x.external_ids ?? {}), [t('value'), money(x.value_cny)], [t('acquired'), x.acquired_on], [t('place'), x.lon !== null && `${x.lon}, ${x.lat}`], [t('zone'), x.timezone],
    ];
    return h('div', { class: 'halves' }, h('dl', { class: 'facts' }, rows.filter(([, v]) => v).flatMap(([k, v]) => [h('dt', {}, k), h('dd', {}, v)])),
      h('div', { class: 'stack' }, h('h3', {}, t('opening_hours')), openingHours(x.opening_hours ?? store.institutions.get(x.institution_id)?.opening_hours)));
  });
}

function openingHours(given) {
  if (!given) return h('p', { class: 'note' }, t('no_hours'));
  const names = weekdays('long');
  return h('dl', { class: 'facts' }, DAYS.flatMap((d, i) => [h('dt', {}, names[i]), h('dd', {}, (given[d] ?? []).map((r) => r.join('–')).join(', ') || t('closed'))]),
    given.holidays ? [h('dt', {}, t('holidays')), h('dd', {}, has(given.holidays) ? t(given.holidays) : given.holidays)] : null);
}

function maintenanceCard({ ctx, known }) {
  const whole = h('a', { class: 'more', href: href('maintenance', {}, ctx.id) }, t('maintenance_of'));
  return card(ctx, { title: t('maintenance'), cls: 'w4', actions: whole }, async () => {
    const tz = (await known()).timezone;
    const { items } = await get('maintenance', { instrument: ctx.id, limit: 200 }, ctx.signal);
    if (!items.length) return null;
    return table({ name: `maintenance-${ctx.id}`, caption: t('maintenance'), rows: items, columns: [
      { key: 'from', label: t('from'), value: (x) => x.starts_at ?? x.from, cell: (x) => moment(x.starts_at ?? x.from, tz) }, { key: 'to', label: t('to'), value: (x) => x.ends_at ?? x.to, cell: (x) => moment(x.ends_at ?? x.to, tz) }, { key: 'reason', label: t('reason'), value: (x) => x.reason },
    ] });
  });
}
