// Which device speaks for an instrument: a mapping chosen from the list, with what it takes and how a
// device of the kind is set up, and the device's and channel's names.

import { get } from '../api.js';
import { h } from '../dom.js';
import { t } from '../words.js';
import './words.js';

const told = (gateway, text) => text.replaceAll('GATEWAY', gateway || 'GATEWAY');

/**
 * A choice of mappings, and below it what the chosen one takes.
 * @param {string} label @param {string} chosen @param {() => string} gateway whose topics are told
 * @param {(name: string) => void} pick
 */
export function mappingChoice(label, chosen, gateway, pick) {
  const list = h('select', { 'data-mapping': 'choice', on: { change: () => { pick(list.value); show(list.value); } } }, h('option', { value: '' }, t('mg_mapping_none')), chosen ? h('option', { value: chosen, selected: true }, chosen) : null);
  const about = h('div', { class: 'stack', 'data-mapping': 'about', role: 'status' });
  const fill = async () => {
    const { items } = await get('mappings');
    list.replaceChildren(list.options[0], ...items.map((one) => h('option', { value: one.name, selected: one.name === list.value }, `${one.title} · ${one.name}`)),
      ...(chosen && !items.some((one) => one.name === chosen) ? [h('option', { value: chosen, selected: list.value === chosen }, chosen)] : []));
  };
  async function show(name) {
    about.replaceChildren();
    if (!name) return;
    const { document } = await get(`mappings/${encodeURIComponent(name)}`).catch(() => ({ document: null }));
    if (!document || list.value !== name) return;
    const topics = [...new Set(document.rules.filter((rule) => !rule.ignore).map((rule) => rule.topic))];
    about.replaceChildren(document.about ? h('p', { class: 'note', lang: 'en' }, told(gateway(), document.about)) : '',
      h('p', { class: 'note' }, t('mg_mapping_takes'), ' ', topics.map((topic) => [h('code', {}, `instruments/v1/${gateway() || 'GATEWAY'}/native/${topic}`), ' '])));
  }
  fill().catch((error) => about.replaceChildren(h('p', { class: 'warn' }, t('failed', { why: error.message }))));
  show(chosen);
  return h('div', { class: 'stack' }, h('label', { class: 'field' }, h('span', {}, label), list), about);
}

/** @param {string} name @param {any} value as the API told it */
export function sourceControl(name, value) {
  const field = h('input', { type: 'hidden', name, value: value ? JSON.stringify(value) : '' });
  let mapping = value?.mapping ?? '';
  const part = (key, word) => h('input', { type: 'text', 'data-source': key, value: value?.[key] ?? '', 'aria-label': t(word), placeholder: t(word), autocomplete: 'off', spellcheck: 'false', on: { input: say } });
  const device = part('device', 'mg_source_device');
  const channel = part('channel', 'mg_source_channel');
  const names = h('div', { class: 'fields' }, device, channel);
  /** What is not chosen here, such as the metrics of an edge node, stays as it is. */
  function say() {
    names.hidden = !mapping;
    const kept = mapping === value?.mapping ? value : {};
    field.value = mapping ? JSON.stringify({ ...kept, mapping, device: device.value.trim(), channel: channel.value.trim() || null }) : '';
  }
  const el = h('fieldset', { class: 'mg-hours' }, h('legend', {}, t('mg_f_source')), field,
    mappingChoice(t('mg_mapping'), mapping, () => field.form?.elements.namedItem('gateway_id')?.value.trim() ?? '', (picked) => { mapping = picked; say(); }),
    names, h('small', { class: 'mg-wrong', 'data-wrong': name, role: 'alert' }));
  names.hidden = !mapping;
  return el;
}
