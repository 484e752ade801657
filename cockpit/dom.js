// Elements, and the few parts that pages are made of: cards, figures, tables, choices.
// Styles come from style.css; the content security policy forbids them in markup.

import { NONE, count, inOrder } from './formats.js';
import { alike, arrange, settle } from './keep.js';
import { has, t } from './words.js';

const SVG = 'http://www.w3.org/2000/svg';
const DRAWN = new Set(['svg', 'path', 'g', 'circle', 'rect', 'text', 'tspan', 'line', 'title']);

/** An element: properties by name, `on` listeners, `vars` custom properties; then children. */
export function h(tag, props = {}, ...kids) {
  const el = DRAWN.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === 'on') for (const [event, listener] of Object.entries(value)) el.addEventListener(event, listener);
    else if (name === 'vars') for (const [key, v] of Object.entries(value)) el.style.setProperty(key, v);
    else if (name === 'data') Object.assign(el.dataset, value);
    else if (name === 'tip') tip(el, value);
    else el.setAttribute(name, value === true ? '' : value);
  }
  el.append(...kids.flat(Infinity).filter((kid) => kid !== null && kid !== undefined && kid !== false));
  return el;
}

export function icon(name) {
  const paths = {
    sun: 'M12 4V2m0 20v-2m8-8h2M2 12h2m13.7-5.7 1.4-1.4M4.9 19.1l1.4-1.4m0-11.4L4.9 4.9m14.2 14.2-1.4-1.4M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0Z',
    moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z',
    down: 'M12 3v12m0 0 5-5m-5 5-5-5M4 21h16',
    out: 'M15 4h4v16h-4M10 8l-4 4 4 4m-4-4h9',
    x: 'M6 6l12 12M18 6 6 18',
    views: 'M6 3h12v18l-6-4.5L6 21z',
    print: 'M7 9V3h10v6M7 17H4V9h16v8h-3M7 14h10v7H7z',
    table: 'M3 5h18v14H3zM3 10h18M3 14.5h18M9 10v9',
  };
  return h('svg', { viewBox: '0 0 24 24', class: 'icon', 'aria-hidden': 'true' }, h('path', { d: paths[name] }));
}

// -- what stands behind a number ---------------------------------------------------------------

let bubble;
let told; // what the bubble is about
let telling; // what it says of it

/** Show lines beside an element, or beside the place `at` (a rectangle); the first is the title. */
export function showTip(el, lines, at = el.getBoundingClientRect()) {
  const text = (typeof lines === 'function' ? lines() : lines).flat().filter(Boolean);
  if (!text.length) return;
  bubble ??= document.body.appendChild(h('div', { id: 'tip', role: 'tooltip' }));
  bubble.replaceChildren(...text.map((line, i) => h(i ? 'div' : 'strong', {}, line)));
  bubble.hidden = false;
  const own = bubble.getBoundingClientRect();
  const left = Math.max(8, Math.min(at.left + at.width / 2 - own.width / 2, innerWidth - own.width - 8));
  const top = at.bottom + 8 + own.height > innerHeight ? at.top - own.height - 8 : at.bottom + 8;
  bubble.style.left = `${left}px`;
  bubble.style.top = `${Math.max(8, top)}px`;
  told?.removeAttribute('aria-describedby');
  [told, telling] = [el, lines];
  el.setAttribute('aria-describedby', 'tip');
}

export function hideTip() {
  if (bubble) bubble.hidden = true;
  told?.removeAttribute('aria-describedby');
  told = telling = null;
}
addEventListener('keydown', (event) => event.key === 'Escape' && hideTip());
// What has the focus may have been scrolled into sight just now: its bubble goes with it.
addEventListener('scroll', () => told && (told === document.activeElement ? showTip(told, telling) : hideTip()), { passive: true, capture: true });

function tip(el, lines) {
  el.classList.add('has-tip');
  for (const event of ['pointerenter', 'focus']) el.addEventListener(event, () => showTip(el, lines));
  for (const event of ['pointerleave', 'blur']) el.addEventListener(event, hideTip);
}

