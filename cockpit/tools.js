// The frame's tools. Their modules are read once a page stands, or sooner by whoever wants one: the
// first paint waits for none of them.

import { h, icon } from './dom.js';
import { learn, t } from './words.js';

learn({ print: ['打印或存为 PDF', 'Print or save as PDF'], views: ['视图', 'Views'] });

const sheet = () => import('./sheet/sheet.js');
const menu = () => import('./views/menu.js'); // and with it the wall

const tool = (name, title, use) => h('button', {
  type: 'button', class: 'quiet', id: name, 'aria-label': t(name), title, on: { click: use },
}, icon(name));

export const tools = () => [
  tool('views', t('views'), () => menu().then(({ openViews }) => openViews())),
  tool('print', `${t('print')} (Ctrl+P)`, () => sheet().then(({ print }) => print())),
];

export const readTools = () => Promise.all([sheet(), menu()]);
