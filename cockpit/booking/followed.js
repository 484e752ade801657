// A column of a list of instruments: whether each is to be had now, followed live.

import { stream } from '../api.js';
import { store } from '../store.js';
import { t } from '../words.js';
import { AVAILABILITIES, availabilityLines, badge } from './badge.js';
import './words.js';

const MOST = 100; // that one stream follows

/** The column, and `follow(ids, refresh)`: which instruments, and what draws them anew. */
export function followed(ctx) {
  const found = new Map();
  let stop = () => {};
  ctx.onEnd(() => stop());
  const tz = store.config.timezone;
  return {
    column: {
      key: 'availability', label: t('availability'), live: true, minor: true, value: (g) => AVAILABILITIES.indexOf(found.get(g.key)?.availability ?? 'unknown'), raw: (g) => found.get(g.key)?.availability,
      cell: (g) => { const x = found.get(g.key); return x ? badge(x.availability) : '–'; }, tip: (g) => { const x = found.get(g.key); return x ? availabilityLines(x, tz) : []; },
    },
    follow: (ids, refresh) => {
      stop();
      if (ctx.signal.aborted || !ids.length) return;
      stop = stream({ instrument: ids.slice(0, MOST) }, (name, data) => {
        for (const x of data.items ?? []) found.set(x.instrument_id, x);
        if (data.items?.length) refresh();
      });
    },
  };
}