/** The same for many parts of one element: `find(part)` gives the lines of what is pointed at. */
export function tips(holder, selector, find) {
  const show = (event) => {
    const el = event.target.closest?.(selector);
    const lines = el && holder.contains(el) && find(el);
    if (lines) showTip(el, lines);
    else if (!event.target.closest?.('.fig')) hideTip(); // a figure within tells of itself
  };
  for (const event of ['pointerover', 'focusin']) holder.addEventListener(event, show);
  for (const event of ['pointerleave', 'focusout']) holder.addEventListener(event, hideTip);
}

/** A number that says on hover and focus where it comes from. */
export const fig = (text, lines, props = {}) => h('span', { class: 'fig', tabindex: '0', tip: lines, ...props }, text);

// -- cards -------------------------------------------------------------------------------------

const BONES = { lines: 4, rows: 7, bars: 12, block: 1 };
/** What stands where figures will: the shape of what comes, so that nothing jumps. */
export const skeleton = (shape = 'block') => h('div', { class: `skeleton sk-${shape}`, role: 'status' },
  h('span', { class: 'hidden' }, t('loading')), [...Array(BONES[shape] ?? 1)].map(() => h('i', { 'aria-hidden': 'true' })));

/**
 * A part of a page that loads by itself, says when it cannot, and shows its age by being dimmed.
 * `load` makes what stands in it, or null where there is nothing; undefined where it wrote into what it had made before.
 * What it begins beside that, such as a stream, it begins unless it was `overtaken` by another load, whose work stands there.
 * One that asks for much stands `after` the card that one came for: it asks once that has been answered.
 * @param {any} ctx
 * @param {{title: any, note?: any, actions?: any, cls?: string, every?: number, empty?: any, shape?: string, after?: any}} options
 * @param {(to: {body: HTMLElement, note: (...kids: any[]) => void, tools: HTMLElement, quiet: boolean, overtaken: () => boolean}) => Promise<any>} load
 * @returns {any}
 */
export function card(ctx, { title, note, actions, cls = '', every = 0, empty, shape = 'lines', after }, load) {
  const body = h('div', { class: 'card-body' });
  const tools = h('div', { class: 'card-tools' }, actions);
  const noted = h('p', { class: 'note' }, note);
  const id = `h${Math.random().toString(36).slice(2, 9)}`;
  const el = h('section', { class: `card ${cls}`, 'aria-labelledby': id },
    h('div', { class: 'card-head' }, h('div', {}, h('h2', { id }, title), noted), tools), body);
  let shown = false;
  let content = null; // what `load` made last
  let running = null;
  let arrived;
  const ready = new Promise((resolve) => { arrived = resolve; });
  const wait = () => body.replaceChildren(skeleton(shape));
  async function reload({ quiet = shown } = {}) {
    const mine = running = Symbol('load');
    const overtaken = () => mine !== running || ctx.signal.aborted;
    if (!quiet) wait();
    el.setAttribute('aria-busy', 'true');
    try {
      if (after) await after.ready;
      if (overtaken()) return;
      const made = await load({ body, note: (...kids) => noted.replaceChildren(...kids), tools, quiet, overtaken });
      content = made ?? content;
      if (overtaken()) return;
      if (made === null) body.replaceChildren(h('div', { class: 'empty' }, empty ?? t('empty')));
      else if (made !== undefined) {
        settle(body, made);
        content = body.contains(made) ? made : body.firstElementChild;
      }
      // What it drew into what it has: where a failure or a skeleton stood meanwhile, or where it was overtaken.
      else if (content && !body.contains(content)) body.replaceChildren(content);
      shown = true;
      el.classList.remove('aged');
    } catch (error) {
      if (error.name === 'AbortError' || overtaken()) return;
      if (shown && error.status === undefined) el.classList.add('aged');
      else {
        body.replaceChildren(h('div', { class: 'failed', role: 'alert' },
          h('p', {}, error.status === 403 ? t('no_scope') : t('failed', { why: error.message })),
          error.status !== 403 && h('button', { type: 'button', on: { click: () => reload({ quiet: false }) } }, t('retry'))));
        shown = false;
      }
      if (error.status === undefined && !(error instanceof TypeError)) throw error;
    } finally {
      if (mine === running) el.removeAttribute('aria-busy');
      arrived();
    }
  }
  if (every) {
    const timer = setInterval(() => document.visibilityState === 'visible' && reload(), every);
    ctx.onEnd(() => clearInterval(timer));
  }
  ctx.onRecovered(() => reload());
  reload({ quiet: false });
  el.reload = reload;
  el.ready = ready;
  return el;
}

