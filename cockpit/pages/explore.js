// Explore: groups of instruments ranked, as areas, or by the hour of the week; every view has
// its address.

import { all, get } from '../api.js';
import { followed } from '../booking/followed.js';
import { axis, bubble, chart, color, expectChart, ramp, rem } from '../charts.js';
import { card, choice, fig, h, icon, select, table } from '../dom.js';
import { count, hours, moment, money, percent, weekdays } from '../formats.js';
import { usageLines } from '../usage.js';
import { t } from '../words.js';
import { className, districtName, institutionName, store } from '../store.js';
import { againstText, bandChange, bandColumns, change, changeColumns, changeLines, changesFiled, compareOf, figureName, movesText, signed } from '../period/compare.js';
import { once } from '../once.js';
import { picker } from '../period/picker.js';
import { daysOf, rangeOr } from '../time.js';
import { pageTitle } from '../pages.js';
import { go, href } from '../route.js';

const GROUPS = ['district', 'institution', 'class_major', 'class', 'gateway', 'instrument'];
const NEXT = { district: 'institution', institution: 'instrument', class_major: 'class', class: 'instrument', gateway: 'instrument' };
const FILTERS = ['district', 'institution', 'class', 'gateway', 'kind'];
const SORTS = ['utilization', 'rated_utilization', 'scheduled_utilization', 'powered_utilization', 'calendar_utilization', 'mean_utilization', 'running_s', 'coverage', 'instruments'];
/** Whose falls are offered to be sorted by. */
const FALLS = ['running_s', 'utilization', 'rated_utilization', 'coverage'];
const BASES = ['rated', 'calendar', 'scheduled', 'powered', 'known'];
/** The ratio that each basis bands by. */
const BANDED = { rated: 'rated_utilization', calendar: 'calendar_utilization', scheduled: 'scheduled_utilization', powered: 'powered_utilization', known: 'utilization' };
/** Ratios that are shown by choice beside the one that is sorted by. */
const RATIO_COLUMNS = ['utilization', 'rated_utilization', 'scheduled_utilization', 'powered_utilization', 'calendar_utilization', 'mean_utilization'];
const PAGE = 100;
const TOGETHER = 5000; // ms in which the cards of a page are drawn
const TILES = 1000; // of a treemap; the rest is one tile
const LEGIBLE = 9; // square rem that a tile needs to have a word in it
const QUICK = 200; // tiles that are drawn with round corners and move

const NAMES = { district: districtName, institution: institutionName, class: className, kind: t };

/** What the address says is looked at. */
function seen(ctx) {
  const p = ctx.params;
  const tz = store.config.timezone;
  const by = GROUPS.includes(p.by) ? p.by : 'district';
  const range = rangeOr(p.range, 'd7');
  const compare = compareOf(ctx);
  // The field that is sorted by; by how much it fell, where it is held against another period.
  const sort = SORTS.find((field) => field === p.sort || `difference.${field}` === p.sort) ?? 'utilization';
  const falls = Boolean(compare) && p.sort === `difference.${sort}`;
  const basis = BASES.includes(p.basis) ? p.basis : 'rated';
  const view = ['ranking', 'treemap', 'heatmap'].includes(p.view) ? p.view : 'ranking';
  const least = p.min === undefined ? store.config.coverage_threshold : Math.min(1, Math.max(0, Number(p.min) || 0));
  const filters = Object.fromEntries(FILTERS.map((f) => [f, p[f]]).filter(([, v]) => v));
  const window_ = daysOf(range, tz);
  const nameOf = (g) => (g.key === null ? t('none') : NAMES[by === 'class_major' ? 'class' : by]?.(g.key) ?? g.name ?? g.key);
  const into = (g) => {
    if (g.key === null) return null;
    if (by === 'instrument') return href('instrument', {}, g.key);
    return href('explore', { ...p, by: NEXT[by], [by === 'class_major' ? 'class' : by]: g.key });
  };
  const chosen = new Set((p.cols ?? '').split(',').filter((name) => RATIO_COLUMNS.includes(name)));
  return { ctx, p, tz, by, range, sort, basis, view, least, compare, falls, filters, window_, nameOf, into, chosen };
}

