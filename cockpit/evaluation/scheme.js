// A scheme as people read it: what each part asks for, what keeps from a rank, what bands are called.

import { get } from '../api.js';
import { card, dialog, h, select, table } from '../dom.js';
import { count, moment } from '../formats.js';
import { store } from '../store.js';
import { has, lang, t } from '../words.js';

/** What is written in both languages, or in one that somebody chose. */
export const titled = (texts) => (typeof texts === 'string' ? texts : texts?.[lang()] ?? texts?.en ?? '');
/** What an input is called; what institutions say of it keeps its own word. */
export const inputName = (name) => (has(`ev_in_${name}`) ? t(`ev_in_${name}`) : t('ev_in_said', { word: name.replace(/^value\./, '') }));
const of = (part) => (part.over ? t('ev_over', { a: inputName(part.input), b: inputName(part.over) }) : inputName(part.input));

const termText = (term) => (term.steps
  ? t('ev_steps', { input: of(term), steps: term.steps.map((one) => t('ev_step', one)).join(' · ') })
  : t(term.per && term.per !== 1 ? 'ev_each' : 'ev_times', { per: term.per, input: of(term), points: term.points }));
export const floorText = (floor) => t('ev_least', { input: of(floor), n: floor.least });

export const schemeText = (document) => h('div', { class: 'stack' },
  titled(document.about) && h('p', { class: 'note' }, titled(document.about)),
  h('h3', {}, t('ev_criteria')),
  h('dl', { class: 'facts' }, document.criteria.flatMap((one) => [h('dt', {}, `${titled(one.title)} · ${t('ev_weight', { n: one.weight })}`),
    h('dd', {}, one.terms.map((term) => h('div', {}, termText(term))), h('div', { class: 'note' }, t('ev_full', { n: one.full ?? 100 })))])),
  h('h3', {}, t('ev_floors')), document.floors?.length ? document.floors.map((one) => h('p', {}, floorText(one))) : h('p', { class: 'note' }, t('ev_no_floors')),
  h('h3', {}, t('ev_bands')), document.bands?.length ? h('p', { class: 'chips' }, document.bands.map((one) => h('span', { class: 'badge' }, `${titled(one.title)} ${t('ev_from', { n: one.from })}`))) : h('p', { class: 'note' }, t('ev_no_bands')),
  titled(document.origin?.note) && [h('h3', {}, t('ev_origin_note')), h('p', { class: 'note' }, titled(document.origin.note))],
  document.origin?.sources?.length ? [h('h3', {}, t('ev_sources')), h('ul', { class: 'follows' }, document.origin.sources.map((one) => h('li', { class: 'wraps' }, one)))] : null);

async function openScheme(entry, signal) {
  const holder = h('div');
  const show = async (version) => {
    const found = await get(`schemes/${encodeURIComponent(entry.name)}`, { version }, signal);
    holder.replaceChildren(schemeText(found.document));
  };
  await show(entry.version);
  dialog(titled(entry.title), h('div', { class: 'fields' }, select(t('ev_versions'), entry.versions.map((one) => [String(one), t('ev_version', { n: one })]), String(entry.version), show)), holder);
}

export function schemesCard(ctx) {
  return card(ctx, { title: t('ev_schemes'), shape: 'rows' }, async () => {
    const { items } = await get('schemes', {}, ctx.signal);
    if (!items.length) return null;
    return table({
      name: 'schemes', caption: t('ev_schemes'), rows: items, cards: 'named', columns: [
        { key: 'name', label: t('name'), value: (x) => titled(x.title), raw: (x) => x.name, cell: (x) => h('button', { type: 'button', class: 'link', 'data-scheme': x.name, on: { click: () => openScheme(x, ctx.signal) } }, titled(x.title)) },
        { key: 'subject', label: t('ev_subject'), value: (x) => t(x.subject), raw: (x) => x.subject },
        { key: 'version', label: t('ev_versions'), num: true, value: (x) => x.version, cell: (x) => (x.versions.length > 1 ? `${x.version} (${x.versions.join(', ')})` : count(x.version)) },
        { key: 'criteria', label: t('ev_criteria'), num: true, value: (x) => x.criteria },
        { key: 'origin', label: t('ev_origin'), minor: true, value: (x) => t(`ev_${x.origin}`), raw: (x) => x.origin },
        { key: 'created_at', label: t('ev_made'), minor: true, value: (x) => x.created_at, cell: (x) => (x.created_at ? `${moment(x.created_at, store.config.timezone, { year: 'numeric' })} · ${x.created_by}` : '–') },
      ],
    });
  });
}
