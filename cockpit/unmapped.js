// What devices behind a gateway say that nobody took, and the form that binds one to an instrument.

import { all, get, patch, post } from './api.js';
import { dialog, h, select } from './dom.js';
import { count, moment } from './formats.js';
import { nameOf } from './named.js';
import { t } from './words.js';

const CHARACTERS = 400;

/** Opens what a gateway's devices said in the last day. */
export async function openUnmapped(gateway, tz) {
  const body = h('div', { class: 'stack unmapped' }, h('p', { class: 'note', role: 'status' }, t('loading')));
  dialog(t('unmapped_of', { name: await nameOf('gateway', gateway) }), body);
  try {
    const [told, instruments] = await Promise.all([get(`gateways/${encodeURIComponent(gateway)}/unmapped`), all('instruments', { gateway })]);
    body.replaceChildren(...(told.items.length
      ? [h('p', { class: 'note' }, t('unmapped_note')), ...told.items.map((topic) => topicCard(topic, instruments.items, tz))]
      : [h('p', { class: 'empty' }, t('unmapped_none'))]));
  } catch (error) {
    body.replaceChildren(h('p', { class: 'warn', role: 'alert' }, t('failed', { why: error.message })));
  }
}

function topicCard(topic, instruments, tz) {
  return h('section', { class: 'card', 'aria-label': topic.topic, 'data-topic': topic.topic },
    h('h3', {}, h('code', {}, topic.topic)),
    h('p', { class: 'note' }, `${t('n_messages', { n: count(topic.messages) })} · ${moment(topic.newest_at, tz, { second: '2-digit' })}`),
    topic.payload === null ? null : h('pre', { tabindex: 0 }, topic.payload.slice(0, CHARACTERS)),
    topic.offers.length ? topic.offers.map((offer) => offerForm(offer, topic, instruments)) : h('p', { class: 'note' }, t('no_mapping_reads')));
}

function offerForm(offer, topic, instruments) {
  const { source, sample } = offer;
  const outcome = h('span', { class: 'note', role: 'status' });
  const place = [source.device, source.channel].filter((x) => x !== null).join(' · ');
  const said = [[sample.power_w, 'W'], [sample.energy_wh, 'Wh']].filter(([x]) => x !== undefined && x !== null).map((x) => x.join(' '));
  const reading = [...said, sample.state ? t(sample.state) : null].filter(Boolean).join(' · ');
  if (offer.instrument_id) return h('p', {}, `${source.mapping}: ${place} ${reading} → ${offer.instrument_id}`);
  let chosen = '';
  const bind = h('button', { type: 'button', disabled: true, on: { click: async () => {
    bind.disabled = true;
    try {
      await patch(`instruments/${encodeURIComponent(chosen)}`, { source });
      // What is still kept of it goes in as well.
      await post(`dead-letters/${topic.dead_letter_id}/replay`).catch(() => {});
      outcome.textContent = t('is_bound', { name: chosen });
    } catch (error) {
      outcome.textContent = t('failed', { why: error.message });
      bind.disabled = false;
    }
  } } }, t('bind'));
  return h('div', { class: 'fields', 'data-mapping': source.mapping },
    h('p', {}, h('b', {}, source.mapping), ` ${place} ${reading}`),
    select(t('instrument'), [['', '–'], ...instruments.map((x) => [x.instrument_id, `${x.name} (${x.instrument_id})${x.source ? ` · ${t('has_source')}` : ''}`])], '', (value) => { chosen = value; bind.disabled = !value; }),
    bind, outcome);
}