/** What each view is drawn of. */
const ASKED = {
  ranking: groups,
  treemap: (c) => groups(c, { limit: TILES, sort: '-running_s' }),
  heatmap: (c) => get('profile', { ...c.window_, ...c.filters, compare: c.compare }, c.ctx.signal),
};

/** Asks while names are on their way, and so is what draws; for all cards that rest on it. */
export function prepare(ctx) {
  const c = seen(ctx);
  if (c.view !== 'ranking') expectChart();
  const ask = once(() => ASKED[c.view](c), TOGETHER);
  ask();
  return { ...c, ask };
}

export function page(ctx, c) {
  const { p, by, range, sort, basis, view, least, compare, falls } = c;
  return h('div', { class: 'page' },
    h('div', { class: 'page-head' }, h('h1', {}, pageTitle('explore')), h('span', { class: 'spacer' }),
      picker(ctx, range, { compare: true })),
    h('section', { class: 'card', 'aria-label': t('filters') },
      h('div', { class: 'fields' },
        select(t('group_by'), GROUPS.map((g) => [g, t(g)]), by, (v) => go({ by: v })),
        select(t('district'), [['', t('all')], ...[...store.districts.values()].map((d) => [d.district_code, districtName(d.district_code)])], p.district, (v) => go({ district: v })),
        select(t('class'), [['', t('all')], ...[...store.classes.values()].filter((x) => x.instruments).map((x) => [x.class_code, `${x.parent_code ? '\u2003' : ''}${className(x.class_code)}`])], p.class, (v) => go({ class: v })),
        select(t('kind'), [['', t('all')], ['general', t('general')], ['special', t('special')]], p.kind, (v) => go({ kind: v })),
        select(t('basis'), BASES.map((b) => [b, t(b)]), basis, (v) => go({ basis: v })),
        select(t('sort'), [...SORTS.map((s) => [s, figureName(s)]), ...(compare ? FALLS.map((s) => [`difference.${s}`, t('pd_falls', { name: figureName(s) })]) : [])], falls ? p.sort : sort, (v) => go({ sort: v })),
        select(t('min_coverage'), [0, 0.5, 0.8, 0.9, 0.95, 0.99].map((x) => [String(x), percent(x, 0)]), String(least), (v) => go({ min: v }))),
      chips(c), purchaseLink(c)),
    summary(c),
    h('div', { class: 'page-head' }, choice(t('view'), ['ranking', 'treemap', 'heatmap'].map((v) => [v, t(v)]), view, (v) => go({ view: v }))),
    view === 'ranking' ? ranking(c) : view === 'treemap' ? treemap(c) : heatmap(c));
}

/** Where the question is whether to buy another one of a class. */
const purchaseLink = ({ filters }) => (filters.class ? h('a', { class: 'more', 'data-purchase': filters.class, href: href('purchase', { class: filters.class, district: filters.district, institution: filters.institution }) }, pageTitle('purchase')) : null);

function chips({ p, filters }) {
  const found = Object.entries(filters);
  if (!found.length) return null;
  return h('div', { class: 'chips', vars: { 'margin-top': '0.75rem' } }, found.map(([name, value]) => {
    const text = `${t(name)}: ${NAMES[name]?.(value) ?? value}`;
    return h('button', { type: 'button', class: 'chip', 'aria-label': t('remove_filter', { name: text }), on: { click: () => { location.hash = href('explore', { ...p, [name]: undefined }); } } }, text, icon('x'));
  }));
}

async function groups(c, more = {}) {
  return get('utilization', {
    ...c.window_, ...c.filters, group_by: c.by, basis: c.basis, compare: c.compare, sort: c.falls ? `difference.${c.sort}` : `-${c.sort}`, limit: PAGE, ...more,
  }, c.ctx.signal);
}

