// What every page shares: who is signed in, the city's live counts, the lists of names.

import { all, config, get, stream } from './api.js';
import { lang } from './words.js';

export const store = {
  config: { timezone: 'Asia/Shanghai', coverage_threshold: 0.9, map: false, map_datum: 'gcj02', map_note: '', demo: false, oidc: null, follower: false },
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
  // Another key may be shown other names.
  for (const part of Object.keys(loading)) delete loading[part];
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

const LISTS = {
  districts: ['districts', 'district_code'],
  institutions: ['institutions', 'institution_id'],
  classes: ['classes', 'class_code'],
};
const loading = {};
/** A follower knows no institution. */
const hasList = (part) => part !== 'institutions' || !store.config.follower;
/** Lists of names by key, each asked for once; only those that a page needs are waited for. */
export function loadNames(parts = Object.keys(LISTS)) {
  return Promise.all(parts.filter(hasList).map((part) => (loading[part] ??= all(LISTS[part][0])
    .then((found) => { store[part] = new Map(found.items.map((x) => [x[LISTS[part][1]], x])); })
    .catch((error) => { delete loading[part]; throw error; }))));
}

/**
 * The counts of now, asked for once: they are there sooner than a stream's first snapshot,
 * which has every institution in it. The stream's word is newer and takes their place.
 */
export async function firstCounts() {
  const found = await get('status/summary', { group_by: 'district' });
  if (store.live) return;
  store.live = {
    as_of: found.as_of, overall: found.overall, institutions: new Map(),
    districts: new Map(found.groups.map((group) => [group.key, group])),
  };
  notify();
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
