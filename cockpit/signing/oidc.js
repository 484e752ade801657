// Signing in at an identity provider: what the page of signing in offers, and says when it fails.

import { h } from '../dom.js';
import { route } from '../route.js';
import { store } from '../store.js';
import { has, learn, t } from '../words.js';
import { remember } from './place.js';
import { WORDS } from './words.js';

learn(WORDS);

/** What the page of signing in offers before the key, where a provider is set. */
export const offer = () => [
  h('p', { class: 'wrong', role: 'alert' }, refusal()),
  h('a', { class: 'provider', id: 'oidc', href: 'v1/session/oidc', on: { click: remember } }, t('oidc_in', { name: store.config.oidc || t('oidc_usual') })),
  h('p', { class: 'note or' }, t('oidc_or')),
];

/** Why it came to nothing, in words; said once. */
function refusal() {
  const { refused } = route().params;
  if (refused === undefined) return '';
  history.replaceState(null, '', '#/');
  const word = `refused_${refused}`;
  return has(word) ? t(word) : '';
}
