// Alerts of silence that stand: who fell silent, since when, who looks after it.

import { all, post } from './api.js';
import { card, h, table } from './dom.js';
import { count, moment } from './formats.js';
import { href } from './route.js';
import { institutionName, mayOperate } from './store.js';
import { t } from './words.js';

const STANDING = ['open', 'acknowledged', 'muted'];

/** The subject by its name, where it leads somewhere. */
function subject(alert) {
  const id = alert.subject_id;
  if (alert.kind === 'instrument_silent') return h('a', { href: href('instrument', {}, id) }, id);
  if (alert.kind === 'gateway_silent') return h('a', { href: href('explore', { by: 'instrument', gateway: id }) }, id);
  return h('a', { href: href('explore', { by: 'instrument', institution: id }) }, institutionName(id));
}

export function alertCard(ctx, tz) {
  const el = card(ctx, { title: t('alerts'), note: t('alerts_note'), every: 15_000, empty: t('none_alerts'), shape: 'rows' }, async () => {
    const lists = await Promise.all(STANDING.map((state) => all('alerts', { state }, { most: 1000, signal: ctx.signal })));
    const rows = lists.flatMap((list) => list.items);
    if (!rows.length) return null;
    const acknowledge = async (one, button) => {
      button.disabled = true;
      // It may have closed meanwhile: then there is nothing to be done.
      try { await post(`alerts/${one.id}/acknowledge`, {}); } catch (error) { if (error.status !== 409) throw error; } finally { el.reload(); }
    };
    return table({
      name: 'alerts', caption: t('alerts'), rows, mark: (x) => (x.state === 'open' ? 'weak' : null),
      columns: [
        { key: 'kind', label: t('alert_kind'), value: (x) => t(x.kind), raw: (x) => x.kind },
        { key: 'subject_id', label: t('alert_subject'), value: (x) => x.subject_id, cell: subject },
        { key: 'institution_id', label: t('institution'), value: (x) => institutionName(x.institution_id), minor: true },
        { key: 'since', label: t('from'), value: (x) => x.since, cell: (x) => moment(x.since, tz) },
        { key: 'instruments', label: t('children'), num: true, value: (x) => x.instruments, cell: (x) => count(x.instruments) },
        { key: 'state', label: t('alert_state'), value: (x) => t(`alert_${x.state}`), raw: (x) => x.state, cell: (x) => h('span', { 'data-alert-state': x.id }, t(`alert_${x.state}`)), tip: (x) => [t(`alert_${x.state}`), x.acknowledged_by, x.note, x.muted_until && moment(x.muted_until, tz)].filter(Boolean) },
        ...(mayOperate() ? [{ key: 'acknowledge', label: t('acknowledge'), plain: true, value: () => '', cell: (x) => (x.state === 'open' ? h('button', { type: 'button', class: 'link', 'data-alert': x.id, 'aria-label': t('acknowledge_of', { name: x.subject_id }), on: { click: (e) => acknowledge(x, e.target) } }, t('acknowledge')) : x.note ?? '–') }] : []),
      ],
    });
  });
  return el;
}
