// Coverage of sensors: listed, fitted, speaking, with the target and its history; and by district,
// institution or class, each opened from the one above it.

import { get } from '../api.js';
import { axis, bubble, chart, color, legend, rem } from '../charts.js';
import { card, choice, fig, h, table } from '../dom.js';
import { count, fullMoment, moment, percent } from '../formats.js';
import { go, href } from '../route.js';
import { className, districtName, institutionName, loadNames, store } from '../store.js';
import { localDate, monthStart } from '../time.js';
import { t } from '../words.js';
import './words.js';

const EVERY = 300_000; // ms
const MONTHS = 24;
const BY = ['district', 'institution', 'class_major'];
const KINDS = ['listed', 'fitted', 'speaking'];
const COLORS = { listed: 'ramp-1', fitted: 'idle', speaking: 'running' };

const named = { district: districtName, institution: institutionName, class: className, class_major: className };
const nameOf = (by, key) => (key === null ? t('none') : named[by](key));

/** What lies below a group: how it is divided, and what is asked of it. */
const below = { district: ['institution', 'district'], class_major: ['class', 'class'] };

export function sensorsCard(ctx) {
  let by = BY.includes(ctx.params.sensors_by) ? ctx.params.sensors_by : 'district';
  let within = null; // the group that is opened: [by, key]
  const tools = h('div', { class: 'card-tools' });
  const drawTools = () => tools.replaceChildren(...(within
    ? [h('button', { type: 'button', on: { click: () => open(within[0], null) } }, t('sensors_all')), h('b', {}, nameOf(...within))]
    : [choice(t('sensors_by'), BY.map((one) => [one, t(one)]), by, (one) => open(one, null))]));
  const open = (one, key) => {
    by = one;
    within = key === null ? null : [one, key];
    go({ sensors_by: one === 'district' ? undefined : one }, { quiet: true });
    drawTools();
    el.reload().then(() => key !== null && tools.querySelector('button')?.focus());
  };
  drawTools();
  const el = card(ctx, { title: t('sensors'), every: EVERY, cls: 'w12 full', shape: 'rows', actions: tools }, async ({ note }) => {
    const tz = store.config.timezone;
    const asked = within ? { [below[within[0]][1]]: within[1] } : {};
    const grouped = within ? below[within[0]][0] : by;
    const from = localDate(monthStart(Date.now(), tz, 1 - MONTHS), tz);
    const to = localDate(Date.now() + 86_400_000, tz);
    const [now, history] = await Promise.all([
      get('coverage/sensors', { ...asked, group_by: grouped, limit: 1000 }, ctx.signal),
      get('coverage/sensors/history', { ...asked, from, to }, ctx.signal),
      loadNames(grouped === 'institution' ? ['institutions'] : ['classes']),
    ]);
    note(t('sensors_note', { n: count(now.within_days) }));
    return h('div', { class: 'sensors' }, figures(now, tz, within === null), historyChart(ctx, history, tz), groups(now, grouped));
  });
  /** A group by name: one that can be opened is a button. */
  const opener = (g, grouped) => {
    const name = nameOf(grouped, g.key);
    if (g.key === null) return name;
    if (grouped in below) return h('button', { type: 'button', class: 'link', 'data-open': g.key, on: { click: () => open(grouped, g.key) } }, name);
    return h('a', { href: href('explore', { by: 'instrument', [grouped]: g.key }) }, name);
  };
  const groups = (now, grouped) => table({
    name: 'sensors', caption: t('sensors'), answer: now, rows: now.groups, key: (g) => `${grouped} ${g.key}`, sort: { key: 'listed', down: true },
    columns: [
      { key: 'key', label: t(grouped), value: (g) => nameOf(grouped, g.key), raw: (g) => g.key, cell: (g) => opener(g, grouped) },
      ...KINDS.map((kind) => ({ key: kind, label: t(`sensors_${kind}`), num: true, value: (g) => g[kind], cell: (g) => count(g[kind]) })),
      { key: 'speaking_share', label: t('sensors_share'), num: true, value: (g) => g.speaking_share, cell: (g) => percent(g.speaking_share), bar: (g) => g.speaking_share, tip: (g) => [nameOf(grouped, g.key), `${percent(g.speaking_share, 2)} = ${count(g.speaking)} ÷ ${count(g.listed)}`] },
    ],
  });
  return el;
}

