// An answer that several parts of a page rest on: asked for once.

/**
 * Asks for it at the first call; anew where it came to nothing, and once it is older than `ms`.
 * @template T @param {() => Promise<T>} load @param {number} ms @returns {() => Promise<T>}
 */
export function once(load, ms) {
  let kept = null;
  return () => {
    if (kept && Date.now() - kept.at < ms) return kept.promise;
    const mine = kept = { at: Date.now(), promise: load() };
    mine.promise.catch(() => { if (kept === mine) kept = null; });
    return mine.promise;
  };
}

/**
 * Asks now for what is wanted in a moment: the first call takes that answer, each later one asks anew.
 * @template T @param {() => Promise<T>} load @returns {() => Promise<T>}
 */
export function ahead(load) {
  let first = load();
  first.catch(() => {}); // whoever takes it is told
  return () => {
    const mine = first ?? load();
    first = null;
    return mine;
  };
}
