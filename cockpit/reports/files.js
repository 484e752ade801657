// A closed period's files: what there is, by which digest it is known, and how anyone verifies it.

import { get, post } from '../api.js';
import { card, h, select, table } from '../dom.js';
import { bytes, count, moment } from '../formats.js';
import { mayOperate } from '../store.js';
import { t } from '../words.js';
import { profiles, titleOf } from './profiles.js';

const at = (period, name) => `v1/periods/${period.period_id}/files/${encodeURIComponent(name)}`;

export function filesCard({ ctx, known }) {
  const tools = h('div', { class: 'fields' });
  const el = card(ctx, { title: t('files'), actions: tools, note: t('files_note'), empty: t('files_after'), shape: 'rows' }, async () => {
    const period = await known();
    if (period.state === 'open') return null;
    const { items } = await get(`periods/${period.period_id}/files`, {}, ctx.signal);
    if (mayOperate() && !tools.childElementCount) tools.append(...adding(period, await profiles(ctx.signal), () => el.reload()));
    return h('div', { class: 'stack' }, table({
      name: `files-${period.period_id}`, caption: t('files'), rows: items, columns: [
        { key: 'name', label: t('file'), value: (x) => x.name, cell: (x) => h('a', { href: at(period, x.name), download: x.name, 'data-file': x.name }, x.name) },
        { key: 'profile', label: t('form'), value: (x) => (x.profile ? `${x.profile} ${x.profile_version}` : t(x.name.endsWith('.sig') ? 'signature' : 'manifest')), raw: (x) => x.profile, minor: true },
        { key: 'rows', label: t('form_rows'), num: true, value: (x) => x.rows, cell: (x) => count(x.rows), minor: true },
        { key: 'size', label: t('file_size'), num: true, value: (x) => x.size, cell: (x) => bytes(x.size) },
        { key: 'created_at', label: t('written_at'), value: (x) => x.created_at, cell: (x) => moment(x.created_at, period.tz, { year: 'numeric' }), minor: true },
        { key: 'sha256', label: 'SHA-256', value: (x) => x.sha256, cell: (x) => h('code', {}, `${x.sha256.slice(0, 12)}…`), tip: (x) => ['SHA-256', x.sha256], minor: true },
      ],
    }), verification(period));
  });
  return el;
}

/** The choice of a form and a kind of file that shall be written of what was frozen. */
function adding(period, forms, done) {
  const kinds = forms.flatMap((one) => one.forms.map((form) => [`${one.name} ${form}`, `${titleOf(one)} · ${form}`]));
  let [[chosen]] = kinds;
  const problem = h('span', { class: 'wrong', role: 'alert' });
  const write = h('button', { type: 'button', id: 'write-file', on: { click: async () => {
    write.disabled = true;
    problem.textContent = '';
    const [profile, form] = chosen.split(' ');
    try {
      await post(`periods/${period.period_id}/files`, { profile, form });
      done();
    } catch (error) { problem.textContent = error.message; } finally { write.disabled = false; }
  } } }, t('write_file'));
  return [select(t('form'), kinds, chosen, (value) => { chosen = value; }), write, problem];
}

/** How to hold the files to their signature, without asking anyone. */
const verification = (period) => h('details', {}, h('summary', {}, t('how_to_verify')),
  h('ol', { class: 'verify' },
    h('li', {}, t('verify_fetch', { folder: `period-${period.period_id}` })),
    h('li', {}, t('verify_run'), h('pre', { tabindex: 0 }, `jishi reports verify period-${period.period_id} --public-key public.pem`)),
    h('li', {}, t('verify_means'))));
