// Alerts as a table, paged by the service: a city's outage may open thousands.

import { all } from '../api.js';
import { card, h, table } from '../dom.js';
import { count, moment, span } from '../formats.js';
import { gatewayName, instrumentName } from '../named.js';
import { href } from '../route.js';
import { institutionName, store } from '../store.js';
import { t } from '../words.js';
import { handleButton } from './acting.js';
import { detailText, kindTitle, ofWhat, subjectHref } from './kinds.js';
import './words.js';

const SHOWN = 50; // more of them, a button away
const EVERY = 15_000;

export const stateBadge = (alert) => h('span', { class: `badge al-${alert.state}`, 'data-alert-state': alert.id }, t(`al_state_${alert.state}`));

/** What an alert is of, with a way there where it has a page; an institution by its name. */
export function subjectOf(alert) {
  const to = subjectHref(alert);
  const written = { instrument: instrumentName, gateway: gatewayName }[ofWhat(alert)];
  const name = alert.subject_id === alert.institution_id ? institutionName(alert.subject_id)
    : alert.detail.name ?? written?.(alert.subject_id) ?? alert.subject_id;
  return to ? h('a', { href: to }, name) : name;
}

/** Who looks after it, and what they said. */
const caredFor = (alert, tz) => [alert.acknowledged_by, alert.muted_until && t('al_muted_until', { time: moment(alert.muted_until, tz) }), alert.note].filter(Boolean);

const lasts = (alert) => ((alert.closed_at ? Date.parse(alert.closed_at) : Date.now()) - Date.parse(alert.since)) / 1000;

/**
 * @param {any} ctx @param {{state: string, kind?: string, institution?: string, subject?: string}} asked
 * @param {() => void} changed what to do once somebody saw to one
 */
export function listCard(ctx, asked, tz, changed) {
  let shown = SHOWN;
  const bound = store.session.institution_id !== null || store.config.follower;
  const closed = asked.state === 'closed';
  const el = card(ctx, { title: t(`al_state_${asked.state}`), shape: 'rows', every: EVERY, empty: t(asked.state === 'open' && !asked.kind && !asked.institution ? 'al_none_open' : 'al_none') }, async ({ note }) => {
    const { items, complete } = await all('alerts', { ...asked, limit: Math.min(shown, 1000) }, { most: shown, signal: ctx.signal });
    note(items.length ? t(complete ? 'al_shown' : 'al_more_there', { n: count(items.length) }) : t('alerts_one_cause'));
    if (!items.length) return null;
    const done = () => { el.reload(); changed(); };
    return h('div', { class: 'stack' }, table({
      name: `alerts-${asked.state}`, caption: t('alerts'), rows: items, key: (x) => x.id, cards: 'named', entire: true, columns: [
        { key: 'kind', label: t('al_kind'), value: (x) => kindTitle(x.kind), raw: (x) => x.kind, cell: (x) => h('a', { href: href('alerts', {}, String(x.id)), 'data-alert': x.id, 'aria-label': `${kindTitle(x.kind)} · ${t('al_link_of', { name: x.subject_id })}` }, kindTitle(x.kind)) },
        { key: 'subject_id', label: t('al_subject'), value: (x) => x.subject_id, cell: subjectOf },
        ...(bound ? [] : [{ key: 'institution_id', label: t('institution'), minor: true, value: (x) => institutionName(x.institution_id), raw: (x) => x.institution_id }]),
        { key: 'detail', label: t('al_what'), value: (x) => detailText(x, tz), cell: (x) => h('span', { class: 'wraps' }, detailText(x, tz)) },
        { key: 'since', label: t('from'), value: (x) => x.since, cell: (x) => moment(x.since, tz) },
        { key: 'lasts', label: t(closed ? 'al_lasted' : 'al_lasts'), num: true, minor: true, value: lasts, cell: (x) => span(lasts(x)) },
        { key: 'note', label: t('al_who'), value: (x) => caredFor(x, tz).join(' · ') || null, cell: (x) => h('span', { class: 'wraps' }, caredFor(x, tz).join(' · ') || '–') },
        { key: 'act', label: t('al_state'), plain: true, value: () => '', cell: (x) => h('div', { class: 'chips' }, stateBadge(x), handleButton(x, tz, done)) },
      ],
    }), complete ? null : h('button', { type: 'button', 'data-more': 'alerts', on: { click: ({ currentTarget: own }) => { own.disabled = true; shown += SHOWN * 4; el.reload(); } } }, t('al_more')));
  });
  return el;
}
