// Signing in at an identity provider: the way there, the way back, and what it says when it fails.
// The page keeps where one was in its own tab; nothing of that travels, so nobody can send one elsewhere.

import { h } from '../dom.js';
import { route } from '../route.js';
import { store } from '../store.js';
import { has, learn, t } from '../words.js';
import { WORDS } from './words.js';

learn(WORDS);

const PLACE = 'jishi.place';

/** What the sign-in page offers before the key; nothing where no provider is set. */
export function providerButton() {
  if (store.config.oidc === null) return null;
  return [
    h('a', { class: 'provider', id: 'oidc', href: 'v1/session/oidc', on: { click: remember } }, t('oidc_in', { name: store.config.oidc || t('oidc_usual') })),
    h('p', { class: 'note or' }, t('oidc_or')),
  ];
}

function remember() {
  try { sessionStorage.setItem(PLACE, location.hash); } catch { /* private mode */ }
}

/** Once one is back: the place where one was, unless the address says another. */
export function comeBack() {
  let place = null;
  try {
    place = sessionStorage.getItem(PLACE);
    sessionStorage.removeItem(PLACE);
  } catch { /* private mode */ }
  if (place?.startsWith('#/') && location.hash.length <= 2) history.replaceState(null, '', place);
}

/** Why it came to nothing, in words; said once. */
export function refusal() {
  const { refused } = route().params;
  if (refused === undefined) return '';
  history.replaceState(null, '', '#/');
  const word = `refused_${refused}`;
  return has(word) ? t(word) : '';
}
