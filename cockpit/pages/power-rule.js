// An instrument's power rule, for whoever may set it: what its samples drew, thresholds to move
// over that, hours before and after as the API has them. Nothing is set before it is asked for.

import { get, patch, post } from '../api.js';
import { STATES } from '../charts.js';
import { card, choice, dialog, h, table } from '../dom.js';
import { fullMoment, hours, moment, watts } from '../formats.js';
import { daysIn, daysOf } from '../time.js';
import { t } from '../words.js';

const WATTS = ['off_below_w', 'run_until_w', 'run_from_w'];
const DWELLS = ['dwell_start_s', 'dwell_stop_s', 'silence_s'];
const [WIDE, HIGH] = [1000, 180];
const BESIDE = 12; // room for half a handle at either end
const LONGEST = 30; // days: raw samples are read
const SETTLED = 350; // milliseconds after the last move

export function ruleCard({ ctx, range, known }) {
  const days = daysIn(range) > LONGEST ? 'd30' : range;
  return card(ctx, { title: t('power_rule'), note: t('power_rule_note'), empty: t('no_samples') }, async ({ note }) => {
    const about = await known();
    const { from, to } = daysOf(days, about.timezone);
    const ask = (rule) => post('power-rules/backtest', { instrument_ids: [ctx.id], from, to, rule }, ctx.signal);
    const rule = about.power_rule ?? { off_below_w: 0, run_until_w: 0, run_from_w: 0, dwell_start_s: 0, dwell_stop_s: 0, silence_s: null };
    const answer = await ask(rule);
    if (!answer.total.samples) return null;
    note(`${t('power_rule_note')} ${moment(answer.from, about.timezone)} – ${moment(answer.to, about.timezone)}`);
    const scale = scaleOf(answer, rule);
    // Nobody's choice yet: all of it is idle until somebody moves a threshold.
    if (!about.power_rule) rule.run_until_w = rule.run_from_w = scale.most;
    return editor({ ctx, about, ask, rule, scale, answer });
  });
}

/** Where watts stand: bins are equally wide, from 0 to one beyond all that was drawn. */
function scaleOf(answer, rule) {
  const { bins_w: bins, total } = answer;
  const beyond = bins.findIndex((edge) => edge > Math.max(...WATTS.map((name) => rule[name])));
  const last = Math.min(bins.length - 1, Math.max(total.power_s.findLastIndex((s) => s > 0) + 1, beyond, 12));
  const x = (w) => {
    const n = Math.max(0, bins.findLastIndex((edge) => edge <= w));
    return n >= last ? WIDE : ((n + (w - bins[n]) / (bins[n + 1] - bins[n])) / last) * WIDE;
  };
  const w = (at) => {
    const place = Math.max(0, Math.min(1, at / WIDE)) * last;
    const n = Math.min(Math.floor(place), last - 1);
    return Number((bins[n] + (place - n) * (bins[n + 1] - bins[n])).toPrecision(3));
  };
  return { bins, last, x, w, most: bins[last] };
}

function editor({ ctx, about, ask, rule, scale, answer: first }) {
  let answer = first;
  let timer;
  let asked = 0;
  const result = h('div', { 'aria-live': 'polite', id: 'rule-hours' });
  const problem = h('p', { class: 'failed', role: 'alert', hidden: true });
  const set = h('button', { type: 'button', id: 'set-rule', on: { click: () => confirm(ctx, about, rule, answer) } }, t('set_rule'));
  const tell = (error) => {
    problem.hidden = !error;
    problem.textContent = error ? t('failed', { why: error.message }) : '';
    set.disabled = Boolean(error);
  };
  const changed = () => {
    for (const name of WATTS) draw(name);
    set.disabled = true; // until its hours are told
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const mine = ++asked;
      try {
        const found = await ask(rule);
        if (mine !== asked) return;
        answer = found;
        result.replaceChildren(hoursTable(ctx, answer));
        tell(null);
      } catch (error) {
        if (error.name !== 'AbortError' && mine === asked) tell(error);
      }
    }, SETTLED);
  };
  ctx.onEnd(() => clearTimeout(timer));

  /** Takes the others along: off_below <= run_until <= run_from. */
  const move = (name, to) => {
    const value = Math.max(0, Math.min(scale.most, to));
    const place = WATTS.indexOf(name);
    WATTS.forEach((other, n) => {
      rule[other] = n === place ? value : n < place ? Math.min(rule[other], value) : Math.max(rule[other], value);
    });
    changed();
  };
  const fields = Object.fromEntries([...WATTS, ...DWELLS].map((name) => [name, field(name, rule[name], (value) => {
    if (WATTS.includes(name)) move(name, value ?? 0);
    else { rule[name] = value ?? (name === 'silence_s' ? null : 0); changed(); }
  })]));
  const handles = Object.fromEntries(WATTS.map((name) => [name, handle(name, scale, () => rule[name], (to) => move(name, to))]));
  const draw = (name) => {
    const input = fields[name].querySelector('input');
    if (input !== document.activeElement) input.value = String(rule[name]);
    handles[name].place(rule[name]);
  };
  for (const name of WATTS) draw(name);
  result.replaceChildren(hoursTable(ctx, answer));
  if (!about.power_rule) changed();
  return h('div', { class: 'stack' }, histogram(answer, scale, Object.values(handles)),
    h('div', { class: 'rule-fields' }, Object.values(fields)), problem, result, h('div', { class: 'chips' }, set));
}