function summary(c) {
  // Groups come with what they are together; alone it is asked for only where there are none, and to refresh it.
  let beside = c.view !== 'heatmap';
  return card(c.ctx, { title: t('all'), every: 60_000 }, async ({ note }) => {
    const answer = await (beside ? c.ask() : get('utilization', { ...c.window_, ...c.filters, basis: c.basis, compare: c.compare }, c.ctx.signal));
    beside = false;
    const u = answer.overall;
    note(`${t('n_instruments', { n: count(u.instruments) })} · ${[`${moment(answer.from, c.tz)} – ${moment(answer.to, c.tz)}`, againstText(answer), movesText(u, answer)].filter(Boolean).join(' · ')}`);
    if (!u.instruments) return null;
    const item = (label, text, field, name, differs = change(u, field, answer)) => h('div', {}, h('dt', {}, label), h('dd', {}, fig(text, () => usageLines(u, field, answer), { 'data-value': name ?? field }), differs));
    return h('div', { class: 'now wide' }, h('dl', {},
      item(t('machine_hours'), hours(u.running_s), 'running_s'), item(t('utilization'), percent(u.utilization), 'utilization'),
      item(t('rated_utilization'), percent(u.rated_utilization), 'rated_utilization'), item(t('scheduled_utilization'), percent(u.scheduled_utilization), 'scheduled_utilization'),
      item(t('powered_utilization'), percent(u.powered_utilization), 'powered_utilization'), item(t('mean_utilization'), percent(u.mean_utilization), 'mean_utilization'),
      ...u.bands.map((b) => item(t('band_above', { p: percent(b.above, 0) }), percent(b.share), BANDED[c.basis], `band-${b.above}`, bandChange(u, b, answer))),
      item(t('coverage'), percent(u.coverage), 'coverage')));
  });
}

/** How many groups have too little coverage, in all and not on this page alone. */
async function weakOnes(c, answer) {
  const weak = (list) => list.filter((g) => (g.coverage ?? 0) < c.least).length;
  if (!answer.next_cursor) return weak(answer.groups);
  if (c.by === 'instrument') {
    // A city's instruments are not read page by page: by the service's own bar it has counted them.
    const { overall } = answer;
    return c.least === store.config.coverage_threshold ? overall.instruments - overall.sufficient_instruments : null;
  }
  let found = 0;
  for (let cursor; ;) {
    const next = await groups(c, { limit: 1000, cursor });
    found += weak(next.groups);
    cursor = next.next_cursor;
    if (!cursor) return found;
  }
}

/** Which ratios stand beside hours, coverage and bands; kept in the address. */
function columnChoice(c) {
  const box = (name) => h('label', { class: 'check' }, h('input', {
    type: 'checkbox', name, checked: c.chosen.has(name) || name === c.sort, disabled: name === c.sort,
    on: { change: (event) => {
      if (event.target.checked) c.chosen.add(name); else c.chosen.delete(name);
      go({ cols: [...c.chosen].join(',') || undefined });
    } },
  }), t(name));
  return h('details', { class: 'columns', open: c.chosen.size > 0 }, h('summary', {}, t('more_figures')),
    h('fieldset', {}, h('legend', { class: 'hidden' }, t('columns')),
      RATIO_COLUMNS.filter((name) => c.by !== 'instrument' || name !== 'mean_utilization').map(box)));
}

