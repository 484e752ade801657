// The frame around the pages: address bar, navigation, language, theme, sign-in, the banner.

import { ApiError, get, link, onLink, onSignedOut, post, remove, signIn } from './api.js';
import { badge } from './booking/badge.js';
import { redrawAll } from './charts.js';
import { frameShown, h, hideTip, icon, state } from './dom.js';
import { clock } from './formats.js';
import { navigation } from './navigation.js';
import { firstPage, pageOf, pageTitle } from './pages.js';
import { onBack } from './recovery.js';
import { forget } from './sheet/evidence.js';
import { comeBack } from './signing/place.js';
import { readTools, tools } from './tools.js';
import { land } from './views/kept.js';
import { lang, setLanguage, t } from './words.js';
import { href, route } from './route.js';
import { firstCounts, institutionName, loadConfig, loadNames, loadSession, onLive, store, unwatchCity, watchCity } from './store.js';

const main = document.getElementById('main');
let ending = null;

/** Begins to follow the counts of now; nothing where that has begun. */
let follow = () => {};
const FOLLOWED_AFTER = 1000; // ms in which a page that shows no counts of now has the service for itself

const modules = new Map();
/** A page's module; one that is there already is there at once, so that no frame shows the page before in another language. */
async function moduleOf({ load, name }) {
  if (!modules.has(name)) modules.set(name, await load());
  return modules.get(name);
}

/**
 * Made once: one made anew where a page is left has that visit on its stack, and the page before would hold the page after,
 * and so on to the one that stands.
 */
const LEFT = new DOMException('the page was left', 'AbortError');

async function show() {
  hideTip();
  if (!store.session) return;
  const here = route();
  const controller = new AbortController();
  const ends = new Set();
  const recovered = new Set();
  const ctx = {
    ...here,
    signal: controller.signal,
    /** What is to be done when the page is left; returns how to have it left out. */
    onEnd: (end) => { ends.add(end); return () => ends.delete(end); },
    onLive: (listener) => ends.add(onLive(listener)),
    onRecovered: (again) => recovered.add(again),
  };
  const off = onBack(() => { for (const again of recovered) again(); });
  let former = ending;
  // What another visit overtakes before it shows ends what has stood meanwhile, too.
  const endFormer = () => { former?.(); former = null; };
  const mine = ending = () => {
    endFormer();
    controller.abort(LEFT);
    for (const end of ends) end();
    off();
  };
  if (pageOf(here.page)?.live) follow();
  frame();
  try {
    const module = here.page ? await moduleOf(pageOf(here.page)) : { page: nowhere };
    const asked = module.prepare?.(ctx); // while names are on their way
    await loadNames(module.NEEDS);
    if (mine !== ending) return;
    endFormer();
    forget();
    const content = module.page(ctx, asked);
    main.replaceChildren(content);
    main.className = `page-${here.page ?? 'nowhere'}`;
    const title = content.querySelector('h1')?.textContent ?? (here.page ? pageTitle(here.page) : t('no_page'));
    document.title = `${title} · ${t('brand')}`;
    if (moved) main.focus({ preventScroll: true });
    if (moved) scrollTo(0, 0);
    moved = false;
  } catch (error) {
    if (mine !== ending) return;
    endFormer();
    main.replaceChildren(h('div', { class: 'failed', role: 'alert' },
      h('p', {}, t('failed', { why: error.message })),
      h('button', { type: 'button', on: { click: show } }, t('retry'))));
    recovered.add(show);
    if (!(error instanceof ApiError) && !(error instanceof TypeError)) throw error;
  } finally {
    setTimeout(() => follow(), FOLLOWED_AFTER);
  }
}

/** What stands where there is no page: what was asked for, and where to go on. */
function nowhere({ path }) {
  return h('div', { class: 'page' }, h('section', { class: 'card' }, h('div', { class: 'empty', role: 'alert' },
    h('h1', {}, t('no_page')), h('p', {}, t('no_page_text', { path: `#/${path}` })),
    h('a', { class: 'more', href: href('city') }, t('to_city')))));
}

