// Making a period: whose, and which span, each by one choice.

import { post } from '../api.js';
import { choice, dialog, h, select } from '../dom.js';
import { href } from '../route.js';
import { institutionName, store } from '../store.js';
import { localDate } from '../time.js';
import { t } from '../words.js';
import { SPANS, spansOf, windowOfDates } from './spans.js';

const DATES = 'dates';

export function openMake() {
  const own = store.session.institution_id ?? null;
  let institution = own;
  const zone = (id) => store.institutions.get(id)?.timezone ?? store.config.timezone;
  let tz = zone(own); // days are the institution's own
  let kind = 'month';
  let window_ = null;
  const place = h('div', { class: 'fields' });
  const problem = h('p', { class: 'wrong', role: 'alert' });
  const draw = () => place.replaceChildren(...(kind === DATES ? dates(tz, (found) => { window_ = found; }) : spans()));
  const spans = () => {
    const found = spansOf(kind, tz);
    // What is over can be closed; the one of today lies at hand as well.
    window_ = found[1];
    return [select(t('span'), found.map((one) => [one.from, one.name]), window_.from, (from) => { window_ = found.find((one) => one.from === from); }),
      kind === 'school' && h('span', { class: 'note' }, t('school_days'))].filter(Boolean);
  };
  const form = h('form', { class: 'stack', on: { submit: async (event) => {
    event.preventDefault();
    problem.textContent = '';
    try {
      const made = await post('periods', { institution_id: institution, from: window_.from, to: window_.to, tz });
      el.close();
      location.hash = href('reports', {}, String(made.period_id));
    } catch (error) {
      problem.textContent = error.message;
    }
  } } },
  own === null && select(t('whose'), [[null, t('whole_city_period')], ...[...store.institutions.keys()].map((id) => [id, institutionName(id)])], institution, (id) => { institution = id || null; tz = zone(id); draw(); }),
  choice(t('span_kind'), [...SPANS, DATES].map((one) => [one, t(`kind_${one}`)]), kind, (one) => { kind = one; draw(); }),
  place, problem,
  h('div', { class: 'chips' }, h('button', { type: 'submit', class: 'primary', id: 'make-period' }, t('make_period'))));
  draw();
  const el = dialog(t('new_period'), form);
}

function dates(tz, chosen) {
  const today = localDate(Date.now(), tz);
  const days = { first: `${today.slice(0, 8)}01`, last: today };
  const tell = () => chosen(windowOfDates(days.first, days.last, tz));
  tell();
  return ['first', 'last'].map((name) => h('label', { class: 'field' }, h('span', {}, t(`${name}_day`)),
    h('input', { type: 'date', required: true, name, value: days[name], on: { change: (event) => { if (event.target.value) { days[name] = event.target.value; tell(); } } } })));
}
