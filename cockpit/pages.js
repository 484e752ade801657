// Every page of the cockpit: its name in the address, its title, where the navigation has it, and
// who is shown it. A new page is a row here.

import { store } from './store.js';
import { has, learn, t } from './words.js';

/**
 * @typedef {object} Page
 * @property {string} name first part of the address
 * @property {[string, string]} title in Chinese and English
 * @property {'look' | 'work' | 'manage'} [group] where the navigation has it; nowhere without one
 * @property {true} [live] it shows the counts of now
 * @property {true} [one] it is about one thing, whose id the address has to name
 * @property {(session: object) => boolean} [may] whether this key is offered it; everybody without one
 * @property {() => Promise<any>} load
 * @property {{title?: [string, string], load?: () => Promise<any>}} [follower] a follower answers it, with what is other there; not without one
 */

/** @type {Page[]} */
export const PAGES = [
  { name: 'city', title: ['全市', 'City'], group: 'look', live: true, load: () => import('./pages/city.js'), follower: { title: ['各城市', 'Cities'], load: () => import('./pages/cities.js') } },
  { name: 'home', title: ['机构', 'Institution'], group: 'look', live: true, load: () => import('./pages/home.js') },
  { name: 'explore', title: ['分析', 'Explore'], group: 'look', load: () => import('./pages/explore.js') },
  { name: 'available', title: ['可用仪器', 'Available'], group: 'look', load: () => import('./pages/available.js') },
  { name: 'week', title: ['一周', 'Week'], group: 'work', load: () => import('./pages/week.js') },
  { name: 'reconcile', title: ['核对', 'Reconcile'], group: 'work', load: () => import('./pages/reconcile.js') },
  { name: 'reports', title: ['报告', 'Reports'], group: 'work', load: () => import('./pages/reports.js') },
  { name: 'vouchers', title: ['创新券', 'Vouchers'], group: 'work', load: () => import('./pages/vouchers.js') },
  { name: 'maintenance', title: ['维护', 'Maintenance'], group: 'work', load: () => import('./pages/maintenance.js') },
  { name: 'evaluation', title: ['评价', 'Evaluation'], group: 'work', load: () => import('./pages/evaluation.js') },
  { name: 'alerts', title: ['告警', 'Alerts'], group: 'manage', load: () => import('./pages/alerts.js'), follower: {} },
  { name: 'health', title: ['运行状况', 'Health'], group: 'manage', load: () => import('./pages/health.js') },
  { name: 'manage', title: ['登记', 'Register'], group: 'manage', may: (session) => session?.scopes.includes('operate'), load: () => import('./pages/manage.js') },
  { name: 'purchase', title: ['购置评议', 'Purchase review'], load: () => import('./pages/purchase.js') },
  { name: 'gateway', title: ['网关', 'Gateway'], one: true, load: () => import('./pages/gateway.js') },
  { name: 'instrument', title: ['仪器', 'Instrument'], one: true, load: () => import('./pages/instrument.js') },
];

/** Where somebody arrives who asked for nothing: a house at its own, the city at the city. */
export const firstPage = (session) => (session?.institution_id && pageOf('home') ? 'home' : 'city');

/** Groups that fold into a menu; the pages of the others stand in the bar itself. */
export const MENUS = ['work', 'manage'];

const BY_NAME = new Map(PAGES.map((page) => [page.name, page]));
/** A page as this service has it: a follower knows no instrument, and most pages are the cities' own. */
const here = (page) => (store.config.follower ? page?.follower && { ...page, ...page.follower } : page);
export const pageOf = (name) => here(BY_NAME.get(name));

/** What the navigation offers to this session, in the order above. */
export const offered = (group, session) => PAGES.filter((page) => page.group === group && here(page) && (page.may?.(session) ?? true));

const titled = (name) => `page_${name}`;
const followed = (name) => `followed_${name}`;
export const pageTitle = (name) => t(store.config.follower && has(followed(name)) ? followed(name) : titled(name));

learn({
  ...Object.fromEntries(PAGES.map(({ name, title }) => [titled(name), title])),
  ...Object.fromEntries(PAGES.filter(({ follower }) => follower?.title).map(({ name, follower }) => [followed(name), follower.title])),
  menu_work: ['业务', 'Work'], menu_manage: ['管理', 'Manage'],
});