/** The three numbers; the target is the whole city's. */
function figures(now, tz, whole) {
  const o = now.overall;
  const lines = (kind) => () => [t(`sensors_${kind}`), t(`sensors_${kind}_is`, { n: count(now.within_days) }),
    kind === 'listed' ? null : `${percent(o[`${kind}_share`], 2)} = ${count(o[kind])} ÷ ${count(o.listed)}`, t('as_of', { time: fullMoment(now.as_of, tz) })];
  const goal = whole ? now.target_share : null;
  const short = goal === null ? 0 : Math.ceil(goal * o.listed - 1e-9) - o.speaking;
  return h('div', { class: 'bands' }, KINDS.map((kind) => h('div', { class: 'band' }, h('span', {}, t(`sensors_${kind}`)),
    h('b', {}, fig(count(o[kind]), lines(kind), { 'data-value': `sensors-${kind}` })),
    h('div', { class: 'track', 'aria-hidden': 'true' }, h('i', { vars: { '--w': `${(o.listed ? o[kind] / o.listed : 0) * 100}%` } }), kind === 'speaking' && goal !== null ? h('em', { vars: { '--w': `${goal * 100}%` } }) : null),
    kind === 'listed' ? null : h('span', { class: 'goal' }, h('span', {}, percent(o[`${kind}_share`])),
      kind === 'speaking' && goal !== null ? h('span', { 'data-value': 'sensors-goal' }, t(short > 0 ? 'sensors_goal' : 'sensors_met', { p: percent(goal), n: count(short) })) : null))));
}

function historyChart(ctx, history, tz) {
  const points = history.items;
  const name = (p) => moment(`${p.on}T12:00:00Z`, tz, { year: '2-digit', day: undefined, hour: undefined, minute: undefined });
  const lineOf = (p) => KINDS.map((kind) => `${t(`sensors_${kind}`)} ${count(p[kind])}`);
  const goals = points.map((p) => (p.target_share === null ? null : Math.round(p.target_share * p.listed)));
  const hasGoal = goals.some((goal) => goal !== null);
  return chart(ctx, () => ({
    legend: legend({ data: [...KINDS.map((kind) => t(`sensors_${kind}`)), ...(hasGoal ? [t('sensors_target')] : [])] }),
    grid: { left: 4, right: 8, top: rem() * 2.2, bottom: 2, containLabel: true },
    tooltip: { className: 'chart-bubble', confine: true, appendTo: document.body, borderWidth: 0, padding: 0, backgroundColor: 'transparent', trigger: 'axis', formatter: (items) => {
      const p = points[items[0].dataIndex];
      return bubble(p.on, ...lineOf(p), p.speaking_share === null ? '' : `${t('sensors_share')} ${percent(p.speaking_share, 2)}`);
    } },
    xAxis: axis({ type: 'category', data: points.map(name), splitLine: { show: false } }),
    yAxis: axis({ type: 'value', min: 0, minInterval: 1, splitNumber: 3, axisLabel: { color: color('muted'), fontSize: rem() * 0.75, formatter: (v) => count(v) } }),
    series: [...KINDS.map((kind) => ({ name: t(`sensors_${kind}`), type: 'line', step: kind === 'listed' ? 'end' : false, symbol: 'none', data: points.map((p) => p[kind]), color: color(COLORS[kind]), lineStyle: { width: rem() * 0.14 }, areaStyle: kind === 'speaking' ? { opacity: 0.16 } : undefined })),
      ...(hasGoal ? [{ name: t('sensors_target'), type: 'line', symbol: 'none', connectNulls: false, data: goals, color: color('muted'), lineStyle: { type: 'dashed', width: rem() * 0.09 } }] : [])],
  }), { cls: 'line', say: points.map((p) => `${name(p)}: ${lineOf(p).join(', ')}`).join('; ') });
}