// -- tables ------------------------------------------------------------------------------------

/**
 * A cell that no spreadsheet takes for a formula: an apostrophe makes it text. Signs of other
 * widths become the plain ones when they are normalized, and blanks and marks that nobody sees
 * may be cut off by programs before they look; the API's own CSV follows the same rule.
 */
export function defused(text) {
  const [first = ''] = text.replace(/^[\p{Zs}\p{Zl}\p{Zp}\p{Cc}\p{Cf}]+/u, '');
  return /^\p{Cc}/u.test(text) || /^[=+\-@]/.test(first.normalize('NFKC')) ? `'${text}` : text;
}

/** What a row's ratios are made of: in the file even where the page shows the ratio alone. */
const PARTS = ['window_s', 'running_s', 'idle_s', 'off_s', 'unknown_s', 'scheduled_s', 'running_scheduled_s', 'effective_s', 'rated_s', 'instruments', 'sufficient_instruments', 'averaged_instruments', 'banded_instruments'];

/**
 * Columns that make a row evidence by itself, as the API's own CSV has them: whose it is, of which
 * window, by which clock, as of when, in which revision, and what its ratios are made of.
 */
function evidence(columns, rows, answer) {
  const has = (name) => columns.some((c) => (c.csv ?? c.key) === name);
  const whole = answer.total ?? answer.overall ?? answer.figures ?? {};
  const about = [
    ...['instrument_id', 'group_by', 'basis', 'tz'].map((key) => ({ key, value: () => answer[key] })),
    ...['from', 'to'].map((key) => ({ key: has('from') ? `window_${key}` : key, value: () => answer[key] })),
    { key: 'compare', value: () => answer.compare },
    ...['from', 'to'].map((key) => ({ key: `compared_${key}`, value: () => answer.compared_window?.[key] })),
    ...['as_of', 'revision'].map((key) => ({ key, value: (row) => row[key] ?? answer[key] ?? whole[key] })),
    ...PARTS.map((key) => ({ key, value: (row) => row[key] })),
  ];
  return about.filter((c) => !has(c.key) && rows.some((row) => c.value(row) !== undefined));
}

