// What a page's figures rest on, heard as the page asks for them: window, instruments, known time,
// revision, as of. So every page has it on its sheet without saying anything of its own.

import { onAnswer } from '../api.js';

const MOST = 60; // answers of one page that are remembered
/** What does not say what was asked about. */
const HOW = new Set(['from', 'to', 'limit', 'sort']);
let heard = new Map();

/** A window that moves with the clock is asked for again and again: its length says which it is. */
const lengthOf = ({ from, to }) => (from && to ? Math.round((Date.parse(to) - Date.parse(from)) / 60_000) : '');

onAnswer((path, params, data) => {
  if (!data?.as_of && !(data?.from && data?.to)) return;
  if (params?.cursor) return; // of a page further on, the first has said it
  const which = Object.entries(params ?? {}).filter(([name]) => !HOW.has(name));
  const key = JSON.stringify([path, which, lengthOf(data)]);
  heard.delete(key);
  const { from, to, tz, as_of: asOfAll } = data;
  const whole = data.overall ?? data.total ?? data.figures;
  // What it is compared with is a window of its own.
  const compared = data.compared_window && { ...data.compared_window, tz, as_of: asOfAll, whole: whole?.compared };
  heard.set(key, { from, to, tz, as_of: asOfAll, whole, compared });
  if (heard.size > MOST) heard.delete(heard.keys().next().value);
});

/** Another page begins. */
export const forget = () => { heard = new Map(); };

/** Of each question of the page its newest answer, in short. */
export const answered = () => [...heard.values()];
