// Instruments by their names, where an answer has their ids alone: those that are shown are asked for together,
// once a visit, and stand by their ids until then.

import { get } from './api.js';
import { h } from './dom.js';

const AT_ONCE = 100; // ids of one question: an address has an end
const names = new Map(); // by id
let awaited = new Map(); // by id, the elements that are to say it

function ask() {
  const asked = awaited;
  awaited = new Map();
  const ids = [...asked.keys()];
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    get('instruments', { instrument: ids.slice(at, at + AT_ONCE), retired: true, limit: AT_ONCE }).then(({ items }) => {
      for (const { instrument_id: id, name } of items) {
        names.set(id, name);
        for (const el of asked.get(id)) el.textContent = name;
      }
    }).catch(() => {}); // an id says which it is, too
  }
}

/** Its name as far as it is known, else its id: for what is sorted by and what is read aloud. */
export const nameOrId = (id) => names.get(id) ?? id;

/** An instrument's name; its id stands there until it is known, and behind it afterwards. */
export function instrumentName(id) {
  const el = h('span', { title: id }, nameOrId(id));
  if (!names.has(id)) {
    if (!awaited.size) queueMicrotask(ask);
    awaited.set(id, [...(awaited.get(id) ?? []), el]);
  }
  return el;
}