/** CSV of rows, beside them what the answer says of them all; what a spreadsheet would take for a formula is made text. */
export function toCsv(own, rows, answer = null) {
  const columns = answer ? [...own, ...evidence(own, rows, answer)] : own;
  const cell = (value) => {
    let text = value === null || value === undefined ? '' : String(value);
    if (typeof value !== 'number') text = defused(text);
    return /[",\r\n\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns.map((c) => c.csv ?? c.key), ...rows.map((row) => columns.map((c) => (c.raw ?? c.value)(row)))]
    .map((line) => line.map(cell).join(',')).join('\r\n') + '\r\n';
}

export function download(name, text) {
  const url = URL.createObjectURL(new Blob(['\ufeff', text], { type: 'text/csv;charset=utf-8' }));
  const link = h('a', { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Once what was drawn is seen: whoever draws much goes on after it, and presses are answered between. */
export const frameShown = () => new Promise((done) => { requestAnimationFrame(() => setTimeout(done)); });

const coming = new Set();
/** Draws on from frame to frame: `add(most)` draws so many more and says whether others are left. */
export async function drawOn(add, size) {
  if (coming.has(add)) return; // it goes on with what there is now
  coming.add(add);
  do await frameShown(); while (add(size));
  coming.delete(add);
}
/** All that is still to come, for paper. */
export const drawAll = () => { for (const add of coming) add(Infinity); };

// Rows that are drawn at first, and each time that more are asked for: a browser is busy for long with a thousand.
const [FIRST, PART] = [50, 100];
const PORTION = 25; // of further rows, from one frame to the next

/**
 * A table that sorts by its heads and exports itself. Of many rows it draws the first, and more of them
 * when it is asked to; sorting and CSV are of all. With `entire` they all come: who reads on page by
 * page has its own button. Whatever is beyond a screenful comes in portions, and the table is busy until all stands there.
 * columns: {key, label, value(row), raw?(row), cell?(row), csv?, num?, bar?(row), tip?(row), live?,
 * minor?, plain?, hidden?}. `answer` is what the rows came in: CSV repeats its window beside each. Hidden ones are in CSV alone. Minor ones are left out on a phone. CSV has the field's name at its head, `csv` or `key`, and `raw`, what the API said. Plain ones are neither sorted by nor exported, live ones are written anew by `refresh()` of the
 * element that is returned. The arrow keys go from cell to cell, and what stands behind a number
 * is shown beside the cell that has the focus or the pointer. With a `key`, by which a row is known again, a table that its card makes
 * anew goes on where it stands: rows that stay keep their element, it stays sorted as it was, and what was drawn on demand stands. With `cards` each row is a card on a phone, its second column the title, or with 'named' its head.
 * @param {{name: string, caption: string, columns: any[], rows: any[], sort?: {key: string, down: boolean}, mark?: (row: any) => string | null, answer?: any, key?: (row: any) => any, cards?: boolean | 'named', entire?: boolean}} options
 */
export function table({ name, caption, columns: all, rows, sort, mark, answer, key, cards = false, entire = false }) {
  let columns = all.filter((c) => !c.hidden);
  let shown = [...rows];
  let drawn = entire ? Infinity : FIRST; // of `shown`, once no portion is awaited any more
  let order = sort ?? null;
  const body = h('tbody');
  const scroll = h('div', { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': caption });
  const heads = columns.map((c) => h('th', { scope: 'col', class: `${c.num ? 'num' : ''}${c.minor ? ' minor' : ''}` },
    c.plain ? c.label : h('button', { type: 'button', on: { click: () => by(c.key) } }, c.label)));
  const fill = (el, c, row) => {
    const bar = c.bar?.(row);
    if (bar != null) {
      el.style.setProperty('--bar', `${Math.max(0, Math.min(1, bar)) * 100}%`);
      el.classList.toggle('over', c.over ? c.over(row) : bar > 1); // a full bar must not pass for all
    } else el.style.removeProperty('--bar');
    const made = (c.cell ? c.cell(row) : c.value(row)) ?? NONE;
    if (made instanceof Node) {
      if (el.childNodes.length !== 1 || !alike(el.firstChild, made)) el.replaceChildren(made);
    } else if (el.childElementCount || el.textContent !== String(made)) el.textContent = made;
  };
  const sorted = () => {
    const c = columns.find((x) => x.key === order.key);
    const sign = order.down ? -1 : 1;
    return rows.map((row) => ({ row, x: c.value(row) })).sort(({ x }, { x: y }) => {
      if (x == null || y == null) return Number(x == null) - Number(y == null);
      return sign * (typeof x === 'number' ? x - y : inOrder(String(x), String(y)));
    }).map(({ row }) => row);
  };
  let first = true; // of the cells that say more one can be reached by Tab, the others by arrows from it
  const line = (row) => h('tr', { class: mark?.(row) },
    columns.map((c, i) => {
      const el = h(i ? 'td' : 'th', {
        scope: i ? null : 'row', class: `${c.num ? 'num' : ''}${c.bar ? ' bar' : ''}${c.tip ? ' has-tip' : ''}${c.minor ? ' minor' : ''}`,
        tabindex: c.tip ? (first ? '0' : '-1') : null,
        'data-label': cards && i ? c.label : null,
      });
      if (c.tip) first = false;
      fill(el, c, row);
      return el;
    }));
  const add = (most) => {
    body.append(...shown.slice(body.rows.length, Math.min(drawn, body.rows.length + most)).map(line));
    const more = body.rows.length < Math.min(drawn, shown.length);
    if (more) scroll.setAttribute('aria-busy', 'true');
    else scroll.removeAttribute('aria-busy');
    return more;
  };
  const fillUp = (most) => { if (add(most)) drawOn(add, PORTION); };
  const further = h('div', { class: 'further' });
  const goOn = () => further.replaceChildren(...(drawn < shown.length ? [h('button', { type: 'button', 'data-more': name, on: { click: () => {
    drawn += PART;
    fillUp(PORTION);
    goOn();
    further.querySelector('button')?.focus({ preventScroll: true });
  } } }, t('more_rows', { k: count(drawn), n: count(shown.length) }))] : []));
  const draw = () => {
    if (order) shown = sorted();
    columns.forEach((c, i) => !c.plain && heads[i].setAttribute('aria-sort', order?.key === c.key ? (order.down ? 'descending' : 'ascending') : 'none'));
    first = true;
    body.replaceChildren();
    fillUp(FIRST);
    goOn();
  };
  const cellAt = (line, column) => body.rows[line]?.cells[column];
  tips(body, 'td.has-tip, th.has-tip', (el) => columns[el.cellIndex]?.tip?.(shown[el.parentElement.sectionRowIndex]));
  body.addEventListener('keydown', (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    const from = event.target;
    if (!step || !from.matches?.('td, th')) return;
    let [line, column] = [from.parentElement.sectionRowIndex, from.cellIndex];
    let next;
    do {
      line += step[0];
      column += step[1];
      next = cellAt(line, column);
    } while (next && !next.hasAttribute('tabindex'));
    if (!next) return;
    event.preventDefault();
    from.setAttribute('tabindex', '-1');
    next.setAttribute('tabindex', '0');
    next.focus();
  });
  const by = (key) => {
    order = { key, down: order?.key === key ? !order.down : Boolean(columns.find((c) => c.key === key).num) };
    draw();
  };
  scroll.append(h('table', {}, h('caption', { class: 'hidden' }, caption), h('thead', {}, h('tr', {}, heads)), body));
  draw();
  const el = h('div', { class: `table-wrap${cards ? ' as-cards' : ''}${cards === 'named' ? ' named' : ''}` },
    scroll, further, csvButton(name, () => toCsv(all.filter((c) => !c.plain), shown, answer)));
  el.refresh = () => [...body.rows].forEach((tr, at) => columns.forEach((c, i) => c.live && fill(tr.cells[i], c, shown[at])));
  const headed = JSON.stringify(columns.map((c) => [c.key, c.label]));
  el.told = { name, key, headed, all, rows, mark, answer, end: () => { drawn = 0; } };
  el.take = (made) => {
    const next = made.told;
    if (!key || next?.name !== name || next.headed !== headed) return false;
    next.end();
    made.refresh = el.refresh;
    // What was made of a row goes on speaking of it: the row stays the same object, and says what is new.
    const known = new Map(rows.map((row) => [key(row), row]));
    const lines = new Map([...body.rows].map((tr, at) => [shown[at], tr]));
    rows = next.rows.map((row) => {
      const own = known.get(key(row));
      if (!own) return row;
      for (const field of Object.keys(own)) if (!(field in row)) delete own[field];
      return Object.assign(own, row);
    });
    ({ all, mark, answer } = next);
    columns = all.filter((c) => !c.hidden);
    shown = order ? sorted() : [...rows];
    let fresh = 0;
    const wanted = [];
    for (const row of shown.slice(0, Math.min(drawn, Math.max(FIRST, body.rows.length)))) {
      const tr = lines.get(row);
      if (!tr && (fresh += 1) > FIRST) break; // the others come in portions
      wanted.push(tr ?? line(row));
      if (!tr) continue;
      lines.delete(row);
      tr.className = mark?.(row) ?? '';
      columns.forEach((c, i) => fill(tr.cells[i], c, row));
    }
    arrange(body, wanted);
    if (!body.querySelector('td[tabindex="0"], th[tabindex="0"]')) body.querySelector('td[tabindex], th[tabindex]')?.setAttribute('tabindex', '0');
    fillUp(PORTION);
    goOn();
    return true;
  };
  return el;
}

export function csvButton(name, text) {
  return h('button', {
    type: 'button', class: 'quiet csv',
    on: { click: () => download(`jishi-${name}-${new Date().toISOString().slice(0, 10)}.csv`, text()) },
  }, icon('down'), t('csv'));
}

// -- choices -----------------------------------------------------------------------------------

export function choice(label, options, value, pick) {
  const name = `c${Math.random().toString(36).slice(2, 9)}`;
  return h('fieldset', { class: 'choice' }, h('legend', { class: 'hidden' }, label),
    options.map(([key, text]) => h('label', {},
      h('input', { type: 'radio', name, value: key, checked: key === value, on: { change: () => pick(key) } }),
      h('span', {}, text))));
}

export function select(label, options, value, pick) {
  return h('label', { class: 'field' }, h('span', {}, label),
    offer(h('select', { on: { change: (event) => pick(event.target.value) } }), options, value));
}

// A menu as wide as its texts has the browser measure each of them: a fifth of a second for a city's institutions.
const LONG = 50; // options from which a menu has a width of its own

/** What a choice offers from now on: it stays open meanwhile, and on what was chosen. */
export function offer(menu, options, value) {
  menu.classList.toggle('long', options.length > LONG);
  const standing = new Map([...menu.options].map((one) => [one.value, one]));
  arrange(menu, options.map(([key, text]) => {
    const one = standing.get(key ?? '') ?? h('option', { value: key ?? '', selected: (key ?? '') === (value ?? '') });
    if (one.textContent !== text) one.textContent = text;
    return one;
  }));
  return menu;
}

/**
 * A file to choose, or to drop there. The browser's own button would speak the browser's language: what lies under the
 * field's transparent input speaks the page's, and so does what is said where none is chosen.
 * @param {string} label @param {string} accept @param {() => void} changed
 * @returns {HTMLLabelElement & {control: HTMLInputElement}}
 */
export function fileField(label, accept, changed = () => {}) {
  const name = h('span', { class: 'chosen' });
  const input = h('input', { type: 'file', name: 'file', accept, required: true, on: { change: () => { show(); changed(); } } });
  const show = () => {
    const [file] = input.files;
    name.textContent = input.title = file?.name ?? t('no_file');
    input.setCustomValidity(file ? '' : t('no_file'));
  };
  show();
  return h('label', { class: 'field' }, h('span', {}, label),
    h('span', { class: 'file' }, input, h('span', { class: 'pick', 'aria-hidden': 'true' }, t('pick_file')), name));
}

export function dialog(title, ...kids) {
  const el = h('dialog', { 'aria-label': title },
    h('div', { class: 'dialog-head' }, h('h2', {}, title),
      h('button', { type: 'button', class: 'quiet', 'aria-label': t('close'), on: { click: () => el.close() } }, icon('x'))),
    h('div', { class: 'dialog-body' }, kids));
  el.addEventListener('close', () => el.remove());
  document.body.append(el);
  el.showModal();
  return el;
}

export const state = (word, extra) => h('span', { class: `state s-${word}` }, h('i', { 'aria-hidden': 'true' }), has(word) ? t(word) : word, extra);
