// Evaluations, the newest first; and one made from closed periods.

import { all, get, post } from '../api.js';
import { card, dialog, h, select, table } from '../dom.js';
import { count, moment } from '../formats.js';
import { grouped } from '../grouped.js';
import { href } from '../route.js';
import { institutionName, mayOperate, store } from '../store.js';
import { localDate } from '../time.js';
import { t } from '../words.js';
import { titled } from './scheme.js';

const SHOWN = 50;
const PERIODS = 2000;

/** Made by whoever may operate for the whole city. */
export const mayJudge = () => mayOperate() && store.session.institution_id === null;
export const daysText = (x) => `${localDate(Date.parse(x.from), x.tz)} – ${localDate(Date.parse(x.to) - 1, x.tz)}`;

export function listCard(ctx) {
  const cursors = [];
  const el = card(ctx, { title: t('ev_list'), shape: 'rows', empty: t('ev_none') }, async () => {
    const items = [];
    let answer;
    for (const cursor of [undefined, ...cursors]) {
      answer = await get('evaluations', { limit: SHOWN, cursor }, ctx.signal);
      items.push(...answer.items);
    }
    if (!items.length) return null;
    return h('div', { class: 'stack' }, table({
      name: 'evaluations', caption: t('ev_list'), rows: items, cards: 'named', entire: true, columns: [
        { key: 'evaluation_id', label: t('ev_list'), value: (x) => x.evaluation_id, cell: (x) => h('a', { href: href('evaluation', {}, String(x.evaluation_id)), 'data-evaluation': x.evaluation_id }, t('ev_one', { id: x.evaluation_id })) },
        { key: 'scheme', label: t('ev_scheme'), value: (x) => x.scheme, cell: (x) => `${x.scheme} · ${t('ev_version', { n: x.scheme_version })}` },
        { key: 'from', label: t('ev_window'), value: (x) => x.from, cell: daysText },
        { key: 'subject', label: t('ev_subject'), minor: true, value: (x) => t(x.subject), raw: (x) => x.subject },
        { key: 'ranked', label: t('ev_ranked'), num: true, value: (x) => x.ranked, cell: (x) => t('ev_k_of_n', { k: count(x.ranked), n: count(x.subjects) }) },
        { key: 'objections', label: t('ev_objections'), num: true, value: (x) => x.objections, cell: (x) => (x.objections ? t('ev_waiting', { n: count(x.objections), m: count(x.unanswered) }) : '0') },
        { key: 'made_at', label: t('ev_made'), minor: true, value: (x) => x.made_at, cell: (x) => `${moment(x.made_at, x.tz, { year: 'numeric' })} · ${x.made_by}` },
      ],
    }), answer.next_cursor && h('button', { type: 'button', on: { click: () => { cursors.push(answer.next_cursor); el.reload(); } } }, t('more')));
  });
  return el;
}

export async function openMake() {
  const [schemes, periods] = await Promise.all([get('schemes'), all('periods', { state: 'closed' }, { most: PERIODS })]);
  // Those of one evaluation are of one time: what is chosen is a time, then whose.
  const times = grouped(periods.items, (x) => `${x.from} ${x.to}`);
  const wrong = h('p', { class: 'wrong', role: 'alert' });
  let scheme = schemes.items[0]?.name;
  let time = [...times.keys()].at(-1);
  const whose = h('div', { class: 'ev-whose' });
  const draw = () => whose.replaceChildren(...(times.get(time) ?? []).map((x) => h('label', { class: 'check' }, h('input', { type: 'checkbox', name: 'period', value: x.period_id, checked: true }), x.institution_id === null ? t('ev_whole') : institutionName(x.institution_id), h('span', { class: 'note' }, `#${x.period_id}`))));
  draw();
  const el = dialog(t('ev_new'), times.size ? h('form', { class: 'stack', on: { submit: async (event) => {
    event.preventDefault();
    wrong.textContent = '';
    const button = event.submitter;
    button.disabled = true;
    try {
      const made = await post('evaluations', { scheme, period_ids: [...whose.querySelectorAll('input:checked')].map((one) => Number(one.value)) });
      el.close();
      location.hash = href('evaluation', {}, String(made.evaluation_id));
    } catch (error) {
      wrong.textContent = t('ev_refused', { why: error.problem?.errors?.[0]?.rule ?? error.message });
      button.disabled = false;
    }
  } } },
  h('div', { class: 'fields' }, select(t('ev_scheme'), schemes.items.map((x) => [x.name, titled(x.title)]), scheme, (one) => { scheme = one; }),
    select(t('ev_window'), [...times].map(([key, [x]]) => [key, daysText(x)]), time, (one) => { time = one; draw(); })),
  h('h3', {}, t('ev_periods')), whose, h('p', { class: 'note' }, t('ev_make_note')), wrong,
  h('div', { class: 'chips' }, h('button', { type: 'submit', class: 'primary', id: 'make-evaluation' }, t('ev_make')))) : h('p', { class: 'note' }, t('ev_no_periods')));
}
