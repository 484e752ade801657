// One alert: what it means, what to do next, and all that befell it: who and when.

import { get } from '../api.js';
import { card, h } from '../dom.js';
import { fullMoment, span } from '../formats.js';
import { renew, settle } from '../keep.js';
import { href } from '../route.js';
import { nameOf } from '../named.js';
import { institutionName } from '../store.js';
import { t } from '../words.js';
import { handleButton } from './acting.js';
import { detailText, kindMeans, kindNext, kindTitle, ofWhat } from './kinds.js';
import { stateBadge, subjectOf } from './list.js';
import './words.js';

const EVERY = 15_000;

/**
 * @param {any} ctx with the alert's id @param {string} tz
 * @param {(alert: any) => void} found told of it whenever it is read @param {() => void} lost told that there is none
 */
export function oneCard(ctx, tz, found, lost) {
  const all = h('div', { class: 'stack' }); // what of it says the same stays, so that it can be marked and copied
  const el = card(ctx, { title: t('al_of', { id: ctx.id }), every: EVERY }, async ({ tools }) => {
    const alert = await get(`alerts/${encodeURIComponent(ctx.id)}`, {}, ctx.signal).catch((error) => {
      if (error.status === 404 || error.status === 422) lost();
      throw error;
    });
    found(alert);
    const button = handleButton(alert, tz, () => el.reload());
    settle(tools, stateBadge(alert), button);
    const lasted = (Date.parse(alert.closed_at ?? new Date().toISOString()) - Date.parse(alert.since)) / 1000;
    renew(all,
      h('div', { class: 'now' }, h('dl', {}, [
        [t('al_subject'), subjectOf(alert)],
        alert.institution_id && alert.institution_id !== alert.subject_id && [t('institution'), institutionName(alert.institution_id)],
        detailText(alert, tz) && [t('al_what'), detailText(alert, tz)],
        [t('from'), fullMoment(alert.since, tz)],
        [t(alert.closed_at ? 'al_lasted' : 'al_lasts'), span(lasted)],
        alert.closed_because && [t('al_because'), t(`al_because_${alert.closed_because}`)],
        alert.note && [t('al_note'), alert.note],
        alert.state === 'muted' && [t('al_mute'), t('al_muted_until', { time: fullMoment(alert.muted_until, tz) })],
      ].filter(Boolean).map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))))),
      h('div', { class: 'alert-words' },
        h('div', {}, h('h3', {}, t('al_means')), h('p', {}, kindMeans(alert.kind))),
        h('div', {}, h('h3', {}, t('al_next')), h('p', {}, kindNext(alert.kind)))),
      h('div', {}, h('h3', {}, t('al_history')), h('ol', { class: 'alert-events' }, alert.events.map((one) => h('li', { 'data-event': one.event },
        h('time', {}, fullMoment(one.at, tz)), h('span', {}, h('b', {}, t(`al_${one.event}`)), ' ', t('al_by', { who: one.actor ?? t('al_itself') }), one.note ? h('q', {}, one.note) : null))))));
    return all;
  });
  return el;
}

/** What stands where no such alert is. */
export const noAlert = (id) => h('section', { class: 'card' }, h('div', { class: 'empty', role: 'alert' },
  h('h1', {}, t('al_no_such', { id })), h('a', { class: 'more', href: href('alerts') }, t('to_alerts'))));

export async function oneTitle(alert) {
  const of = ofWhat(alert);
  const name = alert.subject_id === alert.institution_id ? institutionName(alert.subject_id)
    : alert.detail.name ?? (of === 'instrument' || of === 'gateway' ? await nameOf(of, alert.subject_id) : alert.subject_id);
  return t('al_one', { kind: kindTitle(alert.kind), name });
}
