// The map of the districts, drawn as SVG: shaded by a figure, institutions as bubbles, zoom, and
// the keyboard. It needs nothing but its outlines, so it stands before any chart does. Outlines
// and projections of points are in geo.js; what the figures are is the page's affair.

import { drawOn, h, hideTip, tips } from './dom.js';
import { rings, seed } from './geo.js';

const WIDE = 1000; // units across the whole map
const CLOSE = 14; // the most that can be zoomed in
const SMALL = 0.17; // districts below this share of the map's height go into the inset
const BUBBLES_FROM = 1.9; // zoom from which institutions are shown anyway
const PORTION = 200; // bubbles from one frame to the next, the largest first

/**
 * A map. Its element has `draw()`, to be called when figures have changed, and `focusOn(code)`.
 * features: GeoJSON features, matched to districts by `id`, `properties.adcode` or name.
 * districts: Map by code of {name, lon, lat}. turn(lon, lat): into the outlines' datum.
 * shade(code), shadeOf(id): 0 to 1 or null. words(code): [name, value] as written on it.
 * lines(code), linesOf(id): what stands behind it. houses(): [{id, code, lon, lat, n}].
 * pick(code or null), open(id): what was chosen.
 */
export function cityMap(ctx, { features, districts, tiled, turn, shade, shadeOf, words, lines, linesOf, houses, shows, pick, open, label }) {
  const codes = new Map([...districts.values()].map((d) => [d.name, d.district_code]));
  const shapes = features.map((feature) => ({
    code: [feature.id, feature.properties.adcode, feature.properties.code].map(String).find((id) => districts.has(id)) ?? codes.get(feature.properties.name) ?? null,
    rings: rings(feature),
  }));
  const all = shapes.flatMap((shape) => shape.rings.flat());
  const [west, east] = [Math.min(...all.map((p) => p[0])), Math.max(...all.map((p) => p[0]))];
  const [south, north] = [Math.min(...all.map((p) => p[1])), Math.max(...all.map((p) => p[1]))];
  // A degree of longitude is as long as the latitude has it; tiles are squares as they are.
  const flat = tiled ? 1 : Math.cos((south + north) / 2 * Math.PI / 180);
  const scale = WIDE / ((east - west) * flat);
  const project = ([lon, lat]) => [(lon - west) * flat * scale, (north - lat) * scale];
  const tall = (north - south) * scale;
  for (const shape of shapes) {
    const points = shape.rings.map((ring) => ring.map(project));
    shape.path = points.map((ring) => `M${ring.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join('L')}Z`).join('');
    shape.box = boxOf(points.flat());
  }
  const boxes = new Map();
  for (const shape of shapes) if (shape.code) boxes.set(shape.code, shape.box);
  const inner = tiled ? [] : shapes.filter((s) => s.code && Math.max(s.box.width, s.box.height) < SMALL * tall);
  const seat = (code) => {
    const d = districts.get(code);
    const box = boxes.get(code);
    if (tiled) return box && [box.x + box.width / 2, box.y + box.height * 0.2];
    if (!d || d.lon == null) return box && [box.x + box.width / 2, box.y + box.height / 2];
    return project(turn(d.lon, d.lat));
  };

  const parts = new Map(); // code: its elements, in the map and in the inset
  const also = (code, el) => parts.set(code, [...(parts.get(code) ?? []), el]);
  const land = (small) => shapes.filter((s) => !small || s.code).map((shape) => {
    // In the inset the others are there to show where it lies.
    const el = h('path', { d: shape.path, class: small && !small.includes(shape) ? 'd context' : 'd', 'data-code': shape.code });
    if (shape.code) also(shape.code, el);
    return el;
  });
  const tags = new Map();
  const tag = (code, at) => {
    const name = h('tspan', { x: 0, dy: 0 });
    const value = h('tspan', { x: 0, dy: '1.15em', class: 'v' });
    const el = h('text', { class: 'tag', 'data-code': code, 'aria-hidden': 'true' }, name, value);
    tags.set(code, [...(tags.get(code) ?? []), { el, name, value, at }]);
    return el;
  };

  const isInner = new Set(inner.map((s) => s.code));
  const bubbles = h('g', { class: 'houses' });
  const main = h('svg', { class: 'view', role: 'group', 'aria-label': label(), preserveAspectRatio: 'xMidYMid meet' },
    h('g', { class: 'land' }, land(null)));
  for (const shape of shapes) {
    if (!shape.code) continue;
    const [el] = parts.get(shape.code);
    el.setAttribute('tabindex', '0');
    el.setAttribute('role', 'button');
  }
  const lens = inner.length > 2 ? boxOf(inner.flatMap((s) => corners(s.box)), 0.12) : null;
  const frame = lens && h('rect', { class: 'lens', x: lens.x, y: lens.y, width: lens.width, height: lens.height, rx: 8, 'aria-hidden': 'true' });
  if (frame) main.append(frame);
  const outline = h('path', { class: 'outline', d: '', 'aria-hidden': 'true' });
  main.append(outline, bubbles);
  main.append(h('g', { class: 'tags' }, shapes.filter((s) => s.code && seat(s.code)).map((s) => tag(s.code, seat(s.code)))));
  const inset = lens && h('svg', { class: 'inset', viewBox: `${lens.x} ${lens.y} ${lens.width} ${lens.height}`, 'aria-hidden': 'true' },
    h('g', { class: 'land' }, land(inner)),
    h('g', { class: 'tags' }, inner.map((s) => tag(s.code, centre(s, seat(s.code))))));

  const el = h('div', { class: `map${tiled ? ' tiled' : ''}` }, main, inset);
  const home = () => {
    // The whole map, in the shape of its box; room to the left for the inset.
    const ratio = (main.clientWidth || 1) / (main.clientHeight || 1);
    const edge = 0.02 * tall;
    let [x, y, width, height] = [-edge, -edge, WIDE + 2 * edge, tall + 2 * edge];
    if (width / height < ratio) {
      const more = height * ratio - width;
      x -= inset ? Math.min(more, more * 0.82) : more / 2;
      width += more;
    } else {
      const more = width / ratio - height;
      y -= more / 2;
      height += more;
    }
    return { x, y, width, height };
  };
  let view = null;
  let placed = false; // with their names
  let moving = 0;
  const zoom = () => (view ? home().width / view.width : 1);
  const put = (next) => {
    view = next;
    main.setAttribute('viewBox', `${view.x} ${view.y} ${view.width} ${view.height}`);
    // Units of one pixel: letters, bubbles and strokes keep their size whatever the zoom.
    const unit = view.width / (main.clientWidth || 1);
    main.style.setProperty('--u', unit);
    el.classList.toggle('near', zoom() > 1.05);
    const near = zoom() > BUBBLES_FROM;
    if (near !== el.classList.contains('close')) {
      el.classList.toggle('close', near);
      populate();
    }
    if (inset) inset.style.setProperty('--u', lens.width / (inset.clientWidth || 1));
    place();
  };
  /** Labels at their seats, parted where they would cover each other; what the inset says is said once. */
  const place = () => {
    const near = zoom() > BUBBLES_FROM;
    for (const [svg, unit] of [[main, view.width / (main.clientWidth || 1)], inset && [inset, lens.width / (inset.clientWidth || 1)]].filter(Boolean)) {
      const shown = [];
      for (const [code, list] of tags) {
        for (const { el: text, name, at } of list.filter((one) => one.el.ownerSVGElement === svg)) {
          const out = svg === main && Boolean(inset) && isInner.has(code) && !near && inset.clientWidth > 0;
          text.classList.toggle('out', out);
          shown.push({ text, out, x: at[0], y: at[1], wide: lengthOf(name.textContent) * unit * LETTER() / 2 });
        }
      }
      const high = LETTER() * unit * 2.3;
      const seen = shown.filter((one) => !one.out);
      for (let pass = 0; pass < 4; pass += 1) {
        seen.forEach((one, i) => seen.slice(i + 1).forEach((other) => {
          const over = high - Math.abs(one.y - other.y);
          if (over <= 0 || Math.abs(one.x - other.x) > one.wide + other.wide) return;
          const [upper, lower] = one.y <= other.y ? [one, other] : [other, one];
          upper.y -= over / 2;
          lower.y += over / 2;
        }));
      }
      for (const { text, x, y } of shown) text.setAttribute('transform', `translate(${x.toFixed(2)} ${y.toFixed(2)}) scale(${unit})`);
    }
  };
  const fly = (to) => {
    cancelAnimationFrame(moving);
    if (!view || matchMedia('(prefers-reduced-motion: reduce)').matches) { put(to); return; }
    const from = view;
    let began; // by the frames' own clock: a frame that is late tells of a time before now
    const step = (now) => {
      began ??= now;
      const part = Math.min(1, (now - began) / 420);
      const ease = 1 - (1 - part) ** 3;
      put(Object.fromEntries(['x', 'y', 'width', 'height'].map((k) => [k, from[k] + (to[k] - from[k]) * ease])));
      if (part < 1) moving = requestAnimationFrame(step);
    };
    moving = requestAnimationFrame(step);
  };
  const around = (box, room = 1.75) => {
    const whole = home();
    const k = Math.min(CLOSE, whole.width / (box.width * room), whole.height / (box.height * room));
    const [width, height] = [whole.width / k, whole.height / k];
    // What is said of the district stands to the left of it, where there is room.
    const aside = main.clientWidth > 34 * parseFloat(getComputedStyle(document.documentElement).fontSize) ? 0.16 : 0;
    return { x: box.x + box.width / 2 - width * (0.5 + aside), y: box.y + box.height / 2 - height / 2, width, height };
  };
  const by = (factor, [px, py] = [0.5, 0.5], quick = false) => {
    if (!view) return; // pressed before it has a size
    const whole = home();
    const k = Math.min(CLOSE, Math.max(1, zoom() * factor));
    const [width, height] = [whole.width / k, whole.height / k];
    const to = k === 1 ? whole : { x: view.x + (view.width - width) * px, y: view.y + (view.height - height) * py, width, height };
    if (quick) put(to);
    else fly(to);
  };

  // -- figures -----------------------------------------------------------------------------------

  let spots = []; // bubbles that are there
  let waiting = []; // those whose are still to come
  let stand = ''; // all of these
  const ranks = new Map();
  const sizes = new Map();
  const bubble = (one) => {
    let at;
    if (tiled) {
      const box = boxes.get(one.code);
      const k = ranks.get(one.code) ?? 0;
      ranks.set(one.code, k + 1);
      at = box && seed(k, sizes.get(one.code), box);
    } else if (one.lon != null) at = project(turn(one.lon, one.lat));
    if (!at) return;
    const dot = h('circle', { class: 'house', cx: at[0].toFixed(1), cy: at[1].toFixed(1), 'data-id': one.id, vars: { '--r': Math.min(tiled ? 9 : 20, 2.4 + Math.sqrt(one.n) * 1.15).toFixed(1) } });
    mark(dot, shadeOf(one.id));
    spots.push({ one, el: dot });
    bubbles.append(dot);
  };
  const add = (most) => {
    waiting.splice(0, most).forEach(bubble);
    return waiting.length > 0 && !ctx.signal.aborted;
  };
  const populate = () => {
    const on = shows() || el.classList.contains('close');
    el.classList.toggle('housed', on);
    const wanted = on ? houses() : [];
    const those = wanted.map(({ id, n }) => `${id} ${n}`).join();
    if (those === stand) return;
    stand = those;
    ranks.clear();
    sizes.clear();
    for (const one of wanted) sizes.set(one.code, (sizes.get(one.code) ?? 0) + 1);
    bubbles.replaceChildren();
    spots = [];
    waiting = [...wanted].sort((a, b) => b.n - a.n);
    if (add(PORTION)) drawOn(add, PORTION);
  };
  const drawHouses = () => {
    for (const { one, el: dot } of spots) mark(dot, shadeOf(one.id));
  };
  const mark = (part, value) => {
    const text = value === null || value === undefined ? '' : Math.max(0, Math.min(1, value)).toFixed(3);
    if (part.dataset.v === text) return;
    part.dataset.v = text;
    part.classList.toggle('nothing', text === '');
    part.style.setProperty('--v', `${Number(text) * 100}%`);
  };
  el.draw = () => {
    for (const [code, list] of parts) {
      const value = shade(code);
      const [name, written] = words(code);
      for (const part of list) mark(part, value);
      list[0].setAttribute('aria-label', `${name} ${written}`);
      for (const { el: text, name: n, value: v } of tags.get(code) ?? []) {
        if (n.textContent !== name) n.textContent = name;
        if (v.textContent !== written) v.textContent = written;
        text.classList.toggle('full', value !== null && value !== undefined && value > 0.66);
        text.classList.toggle('fullest', value !== null && value !== undefined && value > 0.72);
      }
    }
    main.setAttribute('aria-label', label());
    if (view && !placed) { placed = true; place(); }
    drawHouses();
  };
  el.populate = populate;

  // -- pointing, choosing, moving ------------------------------------------------------------------

  let chosen = null;
  const choose = (code, tell = true) => {
    chosen = code;
    for (const [one, list] of parts) for (const part of list) part.classList.toggle('chosen', one === code);
    el.classList.toggle('picked', Boolean(code));
    outline.setAttribute('d', shapes.filter((s) => code && s.code === code).map((s) => s.path).join(''));
    fly(code ? around(boxes.get(code)) : home());
    if (tell) pick(code);
  };
  el.focusOn = (code) => { if (!code || boxes.has(code)) choose(code, false); };
  tips(el, '[data-code], [data-id]', (part) => (part.dataset.id ? () => linesOf(part.dataset.id) : () => lines(part.dataset.code)));
  let dragged = false;
  el.addEventListener('click', (event) => {
    if (dragged) return;
    const part = event.target.closest('[data-id], [data-code]');
    if (!part) return;
    hideTip();
    if (part.dataset.id) open(part.dataset.id);
    else choose(part.dataset.code === chosen ? null : part.dataset.code);
  });
  el.addEventListener('keydown', (event) => {
    const part = event.target.closest?.('[data-code]');
    if (part && (event.key === 'Enter' || event.key === ' ')) {
      event.preventDefault();
      choose(part.dataset.code === chosen ? null : part.dataset.code);
    } else if (event.key === 'Escape' && chosen) choose(null);
    else if (event.key === '+' || event.key === '=') by(1.5);
    else if (event.key === '-') by(1 / 1.5);
    else if (event.key === '0') choose(null);
  });
  main.addEventListener('wheel', (event) => {
    // Ctrl and wheel zooms the map; the wheel alone scrolls the page.
    if (!event.ctrlKey) return;
    event.preventDefault();
    const at = main.getBoundingClientRect();
    by(event.deltaY < 0 ? 1.25 : 0.8, [(event.clientX - at.left) / at.width, (event.clientY - at.top) / at.height], true);
  }, { passive: false });
  let from = null;
  main.addEventListener('pointerdown', (event) => {
    dragged = false;
    // A finger on the whole map scrolls the page.
    if (event.button || zoom() <= 1.01) return;
    from = { x: event.clientX, y: event.clientY, view };
  });
  main.addEventListener('pointermove', (event) => {
    if (!from) return;
    const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
    if (!dragged && Math.hypot(dx, dy) < 4) return;
    if (!dragged) { main.setPointerCapture(event.pointerId); hideTip(); }
    dragged = true;
    const unit = from.view.width / main.clientWidth;
    put({ ...from.view, x: from.view.x - dx * unit, y: from.view.y - dy * unit });
  });
  for (const name of ['pointerup', 'pointercancel']) main.addEventListener(name, () => { from = null; });
  el.zoomBy = (factor) => (factor ? by(factor) : choose(null));

  let first = true;
  const watch = new ResizeObserver(() => {
    if (!main.clientWidth) return;
    put(chosen ? around(boxes.get(chosen)) : home());
    if (first) { first = false; populate(); }
  });
  watch.observe(main);
  ctx.onEnd(() => { watch.disconnect(); cancelAnimationFrame(moving); });
  el.draw();
  return el;
}

/** A label's letters, in pixels, and how many a text is wide. */
const LETTER = () => 0.8 * parseFloat(getComputedStyle(document.documentElement).fontSize);
const lengthOf = (text) => [...text].reduce((n, c) => n + (c > '\u2e80' ? 1 : 0.58), 0);

const corners = (box) => [[box.x, box.y], [box.x + box.width, box.y + box.height]];

function boxOf(points, edge = 0) {
  const [x, right] = [Math.min(...points.map((p) => p[0])), Math.max(...points.map((p) => p[0]))];
  const [y, bottom] = [Math.min(...points.map((p) => p[1])), Math.max(...points.map((p) => p[1]))];
  const [more, up] = [(right - x) * edge, (bottom - y) * edge];
  return { x: x - more, y: y - up, width: right - x + 2 * more, height: bottom - y + 2 * up };
}

/** A label's place in the inset: the seat where it is well inside, else the box's middle. */
function centre(shape, at) {
  const middle = [shape.box.x + shape.box.width / 2, shape.box.y + shape.box.height / 2];
  if (!at) return middle;
  return [(at[0] + 3 * middle[0]) / 4, (at[1] + 3 * middle[1]) / 4];
}
