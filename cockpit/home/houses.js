// Whose homes there are: institutions with what they have and how it is now, the largest first.

import { card, h, table } from '../dom.js';
import { count } from '../formats.js';
import { href } from '../route.js';
import { districtName, institutionName, store } from '../store.js';
import { t } from '../words.js';
import './words.js';

const SHOWN = 25;

export function housesCard(ctx) {
  let shown = SHOWN;
  let rows = null;
  ctx.onLive(() => rows?.refresh());
  const now = (x) => store.live?.institutions.get(x.institution_id);
  const live = (key, label, of) => ({ key, label, num: true, live: true, value: (x) => (now(x) ? of(now(x)) : null), cell: (x) => count(now(x) ? of(now(x)) : null) });
  const el = card(ctx, { title: t('institutions'), shape: 'rows' }, async ({ note }) => {
    const all = [...store.institutions.values()].filter((x) => x.instruments).sort((a, b) => b.instruments - a.instruments);
    if (!all.length) return null;
    note(t('hm_houses', { k: count(Math.min(shown, all.length)), n: count(all.length) }));
    rows = table({
      name: 'institutions', caption: t('institutions'), rows: all.slice(0, shown), columns: [
        { key: 'name', label: t('institution'), value: (x) => institutionName(x.institution_id), cell: (x) => h('a', { href: href('home', {}, x.institution_id), 'data-house': x.institution_id }, institutionName(x.institution_id)) },
        { key: 'institution_id', hidden: true, value: (x) => x.institution_id },
        { key: 'district_code', label: t('district'), minor: true, value: (x) => (x.district_code ? districtName(x.district_code) : t('none')), raw: (x) => x.district_code },
        { key: 'instruments', label: t('instruments'), num: true, value: (x) => x.instruments, cell: (x) => count(x.instruments) },
        live('running', t('running'), (g) => g.activity.running), live('offline', t('offline'), (g) => g.connectivity.offline),
      ],
    });
    return h('div', { class: 'stack' }, rows, shown < all.length ? h('button', { type: 'button', on: { click: () => { shown += SHOWN; el.reload(); } } }, t('more')) : null);
  });
  return el;
}
