// How a city is named: by a link to itself, marked where its figures lag or are not there.

import { h } from '../dom.js';
import { moment } from '../formats.js';
import { t } from '../words.js';
import './words.js';

const badge = (kind, text, title, city) => h('span', { class: `badge fo-${kind}`, title, 'data-mark': `${kind} ${city}` }, text);

export const awayText = (city, tz) => (city.as_of === null ? t('fo_never') : t('fo_since', { time: moment(city.as_of, tz, { year: 'numeric' }) }));

export const awayBadge = (city, tz) => city.away && badge('away', t('fo_away'), awayText(city, tz), city.city);

/** @param {any} city as the API tells of it @param {string} tz @param {...any} marks */
export const named = (city, tz, ...marks) => h('span', { class: 'fo-name' },
  h('a', { href: city.url, target: '_blank', rel: 'noopener', 'data-city': city.city }, city.name), awayBadge(city, tz), marks);

export const missingBadge = (city) => badge('missing', t('fo_missing'), t('fo_missing_text'), city.city);
export const amendedBadge = (city) => badge('amended', t('fo_amended'), t('fo_amended_text'), city.city);

/** Away or missing: its row is of less weight than the others. */
export const behind = ({ city, published }) => (city.away || !published ? 'fo-behind' : null);
