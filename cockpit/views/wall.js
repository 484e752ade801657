// A wall: chosen views in turn, without the frame, as long as the address says `wall=SECONDS`.
// `of` holds what is shown: names of saved views, pages with a sign before theirs.

import { link } from '../api.js';
import { h } from '../dom.js';
import { clock } from '../formats.js';
import { offered, pageOf } from '../pages.js';
import { route } from '../route.js';
import { store } from '../store.js';
import { learn, t } from '../words.js';
import { addressOf, list } from './kept.js';
import { WORDS } from './words.js';

learn(WORDS);

export const PAGE = '~';
export const SECONDS = { least: 5, usual: 60, most: 3_600 };
/** Touched by somebody, it waits until they have been gone for so long. */
const REST = 60_000; // ms
const TOUCHES = ['pointerdown', 'pointermove', 'wheel', 'keydown'];

let end = null;

const secondsOf = () => {
  const asked = Number(route().params.wall);
  return asked >= SECONDS.least && asked <= SECONDS.most ? asked : null;
};
const chosen = () => (route().params.of ?? '').split(',').filter(Boolean).map(decodeURIComponent);
const packed = (of) => of.map(encodeURIComponent).join(',');

/** An address with the wall's own settings, which a reload finds again. */
function onWall(address, seconds, of) {
  const [page, search] = address.split('?');
  const params = new URLSearchParams(search ?? '');
  params.set('wall', String(seconds));
  if (of.length) params.set('of', packed(of));
  return `${page}?${params}`;
}

/** Addresses in turn: what was chosen, else all saved views, else the pages that one looks at. */
async function turns(of) {
  const views = new Map((await list()).map((view) => [view.name, view.address]));
  const asked = of.map((one) => (one.startsWith(PAGE) && pageOf(one.slice(1)) ? `#/${one.slice(1)}` : views.get(one))).filter(Boolean);
  if (asked.length) return asked;
  return views.size ? [...views.values()] : offered('look', store.session).map(({ name }) => `#/${name}`);
}

export async function startWall(seconds, of) {
  const [first] = await turns(of);
  // Asked for by a click, so it may; a kiosk's browser fills its screen by itself.
  await document.documentElement.requestFullscreen?.().catch(() => {});
  for (const open of document.querySelectorAll('dialog')) open.close();
  location.hash = onWall(first, seconds, of);
}

function begin(seconds) {
  const root = document.documentElement;
  const [time, told] = [h('time', { id: 'wall-clock' }), h('span', { id: 'wall-told' })];
  const bar = h('div', { id: 'wall' }, h('strong', {}, '机时 Jishi'), told, time);
  let known = [];
  let since = Date.now(); // when what stands there was put there
  let touched = -Infinity;
  let going = false;
  let awake = null;
  const paused = () => Date.now() - touched < REST;
  const next = async () => {
    going = true;
    try {
      const of = chosen();
      known = await turns(of).catch(() => known);
      if (mine !== end || !known.length) return;
      const to = known[(known.indexOf(addressOf()) + 1) % known.length];
      since = Date.now();
      location.replace(onWall(to, seconds, of));
    } finally { going = false; }
  };
  const tick = () => {
    const zone = store.config.timezone;
    time.textContent = clock(Date.now(), zone);
    told.textContent = [t('as_of', { time: clock(store.live?.as_of ?? link.at, zone) }), paused() ? t('wall_paused') : '', t('wall_end')].filter(Boolean).join(' · ');
    // While the service is away what stands there stays, with the banner: the next would be empty.
    if (link.state !== 'up' || !store.session) since = Date.now();
    else if (!paused() && !going && Date.now() - since >= seconds * 1000) next();
  };
  const touch = (event) => {
    if (event.key === 'Escape') over();
    else touched = since = Date.now();
  };
  const leftFullscreen = () => { if (!document.fullscreenElement) over(); };
  // A screen that is switched on again wants it anew.
  const wake = async () => {
    if (document.visibilityState === 'visible') awake = await navigator.wakeLock?.request('screen').catch(() => null);
  };
  const timer = setInterval(tick, 1000);
  for (const name of TOUCHES) addEventListener(name, touch, { passive: true });
  document.addEventListener('fullscreenchange', leftFullscreen);
  document.addEventListener('visibilitychange', wake);
  root.dataset.wall = String(seconds);
  document.getElementById('banner').before(bar);
  const mine = () => {
    clearInterval(timer);
    for (const name of TOUCHES) removeEventListener(name, touch);
    document.removeEventListener('fullscreenchange', leftFullscreen);
    document.removeEventListener('visibilitychange', wake);
    awake?.release();
    bar.remove();
    delete root.dataset.wall;
    if (document.fullscreenElement) document.exitFullscreen();
  };
  wake();
  tick();
  return mine;
}

/** Ends it: the address goes on without. */
function over() {
  location.replace(addressOf());
}

/** Follows the address bar. */
function follow() {
  const seconds = secondsOf();
  if (String(seconds) === document.documentElement.dataset.wall) return;
  end?.();
  end = seconds ? begin(seconds) : null;
}
addEventListener('hashchange', follow);
follow();