function field(name, value, change) {
  return h('label', {}, h('span', {}, t(name)), h('input', {
    type: 'number', min: 0, step: 'any', name, value: value ?? '', 'data-field': name,
    on: { change: (event) => change(event.target.value === '' ? null : Number(event.target.value)) },
  }));
}

/** A threshold over the histogram: dragged, or moved by the arrow keys, a tenth of a bin's width with Shift. */
function handle(name, scale, now, move) {
  const el = /** @type {any} */ (h('g', { class: `rule-handle ${name}`, role: 'slider', tabindex: '0', 'aria-label': t(name), 'aria-valuemin': 0, 'aria-valuemax': scale.most, 'data-handle': name },
    h('line', { y1: 0, y2: HIGH }), h('rect', { x: -9, y: 0, width: 18, height: 22, rx: 4 })));
  el.place = (w) => {
    el.setAttribute('transform', `translate(${scale.x(w)} 0)`);
    el.setAttribute('aria-valuenow', w);
    el.setAttribute('aria-valuetext', watts(w));
  };
  const step = WIDE / scale.last;
  const keys = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -5, PageUp: 5, Home: -Infinity, End: Infinity };
  el.addEventListener('keydown', (event) => {
    const by = keys[event.key];
    if (by === undefined) return;
    event.preventDefault();
    move(scale.w(scale.x(now()) + by * step * (event.shiftKey ? 0.1 : 1)));
  });
  el.addEventListener('pointerdown', (event) => {
    event.preventDefault();
    el.focus();
    el.setPointerCapture(event.pointerId);
  });
  el.addEventListener('pointermove', (event) => {
    if (!el.hasPointerCapture(event.pointerId)) return;
    const box = el.ownerSVGElement.getBoundingClientRect();
    move(scale.w(((event.clientX - box.left) / box.width) * (WIDE + 2 * BESIDE) - BESIDE));
  });
  return el;
}

/** Seconds by power, each bar's height by its share of the longest; under it some of the watts. */
function histogram(answer, scale, handles) {
  const spent = answer.total.power_s.slice(0, scale.last);
  const most = Math.max(...spent, 1);
  const wide = WIDE / scale.last;
  const told = spent.map((s, n) => (s ? `${watts(scale.bins[n])}: ${hours(s)}` : '')).filter(Boolean).join('; ');
  return h('svg', { class: 'rule-histogram', viewBox: `${-BESIDE} 0 ${WIDE + 2 * BESIDE} ${HIGH + 26}`, role: 'group', 'aria-label': `${t('power_histogram')}. ${told}` },
    spent.map((s, n) => h('rect', { class: 'bar', x: n * wide + 1, width: Math.max(wide - 2, 1), y: HIGH - (s / most) * (HIGH - 26), height: (s / most) * (HIGH - 26) },
      h('title', {}, `${watts(scale.bins[n])} – ${watts(scale.bins[n + 1])}: ${hours(s)}`))),
    spent.map((_, n) => (n % Math.ceil(scale.last / 8) ? null : h('text', { x: n * wide, y: HIGH + 20 }, watts(scale.bins[n])))),
    handles);
}

const hoursTable = (ctx, { total }) => table({
  name: `power-rule-${ctx.id}`, caption: t('power_rule'), rows: STATES.map((state) => `${state}_s`), columns: [
    { key: 'state', label: t('state'), value: (s) => t(s), raw: (s) => s },
    { key: 'in_force_s', label: t('in_force'), num: true, value: (s) => total.in_force[s], cell: (s) => hours(total.in_force[s]) },
    { key: 'proposed_s', label: t('proposed'), num: true, value: (s) => total.proposed[s], cell: (s) => h('span', { 'data-value': `proposed-${s}` }, hours(total.proposed[s])) },
    { key: 'difference_s', label: t('difference'), num: true, value: (s) => total.proposed[s] - total.in_force[s], cell: (s) => hours(total.proposed[s] - total.in_force[s]) },
  ],
});

/** What setting it moves, and from when on; only then is it set. */
function confirm(ctx, about, rule, answer) {
  let since = 'now';
  const said = h('p', { class: 'note' });
  const moves = h('div');
  const show = () => {
    said.textContent = since === 'now' ? t('rule_from_now') : t('rule_back_dated', { time: fullMoment(answer.rule_from, about.timezone) });
    moves.replaceChildren(since === 'now' ? '' : hoursTable(ctx, answer));
  };
  const button = h('button', { type: 'button', id: 'confirm-rule', on: { click: async () => {
    button.disabled = true;
    try {
      await patch(`instruments/${encodeURIComponent(ctx.id)}`, { power_rule: rule, ...(since === 'now' ? {} : { valid_from: answer.rule_from }) });
      const found = await get(`instruments/${encodeURIComponent(ctx.id)}`, {}, ctx.signal);
      about.power_rule = found.power_rule;
      body.replaceChildren(h('p', { id: 'rule-is-set' }, t('rule_is_set')));
    } catch (error) {
      said.textContent = t('failed', { why: error.message });
      button.disabled = false;
    }
  } } }, t('set_rule'));
  const body = h('div', { class: 'dialog-body stack' },
    choice(t('valid_from'), [['now', t('from_now')], ['window', t('from_window')]], since, (value) => { since = value; show(); }),
    said, moves, h('div', { class: 'chips' }, button));
  show();
  dialog(t('set_rule'), body);
}
