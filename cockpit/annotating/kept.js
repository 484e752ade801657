// What the service keeps of what is said of sessions: read, joined with the sessions, written.

import { all, get, patch, post, remove } from '../api.js';
import { FIELDS, bodyOf, valueOf } from './fields.js';

const of = (id) => `instruments/${encodeURIComponent(id)}`;

/**
 * What several annotations of one session say together: field by field the newest that says
 * anything, as records have it. Late heartbeats may have joined sessions that each had its own.
 */
function together(several) {
  if (!several.length) return null;
  const newest = [...several].sort((a, b) => b.annotation_id - a.annotation_id);
  const values = [...FIELDS, 'direction'].map((field) => [field, newest.map((one) => valueOf(one, field)).find((value) => value !== null) ?? null]);
  const more = Object.assign({}, ...newest.map((one) => one.more).reverse());
  return { ...newest[0], ...Object.fromEntries(values), more, several: newest };
}

/**
 * Sessions of a window, newest first, each with what is said of it; behind them what is said of
 * instants that no session holds any more.
 */
export async function uses(id, { from, to }, signal) {
  const [sessions, said] = await Promise.all([
    all(`${of(id)}/sessions`, { from, to, limit: 10_000 }, { signal }),
    all(`${of(id)}/annotations`, { from, to }, { signal }),
  ]);
  const left = new Set(said.items);
  const found = sessions.items.map((session) => {
    const [start, end] = [Date.parse(session.from), Date.parse(session.to)];
    const mine = said.items.filter((one) => start <= Date.parse(one.at) && Date.parse(one.at) < end);
    for (const one of mine) left.delete(one);
    // In its middle it stays the longest, whatever late heartbeats make of its ends.
    const at = new Date(Math.floor((start + end) / 2)).toISOString();
    return { ...session, at, said: together(mine) };
  }).reverse();
  return [...found, ...[...left].map((one) => ({ at: one.at, from: null, to: null, effective_s: 0, said: together([one]) }))];
}

/** Keeps `values`, the changed ones alone; what is said then. */
export async function keep(id, use, values) {
  if (!use.said) return together([await post(`${of(id)}/annotations`, { at: use.at, ...bodyOf(values, null) })]);
  const [newest, ...older] = use.said.several;
  await patch(`annotations/${newest.annotation_id}`, bodyOf(values, newest));
  // What is taken back must not come forth again from an older one.
  for (const one of older) {
    const taken = Object.entries(values).filter(([field, value]) => value === null && valueOf(one, field) !== null);
    if (taken.length) await patch(`annotations/${one.annotation_id}`, bodyOf(Object.fromEntries(taken), one));
  }
  return asKept(use.said);
}

/** Forgets who asked for a use; nothing that is counted changes. */
export async function forget(said) {
  for (const one of said.several) if (one.person) await remove(`annotations/${one.annotation_id}/person`);
  return asKept(said);
}

const asKept = async (said) => together(await Promise.all(said.several.map((one) => get(`annotations/${one.annotation_id}`))));
