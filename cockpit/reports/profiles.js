// The forms that reports are written in.

import { get } from '../api.js';
import { has, t } from '../words.js';

export const profiles = async (signal) => (await get('report-profiles', {}, signal)).items;

/** What a form is called: a form of others by its own title, ours in the page's language. */
export const titleOf = (one) => (has(`form_${one.name}`) ? t(`form_${one.name}`) : `${one.title} (${one.name})`);