let moved = false;
let shownPage = null;
addEventListener('hashchange', () => {
  const here = route();
  const name = `${here.page}/${here.id}`;
  moved = name !== shownPage;
  shownPage = name;
  // What was asked about a page that one has left is asked no more.
  if (moved) for (const open of document.querySelectorAll('dialog')) open.close();
  show();
});

// -- the frame ---------------------------------------------------------------------------------

function frame() {
  const here = route();
  document.getElementById('skip').textContent = t('skip');
  document.getElementById('foot').replaceChildren(h('p', {}, t('foot')));
  const dark = document.documentElement.dataset.theme === 'dark';
  const themeName = t(dark ? 'theme_light' : 'theme_dark');
  document.getElementById('top').replaceChildren(
    h('a', { class: 'brand', href: href(firstPage(store.session)) },
      h('img', { src: 'cockpit/icon.svg', alt: '', width: 28, height: 28 }),
      h('span', {}, lang() === 'zh' ? '机时' : 'Jishi'), h('small', {}, lang() === 'zh' ? 'Jishi' : '机时')),
    navigation(here.page, store.session),
    // A follower knows no instrument to be found, and has nothing live: its figures say of when they are.
    ...(store.config.follower ? [h('span', { class: 'spacer' })] : [finder(), pulse]),
    h('div', { class: 'tools' },
      h('button', { type: 'button', class: 'quiet', id: 'language', lang: lang() === 'zh' ? 'en' : 'zh-CN', on: { click: language } }, t('language')),
      h('button', { type: 'button', class: 'quiet', id: 'theme', 'aria-label': themeName, title: themeName, on: { click: theme } }, icon(dark ? 'sun' : 'moon')),
      tools(),
      h('button', { type: 'button', class: 'quiet', id: 'sign-out', 'aria-label': t('sign_out'), title: `${t('sign_out')} (${store.session?.name ?? ''})`, on: { click: signOut } }, icon('out'))));
}

const [word, time] = [h('span'), h('time')];
const pulse = h('span', { class: 'pulse' }, h('i', { 'aria-hidden': 'true' }), word, time);
onLive((live) => { if (live) drawPulse(); });
/** In place: what was made anew each second would begin to breathe each second. */
function drawPulse() {
  pulse.className = `pulse ${link.state}`;
  word.textContent = link.state === 'up' ? t('live') : t('offline');
  time.textContent = clock(store.live?.as_of ?? link.at, store.config.timezone);
}

// A button that is taken out of the page with the focus on it has all of the page styled and laid out before: it gives it up first.

/** The button answers in a frame of its own; then all is written anew, and the page before is not styled for a language in which nobody reads it. */
async function language({ currentTarget: own }) {
  own.blur();
  own.disabled = true;
  await frameShown();
  setLanguage(lang() === 'zh' ? 'en' : 'zh');
  banner();
  await show();
  if (document.activeElement === document.body) document.getElementById('language')?.focus();
}

function theme({ currentTarget: own }) {
  own.blur();
  const root = document.documentElement;
  root.dataset.theme = root.dataset.theme === 'dark' ? 'light' : 'dark';
  try { localStorage.setItem('jishi.theme', root.dataset.theme); } catch { /* private mode */ }
  frame();
  redrawAll();
  document.getElementById('theme').focus();
}

