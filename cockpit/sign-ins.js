// Who is signed in with this key (an admin: with any), where they came from, and how to put one out.

import { all, remove } from './api.js';
import { card, h, table } from './dom.js';
import { moment } from './formats.js';
import { t } from './words.js';

/** What a browser calls itself, without what all of them say. */
function browserOf(agent) {
  const [, name, version] = agent?.match(/(Edg|OPR|Firefox|Chrome|Version)\/(\d+)/) ?? [];
  const system = agent?.match(/Windows|Android|iPhone|iPad|Mac OS X|Linux/)?.[0];
  const known = { Edg: 'Edge', OPR: 'Opera', Version: 'Safari' }[name] ?? name;
  return known ? [`${known} ${version}`, system].filter(Boolean).join(', ') : agent?.split(' ')[0];
}

export function signInCard(ctx, tz) {
  const el = card(ctx, { title: t('sign_ins'), note: t('sign_ins_note'), every: 60_000, shape: 'rows' }, async () => {
    const { items } = await all('sign-ins', {}, { most: 1000, signal: ctx.signal });
    if (!items.length) return null;
    const end = async (one, button) => {
      button.disabled = true;
      try { await remove(`sign-ins/${one.id}`); } catch (error) { if (error.status !== 404) throw error; }
      el.reload();
    };
    return table({
      name: 'sign-ins', caption: t('sign_ins'), rows: items, key: (x) => x.id,
      columns: [
        { key: 'address', label: t('came_from'), value: (x) => x.address },
        { key: 'agent', label: t('browser'), value: (x) => browserOf(x.agent), raw: (x) => x.agent },
        { key: 'name', label: t('key'), value: (x) => x.name || x.key_id },
        { key: 'created_at', label: t('signed_in_at'), value: (x) => x.created_at, cell: (x) => moment(x.created_at, tz), minor: true },
        { key: 'last_used_at', label: t('last_used'), value: (x) => x.last_used_at, cell: (x) => moment(x.last_used_at, tz) },
        { key: 'expires_at', label: t('ends_at'), value: (x) => x.expires_at, cell: (x) => moment(x.expires_at, tz), minor: true },
        { key: 'end', label: t('end'), plain: true, value: () => '', cell: (x) => (x.current ? t('this_one') : h('button', { type: 'button', class: 'link', 'data-sign-in': x.id, 'aria-label': t('end_of', { name: `${x.address ?? ''} ${browserOf(x.agent) ?? ''}` }), on: { click: (e) => end(x, e.target) } }, t('end'))) },
      ],
    });
  });
  return el;
}
