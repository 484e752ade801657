// What a wall shows, chosen: saved views and pages, and how long each stands.

import { h } from '../dom.js';
import { offered, pageTitle } from '../pages.js';
import { store } from '../store.js';
import { t } from '../words.js';
import { PAGE, SECONDS, startWall } from './wall.js';

export function choices(views) {
  const wrong = h('p', { class: 'wrong', role: 'alert' });
  const box = (value, text, checked) => h('label', { class: 'check' }, h('input', { type: 'checkbox', name: 'of', value, checked }), text);
  const seconds = h('input', { type: 'number', name: 'seconds', min: SECONDS.least, max: SECONDS.most, value: SECONDS.usual, required: true, 'aria-label': t('wall_seconds') });
  const form = h('form', {
    id: 'wall-form', class: 'stack',
    on: {
      submit: (event) => {
        event.preventDefault();
        const of = [...form.querySelectorAll('[name=of]:checked')].map((el) => el.value);
        wrong.textContent = of.length ? '' : t('wall_none');
        if (of.length) startWall(Number(seconds.value), of);
      },
    },
  },
  h('h3', {}, t('wall')), h('p', { class: 'note' }, t('wall_note')),
  h('fieldset', { class: 'chips' }, h('legend', { class: 'hidden' }, t('wall_choose')),
    views.map((view) => box(view.name, view.name, true)),
    offered('look', store.session).map(({ name }) => box(`${PAGE}${name}`, pageTitle(name), !views.length && name === 'city'))),
  h('div', { class: 'fields' }, h('label', { class: 'field' }, h('span', {}, t('wall_seconds')), seconds), h('button', { type: 'submit' }, t('wall_start'))), wrong);
  return form;
}
