// Charts in the page's colours, sized with their box, redrawn with the theme, said in words.
// Tooltips are built as elements: the security policy forbids styles in markup.

import { frameShown, h } from './dom.js';

let loading;
const echarts = () => (loading ??= import('./vendor/echarts.js'));
/** Where a chart is what one came for, its library is read while figures are awaited; a chart says itself that it cannot. */
export const expectChart = () => { echarts().catch(() => { loading = undefined; }); };

export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
export const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize);
export const STATES = ['running', 'idle', 'off', 'unknown'];

const redraw = new Set();
let still = false;
let redrawing; // the latest of those that draw all
/**
 * All charts anew, in the theme of now; `atOnce` in one go and without movement, for paper. Else one after each frame,
 * those in sight first: the page is seen in its theme, and a press is answered, before all of them are drawn.
 */
export async function redrawAll(atOnce = false) {
  still = atOnce;
  const mine = redrawing = Symbol('redraw');
  if (atOnce) {
    for (const { again } of redraw) again();
    return;
  }
  const inSight = ({ box }) => {
    const { top, bottom } = box.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  };
  // The page is rastered in its new colours while two more frames are made: charts would keep it waiting.
  for (let frames = 0; frames < 3; frames += 1) await frameShown();
  const [near, far] = [[], []];
  for (const one of redraw) (inSight(one) ? near : far).push(one);
  for (const one of [...near, ...far]) {
    if (mine !== redrawing) return;
    if (!redraw.has(one)) continue; // it has gone meanwhile
    one.again();
    await frameShown();
  }
}

export function bubble(title, ...lines) {
  return h('div', { class: 'chart-tip' }, h('strong', {}, title), lines.flat().filter(Boolean).map((line) => h('div', {}, line)));
}

/** What all charts have. */
export function base() {
  const size = rem() * 0.8;
  return {
    animationDuration: 350, animationDurationUpdate: 500,
    animation: !still && !matchMedia('(prefers-reduced-motion: reduce)').matches,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: color('muted'), fontSize: size },
    grid: { left: 8, right: 12, top: rem() * 2, bottom: 4, containLabel: true },
    tooltip: {
      className: 'chart-bubble', confine: true, appendTo: document.body, borderWidth: 0, padding: 0,
      backgroundColor: 'transparent', transitionDuration: 0, extraCssText: '',
    },
  };
}
export const axis = (more = {}) => ({
  axisLine: { lineStyle: { color: color('line') } }, axisTick: { show: false },
  axisLabel: { color: color('muted'), fontSize: rem() * 0.78, hideOverlap: true },
  splitLine: { lineStyle: { color: color('line') } },
  nameTextStyle: { color: color('muted'), fontSize: rem() * 0.78 },
  ...more,
});
export const legend = (more = {}) => ({
  top: 0, left: 0, itemWidth: rem() * 0.8, itemHeight: rem() * 0.6, icon: 'roundRect',
  textStyle: { color: color('ink-2'), fontSize: rem() * 0.8 }, ...more,
});

/** A ramp from pale to full, for maps and heat maps. */
export const ramp = () => ['ramp-0', 'ramp-1', 'ramp-2', 'ramp-3', 'ramp-4'].map(color);

/**
 * A chart in a box.
 * option(echarts) is asked for again whenever the theme changes; `say` is its text alternative.
 * @param {any} ctx @param {(lib?: any) => object} option
 * @param {{cls?: string, say?: string, click?: (item: any) => void, zoom?: () => void, ready?: (made: any) => void}} options
 * @returns {any}
 */
export function chart(ctx, option, { cls = '', say = '', click, zoom, ready } = {}) {
  const box = h('div', { class: `chart ${cls}`, role: 'img', 'aria-label': say });
  let made;
  let wanted = option;
  const draw = async (fresh = false) => {
    const lib = await echarts();
    if (ctx.signal.aborted) return;
    if (!made) {
      if (!box.clientWidth) return;
      made = lib.init(box, null, { renderer: 'canvas' });
      // Held from here on: one that no card took would hold all that it was to stand in, until the page is left.
      redraw.add(own);
      stay = ctx.onEnd(end);
      if (click) made.on('click', click);
      if (zoom) made.on('datazoom', zoom);
      ready?.(made);
    }
    made.setOption({ ...base(), ...wanted(lib) }, { notMerge: fresh, lazyUpdate: false });
    if (still) made.getZr().flush();
  };
  const own = { box, again: () => draw(true) };
  let stay;
  const end = () => {
    redraw.delete(own);
    watch.disconnect();
    made.dispose();
    stay();
  };
  const watch = new ResizeObserver(() => {
    // A card that was read anew has another chart: this one would hold all that it stood in.
    if (made && !box.isConnected) end();
    else if (made) made.resize();
    else draw(true);
  });
  watch.observe(box);
  /** Draw with new data; what is on the screen moves there. */
  box.update = (next, words) => {
    wanted = next ?? wanted;
    if (words) box.setAttribute('aria-label', words);
    if (made) draw();
  };
  box.chart = () => made;
  return box;
}