function finder() {
  const list = h('ul', { id: 'found', role: 'listbox', 'aria-label': t('instruments'), hidden: true });
  let timer;
  let current = -1;
  const pick = (to) => {
    const options = [...list.querySelectorAll('[role=option]')];
    if (!options.length) return;
    current = (to + options.length) % options.length;
    options.forEach((o, i) => o.setAttribute('aria-selected', String(i === current)));
    input.setAttribute('aria-activedescendant', options[current].id);
  };
  const close = () => {
    list.hidden = true;
    current = -1;
    input.setAttribute('aria-expanded', 'false');
    input.removeAttribute('aria-activedescendant');
  };
  const open = (option) => { close(); input.value = ''; location.hash = option.dataset.to; };
  let shown = ''; // what the list was found for
  const look = async () => {
    clearTimeout(timer);
    const q = input.value.trim();
    if (!q) { close(); return; }
    let items;
    let gateways;
    try { [{ items }, { items: gateways }] = await Promise.all([get('instruments', { q, limit: 8 }), get('gateways', { q, limit: 3 })]); } catch { return; }
    if (q !== input.value.trim()) return;
    shown = q;
    const option = (to, i, ...kids) => h('li', {
      role: 'option', id: `found-${i}`, 'aria-selected': 'false', 'data-to': to,
      on: { pointerdown: (event) => { event.preventDefault(); open(event.currentTarget); } },
    }, kids);
    list.replaceChildren(
      ...items.map((item, i) => option(href('instrument', {}, item.instrument_id), i, h('span', {}, item.name), h('small', {}, item.instrument_id, ' ', state(item.status.activity), ' ', badge(item.status.availability), ' ', institutionName(item.institution_id)))),
      ...gateways.map((one, i) => option(href('gateway', {}, one.gateway_id), items.length + i, h('span', {}, one.name), h('small', {}, t('gateway'), ' ', one.gateway_id, ' ', state(one.online === null ? 'unknown' : one.online ? 'online' : 'offline')))));
    if (!items.length && !gateways.length) list.replaceChildren(h('li', { class: 'nothing', role: 'option', 'aria-selected': 'false', 'aria-disabled': 'true' }, t('no_match')));
    list.hidden = false;
    current = -1;
    input.setAttribute('aria-expanded', 'true');
  };
  /** Opens what is chosen, or the first that is found; what was typed just now is looked up first. */
  const enter = async () => {
    if (list.hidden || shown !== input.value.trim()) await look();
    const options = list.querySelectorAll('[role=option]:not([aria-disabled])');
    const chosen = options[Math.max(current, 0)];
    if (!list.hidden && chosen) open(chosen);
  };
  const input = h('input', {
    type: 'search', placeholder: t('search'), 'aria-label': t('search'), role: 'combobox', autocomplete: 'off',
    'aria-controls': 'found', 'aria-expanded': 'false', 'aria-autocomplete': 'list',
    on: {
      input: () => { clearTimeout(timer); timer = setTimeout(look, 180); },
      blur: () => setTimeout(close, 100),
      keydown: (event) => {
        if (event.key === 'ArrowDown') { event.preventDefault(); pick(current + 1); }
        else if (event.key === 'ArrowUp') { event.preventDefault(); pick(current - 1); }
        else if (event.key === 'Escape') close();
        else if (event.key === 'Enter') enter();
      },
    },
  });
  return h('div', { class: 'finder' }, input, list);
}

// -- the banner --------------------------------------------------------------------------------

const bannerBox = document.getElementById('banner');
let bannerTimer;
function banner(before) {
  clearTimeout(bannerTimer);
  document.body.classList.toggle('offline', link.state !== 'up');
  drawPulse();
  if (link.state === 'up') {
    bannerBox.className = before ? 'good' : '';
    bannerBox.textContent = before ? t('back') : '';
    if (before) bannerTimer = setTimeout(banner, 3000);
    return;
  }
  const time = clock(store.live?.as_of ?? link.at, store.config.timezone);
  bannerBox.className = 'bad';
  bannerBox.textContent = t(link.state === 'offline' ? 'offline_banner' : 'stale_banner', { time });
}
onLink((_, before) => banner(before));
// While nothing else asks, somebody must.
setInterval(() => { if (link.state !== 'up' && store.session) get('session').catch(() => {}); }, 2000);

