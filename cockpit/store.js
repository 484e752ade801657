// What every page shares: who is signed in, the city's live counts, the lists of names.

import { all, config, get, stream } from './api.js';
import { lang } from './i18n.js';

export const store = {
  config: { timezone: 'Asia/Shanghai', coverage_threshold: 0.9, map: false, map_datum: 'gcj02', map_note: '', demo: false },
  session: null,
  /** Counts by connectivity and activity: overall, and Maps by key. */
  live: null,
  districts: new Map(),
  institutions: new Map(),
  classes: new Map(),
};

const listeners = new Set();
export function onLive(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export async function loadConfig() {
  Object.assign(store.config, await config());
}

let stop;
export function watchCity() {
  stop?.();
  stop = stream({ view: 'summary' }, (name, data) => {
    if (name === 'stale') return;
    if (name === 'snapshot') {
      store.live = { overall: data.overall, districts: new Map(), institutions: new Map() };
    }
    if (!store.live) return;
    store.live.as_of = data.as_of;
    if (name !== 'fresh') {
      store.live.overall = data.overall;
      for (const part of ['districts', 'institutions']) {
        for (const group of data[part]) store.live[part].set(group.key, group);
      }
    }
    notify();
  });
}
export function unwatchCity() {
  stop?.();
  stop = undefined;
  store.live = null;
}

let frame = 0;
function notify() {
  // Several events of one moment draw once.
  if (frame) return;
  frame = requestAnimationFrame(() => {
    frame = 0;
    for (const listener of [...listeners]) listener(store.live);
  });
}

let names;
/** Districts, institutions and classes by key; asked for once. */
export function loadNames() {
  names ??= Promise.all([
    all('districts').then((d) => { store.districts = new Map(d.items.map((x) => [x.district_code, x])); }),
    all('institutions').then((d) => { store.institutions = new Map(d.items.map((x) => [x.institution_id, x])); }),
    all('classes').then((d) => { store.classes = new Map(d.items.map((x) => [x.class_code, x])); }),
  ]).catch((error) => { names = undefined; throw error; });
  return names;
}

export async function loadSession() {
  store.session = await get('session');
  return store.session;
}

const pick = (entry) => (lang() === 'en' && entry?.name_en) || entry?.name;
export const districtName = (code) => pick(store.districts.get(code)) ?? code;
export const institutionName = (id) => pick(store.institutions.get(id)) ?? id;
export const className = (code) => pick(store.classes.get(code)) ?? code;
export const mayOperate = () => store.session?.scopes.includes('operate');
