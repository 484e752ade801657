// Registering and keeping records, importing files of them, keys: for whoever may operate.

import { choice, h } from '../dom.js';
import { calendarCard } from '../manage/calendar.js';
import { deviceCard, waitingCard } from '../manage/device.js';
import { importCard } from '../manage/imports.js';
import { keysCard } from '../manage/keys.js';
import { recordCard } from '../manage/record.js';
import { pageTitle } from '../pages.js';
import { go } from '../route.js';
import { mayOperate, store } from '../store.js';
import { t } from '../words.js';
import '../manage/words.js';

export function page(ctx) {
  const head = h('h1', {}, pageTitle('manage'));
  if (!mayOperate()) return h('div', { class: 'page' }, h('div', { class: 'page-head' }, head), h('p', { class: 'empty', role: 'alert' }, t('no_scope')));
  const home = store.session.institution_id;
  const offered = ['instrument', 'gateway', 'institution', ...(home ? [] : ['calendar']), 'import', ...(store.session.scopes.includes('admin') ? ['keys'] : [])];
  const what = offered.includes(ctx.params.what) ? ctx.params.what : 'instrument';
  // A house registers no other: it keeps its own record.
  if (home && what === 'institution') ctx.params.id = home;
  const after = h('div', { class: 'stack' });
  const done = (told, isNew) => {
    if (what === 'instrument' && isNew) after.replaceChildren(waitingCard(ctx, told.instrument_id, told.gateway_id), deviceCard(ctx, told.gateway_id, told.instrument_id, told.source?.mapping));
    else if (what === 'gateway' && isNew) after.replaceChildren(deviceCard(ctx, told.gateway_id, null));
  };
  const shown = { calendar: calendarCard, import: importCard, keys: keysCard }[what];
  if (!shown && what === 'gateway' && ctx.params.id) after.append(deviceCard(ctx, ctx.params.id, null));
  return h('div', { class: 'page' },
    h('div', { class: 'page-head' }, head, h('span', { class: 'spacer' }),
      choice(t('mg_what'), offered.map((one) => [one, t(`mg_${one}`)]), what, (value) => go({ what: value, id: undefined }))),
    shown ? shown(ctx) : recordCard(ctx, what, done), after);
}