function ranking(c) {
  let rows = [];
  let cursor;
  const now = c.by === 'instrument' ? followed(c.ctx) : null;
  return card(c.ctx, { title: `${t('ranking')} · ${t(c.by)}`, actions: columnChoice(c) }, async ({ note }) => {
    const answer = await c.ask();
    rows = answer.groups;
    cursor = answer.next_cursor;
    const holder = h('div', { class: 'stack' });
    const draw = () => {
      const ranked = rows.filter((g) => (g.coverage ?? 0) >= c.least);
      const rest = rows.filter((g) => (g.coverage ?? 0) < c.least);
      const place = new Map(ranked.map((g, i) => [g, i + 1]));
      const top = Math.max(...ranked.map((g) => g[c.sort] ?? 0), 0);
      const ratio = (field) => ({ key: field, label: t(field), num: true, value: (g) => g[field], cell: (g) => percent(g[field]), bar: field === c.sort ? (g) => g[field] / (top || 1) : undefined, over: (g) => g[field] > 1, tip: (g) => usageLines(g, field, answer) });
      const shown = [...new Set([c.sort, 'running_s'])].filter((field) => field !== 'instruments');
      const filed = [...c.chosen, 'coverage'].filter((field) => !shown.includes(field));
      const columns = [
        { key: 'place', label: '#', num: true, value: (g) => place.get(g) ?? null, cell: (g) => (place.get(g) ? count(place.get(g)) : '–') },
        { key: 'name', label: t(c.by), value: (g) => c.nameOf(g), cell: (g) => (c.into(g) ? h('a', { href: c.into(g), 'data-key': g.key }, c.nameOf(g)) : c.nameOf(g)) },
        { key: 'key', label: t('id'), minor: true, value: (g) => g.key, cell: (g) => g.key ?? '–' },
        ...(now ? [now.column] : [{ key: 'instruments', label: t('instruments'), num: true, value: (g) => g.instruments, cell: (g) => count(g.instruments), tip: (g) => [t('instruments'), t('of_n', { k: count(g.sufficient_instruments), n: count(g.instruments), m: count(g.never_seen_instruments) })] }]),
        { key: 'running_s', label: `${t('machine_hours')} (h)`, num: true, value: (g) => g.running_s / 3600, raw: (g) => g.running_s, cell: (g) => hours(g.running_s, false), bar: c.sort === 'running_s' ? (g) => g.running_s / (top || 1) : undefined, tip: (g) => usageLines(g, 'running_s', answer) },
        ...RATIO_COLUMNS.filter((name) => name === c.sort || c.chosen.has(name)).map((name) => (name === 'mean_utilization'
          ? { ...ratio(name), tip: (g) => [t('mean_utilization'), t('mean_note', { n: count(g.averaged_instruments) }), ...usageLines(g, 'utilization', answer)] } : ratio(name))),
        ...(c.compare ? [...shown.flatMap((field) => changeColumns(field, answer)), ...changesFiled(filed, answer)] : []),
        ratio('coverage'),
        ...(c.by === 'instrument' ? [] : [
          ...[0, 1].map((i) => ({ key: `band${i}`, csv: `share_above_${rows[0]?.bands[i].above}`, label: `> ${percent(rows[0]?.bands[i].above, 0)}`, num: true, value: (g) => g.bands[i].share, cell: (g) => percent(g.bands[i].share), tip: (g) => [`${t('band_above', { p: percent(g.bands[i].above, 0) })} (${t(c.basis)})`, `${percent(g.bands[i].share, 2)} = ${count(g.bands[i].instruments)} ÷ ${count(g.banded_instruments)}`, ...usageLines(g, BANDED[c.basis], answer)] })),
          ...(c.compare ? [0, 1].flatMap((i) => bandColumns(i, rows[0]?.bands[i].above)) : [])]),
      ];
      const made = table({ name: `${c.by}-${c.range}`, caption: t('ranking'), answer, cards: true, entire: true, columns, rows: [...ranked, ...rest], mark: (g) => (place.has(g) ? null : 'weak') });
      now?.follow([...ranked, ...rest].map((g) => g.key), made.refresh);
      holder.replaceChildren(
        made,
        cursor ? h('button', { type: 'button', 'data-more': 'utilization', on: { click: async () => {
          const next = await groups(c, { cursor });
          rows = [...rows, ...next.groups];
          cursor = next.next_cursor;
          draw();
        } } }, t('more')) : '');
    };
    if (!rows.length) return null;
    draw();
    weakOnes(c, answer).then((n) => note(n === 0 ? '' : n === null ? t('below_shown', { n: count(rows.filter((g) => (g.coverage ?? 0) < c.least).length), all: count(rows.length) }) : t('below_coverage', { n: count(n) }))).catch(() => {});
    return holder;
  });
}

