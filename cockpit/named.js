// Instruments and gateways by their names, where an answer has their ids alone: those that are shown are asked for
// together, once a visit, and stand by their ids until then.

import { get } from './api.js';
import { h } from './dom.js';
import { institutionName } from './store.js';

const AT_ONCE = 100; // ids of one question: an address has an end

/**
 * @param {string} list of the API's @param {string} by the parameter that names some of it
 * @param {(one: any) => string | null} called what one is called beside its id
 */
function namer(list, by, called) {
  const known = new Map(); // by id
  const asking = new Map(); // by id, what is to come of it
  let awaited = [];
  const ask = () => {
    const asked = awaited;
    awaited = [];
    for (let at = 0; at < asked.length; at += AT_ONCE) {
      const part = asked.slice(at, at + AT_ONCE);
      get(list, { [by]: part.map(({ id }) => id), retired: true, limit: AT_ONCE }).then(({ items }) => {
        for (const one of items) known.set(one[`${by}_id`], called(one));
      }).catch(() => {}).finally(() => { // an id says which it is, too
        for (const { id, tell } of part) {
          asking.delete(id);
          tell(known.get(id) ?? null);
        }
      });
    }
  };
  /** What it is called, or null; asked for if need be. @returns {Promise<string | null>} */
  const find = (id) => {
    if (known.has(id)) return Promise.resolve(known.get(id));
    if (!asking.has(id)) {
      asking.set(id, new Promise((tell) => {
        if (!awaited.length) queueMicrotask(ask);
        awaited.push({ id, tell });
      }));
    }
    return asking.get(id);
  };
  return { known, find };
}

const instruments = namer('instruments', 'instrument', (one) => one.name);
// One without a name of its own goes by its id: whose it is says more.
const gateways = namer('gateways', 'gateway', (one) => (one.name === one.gateway_id ? one.institution_id && institutionName(one.institution_id) : one.name));

/** Its name as far as it is known, else its id: for what is sorted by and what is read aloud. */
export const nameOrId = (id) => instruments.known.get(id) ?? id;

/** An instrument's name; its id stands there until it is known, and behind it afterwards. */
export function instrumentName(id) {
  const el = h('span', { title: id }, nameOrId(id));
  if (!instruments.known.has(id)) instruments.find(id).then((name) => { if (name) el.textContent = name; });
  return el;
}

/** A gateway's name, or whose it is, and its id small beside it. */
export function gatewayName(id) {
  const el = h('span', { class: 'with-id' });
  const say = (name) => el.replaceChildren(...(name ? [name, ' ', h('small', {}, id)] : [id]));
  say(gateways.known.get(id));
  if (!gateways.known.has(id)) gateways.find(id).then(say);
  return el;
}

/** What is called so, in words; its id where it has none. @param {'instrument' | 'gateway'} kind */
export const nameOf = async (kind, id) => (await { instrument: instruments, gateway: gateways }[kind].find(id)) ?? id;
