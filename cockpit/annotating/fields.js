// What may be said of a session: each field as a cell, and what its text means.

import { h } from '../dom.js';
import { t } from '../words.js';

/** Choices, each with the letters that pick it: of its English name, and of its Chinese sound. */
const CHOICES = {
  purpose: [['teaching', 'tj'], ['research', 'rk'], ['service', 'sf'], ['other', 'oq']],
  user_type: [['internal', 'in'], ['external', 'ew']],
};

/** What every sheet asks for. */
export const FIELDS = ['purpose', 'user_type', 'user_unit', 'content', 'amount_cny', 'samples'];
/** Forms ask for more by words of their own: `direction`, or `more.` and the word. */
const MORE = 'more.';
const NUMBERS = { amount_cny: /^\d+(\.\d{1,2})?$/, samples: /^\d+$/ };

/** The fields of a sheet: those of every one, and those that an address asks for beside them. */
export const fieldsOf = (also) => [...new Set([...FIELDS, ...(also ?? '').split(',').filter((one) => one === 'direction' || one.startsWith(MORE))])];

export const labelOf = (field) => (field.startsWith(MORE) ? field.slice(MORE.length) : t(`said_${field}`));

/** What an annotation has for a field; null where it says nothing. */
export const valueOf = (said, field) => (field.startsWith(MORE) ? said?.more?.[field.slice(MORE.length)] : said?.[field]) ?? null;

/** Values by field as the API takes them; a form's own words go together, with those that stand. */
export function bodyOf(values, said) {
  const body = {};
  for (const [field, value] of Object.entries(values)) {
    if (!field.startsWith(MORE)) { body[field] = value; continue; }
    body.more ??= { ...said?.more };
    if (value === null) delete body.more[field.slice(MORE.length)];
    else body.more[field.slice(MORE.length)] = value;
  }
  return body;
}

/** The letter to type, as the page's language has it. */
export const letterHints = (field, chinese) => CHOICES[field]
  .map(([key, letters]) => `${letters[chinese ? 1 : 0].toUpperCase()} ${t(`${field}_${key}`)}`).join(' · ');

/** The control of a field; `of` names its row to whoever does not see it. */
export function cellOf(field, of, change) {
  const shared = { 'data-cell': field, 'aria-label': `${labelOf(field)}, ${of}`, autocomplete: 'off' };
  if (!CHOICES[field]) {
    return h('input', { type: 'text', inputmode: NUMBERS[field] ? 'decimal' : null, ...shared, class: NUMBERS[field] ? 'num' : null, on: { input: change } });
  }
  const cell = /** @type {HTMLSelectElement} */ (h('select', { ...shared, on: { change } },
    h('option', { value: '' }, ''), CHOICES[field].map(([key]) => h('option', { value: key }, t(`${field}_${key}`)))));
  cell.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const found = event.key.length === 1 && CHOICES[field].find(([, letters]) => letters.includes(event.key.toLowerCase()));
    const cleared = event.key === 'Delete' || event.key === 'Backspace';
    if (!found && !cleared) return;
    event.preventDefault();
    cell.value = found ? found[0] : '';
    change();
  });
  return cell;
}

/**
 * What a cell's text means, as the API takes it: null where there is none.
 * @returns {{value: unknown, rule?: string}} `rule` says what is wrong with it, in words
 */
export function meaning(field, text) {
  const plain = text.trim();
  if (!plain) return { value: null };
  if (!NUMBERS[field]) return { value: plain };
  // Figures of a full-width keyboard, and the thousands' commas that people write.
  const figures = plain.normalize('NFKC').replaceAll(',', '');
  return NUMBERS[field].test(figures) ? { value: Number(figures) } : { value: null, rule: t(`rule_${field}`) };
}
