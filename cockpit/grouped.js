// Items by what they have in common, in the order in which they come.

/**
 * @template T
 * @param {T[]} items @param {(item: T) => string} key
 * @returns {Map<string, T[]>}
 */
export function grouped(items, key) {
  const found = new Map();
  for (const item of items) {
    const own = found.get(key(item));
    if (own) own.push(item);
    else found.set(key(item), [item]);
  }
  return found;
}
