// Opening hours of a day as arithmetic: sorted ranges of minutes after its midnight. One that passes
// midnight ends beyond 1,440 and still belongs to the day on which it starts.

export const DAY = 1440;
export const WEEK = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

const minutes = (clock) => { const [hour, minute] = clock.split(':').map(Number); return hour * 60 + minute; };
const clock = (at) => { const of = at > DAY ? at - DAY : at; return `${String(Math.floor(of / 60)).padStart(2, '0')}:${String(of % 60).padStart(2, '0')}`; };

/** As the API spells them. @param {[string, string][]} spelled */
export const parse = (spelled = []) => spelled.map(([from, to]) => [minutes(from), minutes(to)]).map(([from, to]) => [from, to > from ? to : to + DAY]);
export const spell = (ranges) => ranges.map(([from, to]) => [clock(from), clock(to)]);

const TYPED = /^(\d{1,2}):?([0-5]\d)[-–—~至]+(\d{1,2}):?([0-5]\d)$/;
/** What somebody typed, such as `8:00-12:00, 13:30-17:30`; null where it is none. */
export function typed(text) {
  const parts = text.replace(/：/g, ':').replace(/\s*([-–—~至])\s*/g, '$1').split(/[\s,，、;；]+/).filter(Boolean);
  const found = [];
  for (const part of parts) {
    const [, fromHour, fromMinute, toHour, toMinute] = (TYPED.exec(part) ?? []).map(Number);
    const [from, to] = [fromHour * 60 + fromMinute, toHour * 60 + toMinute];
    if (!(from < DAY && to <= DAY && from !== to)) return null;
    found.push([from, to > from ? to : to + DAY]);
  }
  return joined(found);
}
export const written = (ranges) => spell(ranges).map(([from, to]) => `${from}–${to}`).join(' ');

/** Sorted; those that meet are one. */
function joined(ranges) {
  const found = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = found.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else found.push([from, to]);
  }
  return found;
}

/** The ranges with `[from, to)` opened or shut. */
export function painted(ranges, from, to, open) {
  const rest = ranges.flatMap(([a, b]) => [[a, Math.min(b, from)], [Math.max(a, to), b]].filter(([x, y]) => x < y));
  // What is left of a range that passed midnight starts on the next day, and is no more this day's.
  return joined(open ? [...ranges, [from, to]] : rest.filter(([a]) => a < DAY));
}

/** How much of `[from, to)` is open, of 0 to 1. */
export const share = (ranges, from, to) => ranges.reduce((sum, [a, b]) => sum + Math.max(0, Math.min(b, to) - Math.max(a, from)), 0) / (to - from);