// -- signing in --------------------------------------------------------------------------------

async function signOut() {
  // What asks still would be refused once the session has ended: it is given up before.
  store.session = null;
  leave();
  await remove('session').catch(() => {});
  askForKey();
}

/** Nothing of what stands there asks any more. */
function leave() {
  unwatchCity();
  ending?.();
  ending = null;
}

function askForKey() {
  leave();
  banner(); // in the language of now
  document.getElementById('skip').textContent = t('skip');
  document.getElementById('top').replaceChildren();
  document.getElementById('foot').replaceChildren();
  document.title = `${t('sign_in')} · ${t('brand')}`;
  const wrong = h('p', { class: 'wrong', role: 'alert' });
  const elsewhere = h('div', { class: 'elsewhere' });
  if (store.config.oidc !== null) {
    import('./signing/oidc.js').then(({ offer }) => elsewhere.replaceChildren(...offer()));
  }
  const key = h('input', { type: 'password', name: 'key', id: 'key', autocomplete: 'current-password', required: true, spellcheck: 'false' });
  const stay = h('input', { type: 'checkbox', name: 'remember' });
  main.className = 'page-sign-in';
  main.replaceChildren(h('form', {
    class: 'card sign-in',
    on: {
      submit: async (event) => {
        event.preventDefault();
        wrong.textContent = '';
        try {
          store.session = await signIn(key.value.trim(), stay.checked);
          begin();
        } catch (error) {
          wrong.textContent = error.status === 401 ? t('bad_key') : t('failed', { why: error.message });
          key.select();
        }
      },
    },
  },
  h('img', { src: 'cockpit/icon.svg', alt: '', width: 56, height: 56 }),
  h('h1', {}, lang() === 'zh' ? '机时 Jishi' : 'Jishi 机时'), elsewhere, h('p', { class: 'note' }, t('sign_in_text')),
  h('label', { for: 'key' }, t('key')), key, h('label', { class: 'check' }, stay, t('remember')), wrong,
  h('button', { type: 'submit', class: 'primary' }, t('sign_in')),
  h('button', { type: 'button', class: 'quiet', on: { click: () => { setLanguage(lang() === 'zh' ? 'en' : 'zh'); askForKey(); } } }, t('language'))));
  key.focus();
}
onSignedOut(() => { if (store.session) { store.session = null; askForKey(); } });

function begin() {
  comeBack();
  loadNames(['districts']).catch(() => {});
  const mine = store.session;
  let followed = store.config.follower;
  follow = () => {
    if (followed || store.session !== mine) return;
    followed = true;
    // A stream's first snapshot may cost the service a look at every instrument: the counts go first.
    Promise.race([firstCounts().catch(() => {}), new Promise((go_) => { setTimeout(go_, 1000); })])
      .then(() => { if (store.session === mine) watchCity(); });
  };
  if (pageOf(route().page)?.live) follow();
  land().then(() => {
    if (store.session === mine && location.hash.length <= 2) history.replaceState(null, '', href(firstPage(mine)));
    const here = route();
    shownPage = `${here.page}/${here.id}`;
    if (store.session === mine) return show();
    return null;
  // Whoever wants a tool that could not be read asks for it once more.
  }).finally(() => readTools().catch(() => {}));
}

async function start() {
  // The page that the address names is read while the service is asked who is there.
  pageOf(route().page)?.load().catch(() => {});
  try {
    await Promise.all([loadConfig(), loadSession()]);
    if (!store.session && store.config.demo) store.session = await post('session', {});
  } catch (error) {
    if (error.status !== 403) {
      main.replaceChildren(h('div', { class: 'failed', role: 'alert' }, h('p', {}, t('failed', { why: error.message })),
        h('button', { type: 'button', on: { click: start } }, t('retry'))));
      return;
    }
  }
  if (store.session) begin();
  else askForKey();
}
start();
