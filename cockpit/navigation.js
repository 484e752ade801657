// The bar of pages: those that everybody looks at side by side, the others in menus.

import { h } from './dom.js';
import { MENUS, offered, pageTitle } from './pages.js';
import { href } from './route.js';
import { t } from './words.js';

export function navigation(current, session) {
  const to = ({ name }) => h('a', { href: href(name), 'aria-current': current === name ? 'page' : null }, pageTitle(name));
  return h('nav', { 'aria-label': t('pages') },
    offered('look', session).map(to),
    MENUS.map((group) => menu(group, offered(group, session), current, to)));
}

function menu(group, pages, current, to) {
  if (!pages.length) return null;
  const id = `menu-${group}`;
  const button = h('button', {
    type: 'button', popovertarget: id, class: pages.some(({ name }) => name === current) ? 'menu current' : 'menu',
  }, t(id.replace('-', '_')));
  // In the top layer: a bar that scrolls on a phone would cut it off.
  const list = h('div', { id, popover: 'auto', class: 'menu-list', on: { toggle: (event) => { if (event.newState === 'open') place(list, button); } } }, pages.map(to));
  return [button, list];
}

function place(list, button) {
  const at = button.getBoundingClientRect();
  list.style.top = `${at.bottom + 6}px`;
  list.style.left = `${Math.max(8, Math.min(at.left, innerWidth - list.offsetWidth - 8))}px`;
}
