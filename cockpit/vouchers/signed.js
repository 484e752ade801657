// Signed documents, saved as they were answered: `jishi vouchers verify` takes the file.

import { get } from '../api.js';
import { h, icon } from '../dom.js';
import { t } from '../words.js';
import './words.js';

/** A button that saves an answer, and says where that fails, as without a key that signs. */
export function signedButton(path, params, name, label, signal) {
  const told = h('span', { role: 'status' });
  const button = h('button', { type: 'button', class: 'quiet csv', 'data-signed': name, on: { click: async () => {
    button.disabled = true;
    told.replaceChildren();
    try {
      save(`${name}.json`, JSON.stringify(await get(path, params, signal), null, 1));
    } catch (error) {
      if (error.name !== 'AbortError') told.replaceChildren(t('vo_evidence_failed', { why: error.message }));
    } finally { button.disabled = false; }
  } } }, icon('down'), label);
  return h('span', {}, button, told);
}

function save(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  const link = h('a', { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
