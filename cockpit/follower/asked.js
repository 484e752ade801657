// What a follower is asked: figures of a window by city and by region, and counts as last heard.

import { get } from '../api.js';
import { once } from '../once.js';
import { daysOf } from '../time.js';

export const REFRESH = 60_000; // ms
const MOST = 1000; // cities; a region has dozens

/** @param {any} ctx @param {string} range @param {string} tz */
export function questions(ctx, range, tz) {
  const figures = (by) => get('utilization', { ...daysOf(range, tz), group_by: by, limit: MOST }, ctx.signal);
  return {
    figures: once(async () => {
      const [cities, regions] = await Promise.all([figures('city'), figures('region')]);
      return { cities, regions };
    }, REFRESH / 2),
    counts: once(() => get('status/summary', { group_by: 'city' }, ctx.signal), REFRESH / 2),
  };
}

/** A row a city, whether it is in the answer or not: `published` says which, and only then it has figures. */
export function cityRows(answer) {
  const groups = new Map(answer.groups.map((group) => [group.key, group]));
  return answer.cities.map((city) => ({ ...groups.get(city.city), city, published: groups.has(city.city) }));
}

/** A row a region, with how many cities it has and how many are in its sum. */
export function regionRows({ cities, regions }) {
  const groups = new Map(regions.groups.map((group) => [group.key, group]));
  return [...new Set(cities.cities.map((city) => city.region))].map((key) => ({
    name: key, cities: 0, ...groups.get(key), key, published: groups.has(key),
    members: cities.cities.filter((city) => city.region === key).length,
  }));
}
