// Who has closed a span and who has not, with what the others lack; for a key of the whole city.

import { card, choice, h, select, table } from '../dom.js';
import { count, hours, moment, percent } from '../formats.js';
import { href } from '../route.js';
import { institutionName, store } from '../store.js';
import { t } from '../words.js';
import { completenessOf } from './completeness.js';
import { SPANS, spansOf } from './spans.js';

const ORDER = ['none', 'open', 'closed'];

export function closedCard(ctx) {
  const tz = store.config.timezone;
  let kind = 'month';
  let span = spansOf(kind, tz)[1]; // the newest that is over
  const tools = h('div', { class: 'fields' });
  const draw = () => tools.replaceChildren(
    choice(t('span_kind'), SPANS.map((one) => [one, t(`kind_${one}`)]), kind, (one) => { kind = one; [, span] = spansOf(kind, tz); draw(); el.reload(); }),
    select(t('span'), spansOf(kind, tz).map((one) => [one.from, one.name]), span.from, (from) => { span = spansOf(kind, tz).find((one) => one.from === from); el.reload(); }));
  const el = card(ctx, { title: t('who_closed'), actions: tools, shape: 'rows', empty: t('no_institutions') }, async ({ note }) => {
    const rows = (await completenessOf({ ...span, tz }, ctx.signal)).sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
    if (!rows.length) return null;
    note(h('span', { 'data-value': 'who-closed' }, t('k_of_n_closed', { k: count(rows.filter((x) => x.state === 'closed').length), n: count(rows.length) })));
    return table({
      name: `closed-${span.from.slice(0, 10)}`, caption: t('who_closed'), rows, columns: [
        { key: 'institution_id', label: t('institution'), value: nameOfOne, raw: (x) => x.institution_id },
        { key: 'state', label: t('state'), value: (x) => ORDER.indexOf(x.state), raw: (x) => x.state, cell: stateCell, tip: (x) => [t(`period_${x.state}`), x.closed_at && `${moment(x.closed_at, tz, { year: 'numeric' })} · ${x.closed_by}`] },
        { key: 'instruments', label: t('instruments'), num: true, value: (x) => x.instruments, cell: (x) => count(x.instruments), minor: true },
        { key: 'never_seen_instruments', label: t('never_seen'), num: true, value: (x) => x.never_seen_instruments, cell: (x) => count(x.never_seen_instruments), minor: true },
        { key: 'coverage', label: t('coverage'), num: true, value: (x) => x.coverage, cell: (x) => percent(x.coverage), bar: (x) => x.coverage ?? 0, tip: () => [t('coverage'), t('coverage_of_now')] },
        { key: 'effective_s', label: t('effective_hours'), num: true, value: (x) => x.effective_s, cell: (x) => hours(x.effective_s), minor: true },
        { key: 'annotations', label: t('annotations'), num: true, value: (x) => x.annotations, cell: (x) => count(x.annotations) },
      ],
    });
  });
  draw();
  return el;
}

const nameOfOne = (x) => x.name ?? institutionName(x.institution_id);

const stateCell = (x) => (x.period_id === null
  ? h('span', { class: 'badge b-none' }, t('period_none'))
  : h('a', { class: `badge b-${x.state}`, href: href('reports', {}, String(x.period_id)) }, t(`period_${x.state}`)));