function treemap(c) {
  const size = c.p.size === 'value' ? 'value' : 'hours';
  const pick = choice(t('size'), [['hours', t('by_hours')], ['value', t('by_value')]], size, (v) => go({ size: v }));
  return card(c.ctx, { title: `${t('treemap')} · ${t(c.by)}`, actions: pick }, async ({ note }) => {
    const byValue = size === 'value';
    const asked = [c.ask()];
    if (byValue) asked.push(get('status/summary', { ...c.filters, group_by: c.by === 'instrument' ? undefined : c.by }, c.ctx.signal));
    if (byValue && c.by === 'instrument') asked.push(all('instruments', c.filters, { most: TILES, signal: c.ctx.signal }));
    const [answer, values, list] = await Promise.all(asked);
    const worth = new Map((values?.groups ?? []).map((g) => [g.key, g.value_cny]));
    for (const i of list?.items ?? []) worth.set(i.instrument_id, i.value_cny);
    const rows = answer.groups.map((g) => ({ g, size: byValue ? worth.get(g.key) ?? 0 : g.running_s / 3600 })).filter((x) => x.size > 0);
    if (!rows.length) return null;
    // What does not fit is one tile: the whole less what is shown, so that the areas add up.
    const shown = rows.reduce((sum, x) => sum + x.size, 0);
    const rest = (byValue ? values.overall.value_cny : answer.overall.running_s / 3600) - shown;
    const more = answer.next_cursor && rest > 0 ? answer.overall.instruments : 0;
    note(`${moment(answer.from, c.tz)} – ${moment(answer.to, c.tz)} · ${t('utilization')}${more ? ` · ${t('tiles_shown', { n: count(rows.length) })}` : ''}`);
    const top = Math.max(0.05, ...rows.map(({ g }) => g.utilization ?? 0));
    const dark = () => document.documentElement.dataset.theme === 'dark';
    const say = rows.map(({ g, size: s }) => `${c.nameOf(g)} ${size === 'value' ? money(s) : hours(g.running_s)} ${percent(g.utilization)}`).join('; ');
    const written = (s) => (byValue ? money(s) : hours(s * 3600));
    // Data is copied with all that is in it, so a tile has its row's number.
    const rowOf = (item) => rows[item.data?.row];
    const told = (item) => {
      const x = rowOf(item);
      if (!x) return item.data ? bubble(item.name, written(item.value), t('tiles_shown', { n: count(rows.length) })) : '';
      return bubble(item.name, byValue ? `${t('value')} ${money(x.size)}` : '', ...usageLines(x.g, 'utilization', answer), hours(x.g.running_s), ...(answer.compared_window ? changeLines(x.g, 'running_s', answer).slice(0, 2) : []));
    };
    const option = () => {
      const [colors, ink] = [ramp(), color('ink')];
      // What has no room for a word is drawn without one: of a thousand tiles most are.
      const readable = LEGIBLE * rem() ** 2 * (shown + (more ? rest : 0)) / (box.clientWidth * box.clientHeight);
      const many = rows.length > QUICK;
      const tile = ({ g, size: s }, row) => {
        const share = (g.utilization ?? 0) / top;
        const full = dark() ? share > 0.62 : share >= 0.62;
        return {
          name: c.nameOf(g), value: s, row, itemStyle: { color: colors[Math.min(4, Math.max(0, Math.round(share * 4)))] },
          label: s < readable ? { show: false } : { color: full ? (dark() ? '#05211a' : '#ffffff') : ink },
        };
      };
      return {
        ...(many ? { animation: false } : {}),
        tooltip: { className: 'chart-bubble', confine: true, appendTo: document.body, borderWidth: 0, padding: 0, backgroundColor: 'transparent', formatter: told },
        series: [{
          type: 'treemap', roam: false, nodeClick: false, breadcrumb: { show: false }, left: 0, right: 0, top: 0, bottom: 0,
          itemStyle: { borderColor: color('panel'), gapWidth: many ? 1 : 2, borderWidth: 0, borderRadius: many ? 0 : 4 },
          label: { fontSize: rem() * 0.85, lineHeight: rem() * 1.2, formatter: (item) => [item.name, written(item.value), ...(rowOf(item) ? [percent(rowOf(item).g.utilization)] : [])].join('\n') },
          data: [...rows.map(tile), ...(more ? [{ name: t('others'), value: rest, itemStyle: { color: color('line') }, label: { color: ink } }] : [])],
        }],
      };
    };
    const box = chart(c.ctx, option, { cls: 'tall', say, click: (item) => { const x = rowOf(item); const to = x && c.into(x.g); if (to) location.hash = to; } });
    return box;
  });
}

