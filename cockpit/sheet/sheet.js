// A sheet: whatever page stands there, as the browser prints it. Before: tables are read to their
// end, the light theme is put on and charts are drawn in it, a head and a line to sign are added.
// Afterwards all is as before. How it looks on paper is in print.css.

import { redrawAll, rem } from '../charts.js';
import { drawAll } from '../dom.js';
import { store } from '../store.js';
import { learn } from '../words.js';
import { foot, head } from './head.js';
import { WORDS } from './words.js';

learn(WORDS);

const MORE_MOST = 10; // times that a table is asked for more rows
const PATIENCE = 10_000; // ms for each
const PORTRAIT = 703; // CSS px between the margins of A4
const LANDSCAPE = 1032;
const SIZE = 12.5; // px, the root's on paper
const SMALLEST = 7.5;

let undress = null;

/** Reads on where a table offers more rows: `data-more` on the button. */
async function whole() {
  for (let n = 0; n < MORE_MOST; n += 1) {
    const more = /** @type {HTMLElement} */ (document.querySelector('#main [data-more]'));
    if (!more) return;
    more.click();
    const until = Date.now() + PATIENCE;
    while (more.isConnected && Date.now() < until) await new Promise((done) => { setTimeout(done, 50); });
    if (more.isConnected) return;
  }
}

/** Wide tables lie on their side, and wider ones are written smaller: nothing is cut. */
function fit(root) {
  // How much room each needs: asked to be narrow, it gets no narrower. All are asked, then read: the page is laid out once.
  const tables = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('#main table')]);
  for (const one of tables) one.style.width = '1px';
  const widest = Math.max(0, ...tables.map((one) => one.offsetWidth)) / rem();
  for (const one of tables) one.style.removeProperty('width');
  root.dataset.sheet = widest * SIZE > PORTRAIT ? 'wide' : 'tall';
  root.style.setProperty('--sheet-size', `${Math.max(SMALLEST, Math.min(SIZE, LANDSCAPE / (widest || 1)))}px`);
}

function dress() {
  if (undress || !store.session) return;
  const root = document.documentElement;
  const main = document.getElementById('main');
  const { theme } = root.dataset;
  const added = [head(), foot(Boolean(main.querySelector('[data-more]')))];
  drawAll();
  fit(root);
  root.dataset.theme = 'light';
  redrawAll(true);
  main.before(added[0]);
  main.after(added[1]);
  undress = () => {
    undress = null;
    for (const el of added) el.remove();
    delete root.dataset.sheet;
    root.style.removeProperty('--sheet-size');
    root.dataset.theme = theme;
    redrawAll();
  };
}

export async function print() {
  await whole();
  globalThis.print();
}

addEventListener('beforeprint', dress);
addEventListener('afterprint', () => undress?.());
addEventListener('keydown', (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey || event.key.toLowerCase() !== 'p' || !store.session) return;
  event.preventDefault();
  print();
});
