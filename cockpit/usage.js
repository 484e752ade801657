// What stands behind a figure of a window: its ratios' parts, its window, how far it can be trusted.

import { count, fullMoment, hours, percent } from './formats.js';
import { t } from './words.js';

/** Each ratio's numerator and denominator. */
export const RATIOS = {
  coverage: ['known_s', 'window_s'], utilization: ['running_s', 'known_s'],
  calendar_utilization: ['running_s', 'window_s'], powered_utilization: ['running_s', 'powered_s'],
  scheduled_utilization: ['running_scheduled_s', 'scheduled_s'], rated_utilization: ['effective_s', 'rated_s'],
};

/** A usage's seconds by name, with the sums that denominators are. */
export function secondsOf(u, name) {
  if (name === 'known_s') return u.running_s + u.idle_s + u.off_s;
  if (name === 'powered_s') return u.running_s + u.idle_s;
  return u[name];
}

/** The lines behind a figure: what it is made of, of when, and how far it can be trusted. */
export function usageLines(u, field, answer) {
  const lines = [];
  if (RATIOS[field]) {
    const [part, whole] = RATIOS[field];
    lines.push(`${t(field)} = ${t(part)} ÷ ${t(whole)}`);
    lines.push(`${percent(u[field], 2)} = ${hours(secondsOf(u, part))} ÷ ${hours(secondsOf(u, whole))}`);
  } else if (field.endsWith('_s')) {
    lines.push(`${t(field)} ${hours(secondsOf(u, field))}`);
    lines.push(`${t('window_s')} ${hours(u.window_s)}`);
  } else lines.push(t(field));
  if (answer) lines.push(`${fullMoment(answer.from, answer.tz)} – ${fullMoment(answer.to, answer.tz)} (${answer.tz ?? 'UTC'})`);
  lines.push(`${t('coverage')} ${percent(u.coverage, 2)} · ${u.sufficient ? t('sufficient') : t('insufficient')}`);
  if (u.instruments !== undefined) {
    lines.push(t('of_n', { k: count(u.sufficient_instruments), n: count(u.instruments), m: count(u.never_seen_instruments) }));
  }
  lines.push(`${t('as_of', { time: fullMoment(u.as_of, answer?.tz) })} · ${t('revision')} ${u.revision.slice(0, 8)}`);
  if (u.provisional) lines.push(t('provisional'));
  return lines;
}
