// The frame's menu of saved views: save this one, open, rename, delete, show first, put on a wall.

import { dialog, h } from '../dom.js';
import { t } from '../words.js';
import { addressOf, forget, keep, list, rename, wrongName } from './kept.js';
import { choices } from './choices.js';

export async function openViews() {
  const wrong = h('p', { class: 'wrong', role: 'alert' });
  const shown = h('div', { class: 'stack' });
  const wall = h('div', { class: 'stack' });
  let views = [];
  const tell = (error) => { wrong.textContent = t('failed', { why: error.message }); };
  const draw = async () => {
    views = await list();
    shown.replaceChildren(views.length ? h('ul', { class: 'views' }, views.map(line)) : h('p', { class: 'note' }, t('views_none')));
    wall.replaceChildren(choices(views));
  };
  /** Does it, says what went wrong, shows what there is then. */
  const after = (what) => async () => {
    wrong.textContent = '';
    try {
      await what();
      await draw();
    } catch (error) { tell(error); }
  };
  const line = (view) => h('li', { data: { view: view.name } },
    h('a', { href: view.address, on: { click: () => shown.closest('dialog').close() }, 'aria-current': addressOf() === view.address ? 'page' : null }, view.name),
    h('button', { type: 'button', class: 'quiet first', 'aria-pressed': String(view.landing), 'aria-label': t('view_make_first', { name: view.name }), on: { click: after(() => keep(view.name, view.address, !view.landing)) } }, t('view_first')),
    h('button', { type: 'button', class: 'quiet', 'aria-label': t('view_rename_of', { name: view.name }), on: { click: () => renaming(view) } }, t('view_rename')),
    h('button', { type: 'button', class: 'quiet', 'aria-label': t('view_delete_of', { name: view.name }), on: { click: after(() => forget(view.name)) } }, t('view_delete')));
  const renaming = (view) => {
    const row = shown.querySelector(`[data-view="${CSS.escape(view.name)}"]`);
    const name = h('input', { type: 'text', value: view.name, 'aria-label': t('view_new_name') });
    row.replaceChildren(h('form', { class: 'fields', on: { submit: (event) => named(event, name, () => rename(view, name.value.trim())) } },
      name, h('button', { type: 'submit' }, t('view_keep'))));
    name.select();
  };
  const named = (event, input, what) => {
    event.preventDefault();
    const said = wrongName(input.value.trim(), views);
    wrong.textContent = said ?? '';
    if (!said) after(what)();
  };
  const name = h('input', { type: 'text', name: 'view', value: document.querySelector('#main h1')?.textContent ?? '', 'aria-label': t('view_name') });
  dialog(t('views'), h('p', { class: 'note' }, t('views_note')),
    h('form', { class: 'fields', id: 'save-view', on: { submit: (event) => named(event, name, () => keep(name.value.trim(), addressOf())) } },
      name, h('button', { type: 'submit', class: 'primary' }, t('view_save'))),
    wrong, shown, wall);
  name.select();
  await draw().catch(tell);
}