function heatmap(c) {
  const differs = Boolean(c.compare) && c.p.heat === 'change';
  const pick = c.compare ? choice(t('heatmap'), [['', t('running_share')], ['change', t('pd_change', { name: t('running_share') })]], differs ? 'change' : '', (v) => go({ heat: v || undefined })) : null;
  return card(c.ctx, { title: t('heatmap'), note: t('heat_note'), actions: pick }, async ({ note }) => {
    const answer = await c.ask();
    note([t('heat_note'), t('n_instruments', { n: count(answer.instruments) }), `${moment(answer.from, c.tz)} – ${moment(answer.to, c.tz)}`, againstText({ tz: c.tz, ...answer })].filter(Boolean).join(' · '));
    const cells = answer.items;
    if (!cells.some((x) => x.running_share !== null)) return null;
    const value = (x) => (differs ? x.difference.running_share : x.running_share);
    const write = (x, digits) => (differs ? signed('running_share', x) : percent(x, digits));
    const top = Math.max(0.05, ...cells.map((x) => Math.abs(value(x) ?? 0)));
    const days = weekdays();
    const hour = (x) => `${days[x.weekday - 1]} ${String(x.hour).padStart(2, '0')}:00`;
    const made = (x) => `${percent(x.running_share, 2)} = ${hours(x.running_s)} ÷ ${hours(x.running_s + x.idle_s + x.off_s)}`;
    const changed = (x) => (x.compared ? [`${t('pd_change', { name: t('running_share') })} ${signed('running_share', x.difference.running_share)}`, x.compared.running_share === null ? t('pd_new') : t('pd_was', { x: made(x.compared) })] : []);
    const at = new Map(cells.map((x) => [`${x.weekday - 1},${x.hour}`, x]));
    const box = chart(c.ctx, () => ({
      grid: { left: 4, right: 8, top: 8, bottom: rem() * 3.2, containLabel: true },
      tooltip: { className: 'chart-bubble', confine: true, appendTo: document.body, borderWidth: 0, padding: 0, backgroundColor: 'transparent', formatter: (item) => {
        const x = at.get(`${item.value[1]},${item.value[0]}`);
        return bubble(hour(x), `${t('running_share')} ${made(x)}`, ...changed(x));
      } },
      xAxis: axis({ type: 'category', data: [...Array(24).keys()].map((x) => String(x).padStart(2, '0')), splitLine: { show: false } }),
      yAxis: axis({ type: 'category', data: days, inverse: true, splitLine: { show: false } }),
      visualMap: { min: differs ? -top : 0, max: top, calculable: false, orient: 'horizontal', left: 'center', bottom: 0, itemWidth: rem() * 0.7, itemHeight: rem() * 8, text: [write(top, 0), write(differs ? -top : 0, 0)], textStyle: { color: color('muted'), fontSize: rem() * 0.78 }, inRange: { color: differs ? [color('offline'), color('ramp-0'), color('running')] : ramp() } },
      series: [{ type: 'heatmap', data: cells.filter((x) => value(x) !== null).map((x) => [x.hour, x.weekday - 1, value(x)]), itemStyle: { borderColor: color('panel'), borderWidth: 2, borderRadius: 4 }, emphasis: { itemStyle: { borderColor: color('ink') } } }],
    }), { cls: 'tall', say: t('heat_note') });
    return h('div', { class: 'stack' }, box, h('details', {}, h('summary', {}, t('show_table')), table({
      name: 'week', caption: t('heatmap'), answer, rows: cells, columns: [
        { key: 'weekday', label: t('day'), value: (x) => x.weekday, cell: (x) => days[x.weekday - 1] }, { key: 'hour', label: 'h', num: true, value: (x) => x.hour },
        { key: 'running_share', label: t('running_share'), num: true, value: (x) => x.running_share, cell: (x) => percent(x.running_share, 2), tip: (x) => [hour(x), made(x), `${moment(answer.from, c.tz)} – ${moment(answer.to, c.tz)}`] },
        { key: 'running_s', label: `${t('machine_hours')} (h)`, num: true, value: (x) => x.running_s / 3600, raw: (x) => x.running_s, cell: (x) => hours(x.running_s, false) },
        ...(c.compare ? ['running_share', 'running_s'].flatMap((field) => [
          { key: `compared_${field}`, hidden: true, value: (x) => x.compared[field] },
          { key: `difference_${field}`, label: t('pd_change', { name: figureName(field) }), num: true, value: (x) => x.difference[field], cell: (x) => signed(field, x.difference[field]), tip: (x) => [hour(x), made(x), ...changed(x)] }]) : []),
      ] })));
  });
}
