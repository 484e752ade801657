// What stands behind a figure of one instrument: its segments, its heartbeats and the rules.

import { all, get } from './api.js';
import { dialog, h, state, table } from './dom.js';
import { count, fullMoment, span } from './formats.js';
import { iso } from './time.js';
import { usageLines } from './usage.js';
import { ruleText } from './rules.js';
import { t } from './words.js';

const RAW_PAGE = 1000;
const MOST_RAW = 20_000;
const MOST = 31 * 86_400_000; // what may be explained at once

const path = (id, more) => `instruments/${encodeURIComponent(id)}${more}`;

export const segmentTable = (id, items, tz, answer) => table({
  answer,
  name: `timeline-${id}`, caption: t('segments'), rows: items, columns: [
    { key: 'from', label: t('from'), value: (x) => x.from, cell: (x) => fullMoment(x.from, tz) }, { key: 'to', label: t('to'), value: (x) => x.to, cell: (x) => fullMoment(x.to, tz) },
    { key: 'state', label: t('state'), value: (x) => x.state, cell: (x) => state(x.state) }, { key: 'cause', label: t('cause'), value: (x) => x.cause, cell: (x) => (x.cause ? t(`cause_${x.cause}`) : '') },
    { key: 'seconds', label: t('length'), num: true, value: (x) => x.seconds, cell: (x) => span(x.seconds) },
  ],
});

/**
 * Opens what makes the figures of a window, at most its last 31 days. With `since`, a moment, the
 * heartbeats that came after it stand first: they are what a figure of then did not know.
 * @param {string} id @param {{from: string, to: string}} window_ @param {string} tz
 * @param {{since?: string | null, signal?: AbortSignal}} options
 */
export async function explain(id, window_, tz, { since = null, signal } = {}) {
  const from = iso(Math.max(Date.parse(window_.from), Date.parse(window_.to) - MOST + 1000));
  const box = h('div', { class: 'dialog-body' }, h('div', { class: 'skeleton' }));
  dialog(t('explain'), h('p', { class: 'note' }, `${t('explain_text')} ${fullMoment(from, tz)} – ${fullMoment(window_.to, tz)}`), box);
  try {
    const [found, late] = await Promise.all([
      get(path(id, '/explain'), { from, to: window_.to, limit: 1000 }, signal),
      since && lateOnes(id, { from, to: window_.to }, since, signal)]);
    const u = found.figures;
    box.replaceChildren(...[
      late && h('h3', {}, t('came_after', { n: count(late.length), time: fullMoment(since, tz) })), late?.length && beatTable(id, late, tz, found),
      h('dl', { class: 'facts' }, ['utilization', 'coverage', 'rated_utilization'].flatMap((f) => [h('dt', {}, t(f)), h('dd', {}, usageLines(u, f, null)[1])])),
      h('h3', {}, t('segments')), segmentTable(id, found.segments, tz, found),
      h('h3', {}, t('heartbeats')), beatTable(id, found.heartbeats, tz, found),
      h('details', {}, h('summary', {}, t('rules')), h('ol', { class: 'rules' }, Object.entries(found.rules).map(([n, text]) => h('li', { value: n }, ruleText(n, text))))),
    ].filter(Boolean));
  } catch (error) {
    box.replaceChildren(h('p', { class: 'failed' }, t('failed', { why: error.message })));
  }
}

async function lateOnes(id, window_, since, signal) {
  const { items } = await all(path(id, '/heartbeats'), { ...window_, limit: RAW_PAGE }, { most: MOST_RAW, signal });
  return items.filter((one) => Date.parse(one.received_at) > Date.parse(since));
}

/** Opens the heartbeats of the last 24 hours. @param {string} id @param {string} tz @param {AbortSignal} [signal] */
export async function raw(id, tz, signal) {
  const box = h('div', { class: 'dialog-body' }, h('div', { class: 'skeleton' }));
  const now = Date.now();
  const question = { from: iso(now - 86_400_000), to: iso(now + 60_000) };
  dialog(t('raw'), h('p', { class: 'note' }, t('power_window'), ' · ', h('a', { href: `v1/${path(id, '/heartbeats')}?${new URLSearchParams(question)}`, target: '_blank', rel: 'noopener' }, 'JSON')), box);
  try {
    const found = await all(path(id, '/heartbeats'), { ...question, limit: RAW_PAGE }, { most: MOST_RAW, signal: signal });
    box.replaceChildren(found.items.length ? beatTable(id, found.items.reverse().slice(0, 3000), tz, found) : h('p', { class: 'empty' }, t('empty')));
  } catch (error) {
    box.replaceChildren(h('p', { class: 'failed' }, t('failed', { why: error.message })));
  }
}

const beatTable = (id, rows, tz, answer) => table({
  answer,
  name: `heartbeats-${id}`, caption: t('heartbeats'), rows, columns: [
    { key: 'ts', label: t('device_time'), value: (x) => x.ts, cell: (x) => fullMoment(x.ts, tz) }, { key: 'state', label: t('state'), value: (x) => x.state, cell: (x) => state(x.state) },
    { key: 'power_w', label: `${t('power')} (W)`, num: true, value: (x) => x.power_w }, { key: 'runtime_s', label: `${t('counter_running_s')} (s)`, num: true, value: (x) => x.runtime_s },
    { key: 'seq', label: t('sequence'), num: true, value: (x) => x.seq }, { key: 'boot_id', label: t('boot'), value: (x) => x.boot_id },
    { key: 'received_at', label: t('received'), value: (x) => x.received_at, cell: (x) => fullMoment(x.received_at, tz) },
    { key: 'gateway_id', label: t('gateway'), value: (x) => x.gateway_id },
  ],
});
