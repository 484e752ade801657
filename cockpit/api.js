// What the service is asked: JSON over fetch, status over server-sent events.
// Whether it can be reached is told to whoever listens; what is known of it is in store.js.

const listeners = new Set();
/** 'up', 'offline' (nothing answers) or 'stale' (the database does not). */
export const link = { state: 'up', at: Date.now() };

export function onLink(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function setLink(state) {
  if (state === 'up') link.at = Date.now();
  if (state === link.state) return;
  const before = link.state;
  link.state = state;
  for (const listener of listeners) listener(state, before);
}

const hearers = new Set();
/** Whoever wants to know what pages were answered: `listener(path, params, data)`. */
export const onAnswer = (listener) => hearers.add(listener);

export class ApiError extends Error {
  constructor(status, problem) {
    super(problem?.detail || problem?.title || `HTTP ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

export function query(params = {}) {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined && one !== null && one !== '') found.append(name, one);
  }
  const text = found.toString();
  return text ? `?${text}` : '';
}

/**
 * @param {string} method @param {string} path
 * @param {{params?: object, body?: any, type?: string, signal?: AbortSignal, headers?: Record<string, string>, tagged?: boolean}} options `body` goes as JSON unless `type` says what it is
 */
async function ask(method, path, { params, body, type, signal, headers = {}, tagged = false } = {}) {
  let answer;
  try {
    answer = await fetch(`v1/${path}${query(params)}`, {
      method,
      signal,
      credentials: 'same-origin',
      headers: body === undefined ? headers : { 'Content-Type': type ?? 'application/json', ...headers },
      body: body === undefined || type ? body : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name !== 'AbortError') setLink('offline');
    throw error;
  }
  if (answer.status === 503) setLink('stale');
  else setLink('up');
  const text = await answer.text();
  const data = text ? JSON.parse(text) : null;
  if (!answer.ok) {
    const error = new ApiError(answer.status, data);
    if (answer.status === 401 && path !== 'session') for (const l of signedOut) l();
    throw error;
  }
  if (method === 'GET') for (const l of hearers) l(path, params, data);
  return tagged ? { data, tag: answer.headers.get('ETag') } : data;
}

const signedOut = new Set();
export const onSignedOut = (listener) => signedOut.add(listener);

export const get = (path, params, signal) => ask('GET', path, { params, signal });
export const post = (path, body, signal) => ask('POST', path, { body, signal });
export const postFile = (path, body, type, params) => ask('POST', path, { params, body, type });
/** With the tag that a write of it may name: it is refused (412) where somebody else wrote meanwhile. */
export const getTagged = (path, signal) => ask('GET', path, { signal, tagged: true });
/** @param {string | null} tag */
export const patch = (path, body, tag = null) => ask('PATCH', path, { body, headers: tag ? { 'If-Match': tag } : {} });
export const put = (path, body) => ask('PUT', path, { body });
/** Refused (412) where it is there already. */
export const putNew = (path, body) => ask('PUT', path, { body, headers: { 'If-None-Match': '*' } });
export const remove = (path) => ask('DELETE', path);

/**
 * All items of a list, up to `most`.
 * @param {string} path @param {object} params @param {{most?: number, signal?: AbortSignal}} options
 */
export async function all(path, params = {}, { most = 10_000, signal } = {}) {
  const items = [];
  let cursor;
  let last;
  do {
    last = await get(path, { limit: 1000, ...params, cursor }, signal);
    items.push(...last.items);
    cursor = last.next_cursor;
  } while (cursor && items.length < most);
  return { ...last, items, complete: !cursor };
}

export const signIn = (key, rememberMe) => post('session', { key, remember: rememberMe });
export const config = async () => (await fetch('cockpit/config.json')).json();

/** A stream that mends itself: `on(name, data)` gets each event; returns how to end it. */
export function stream(params, on) {
  let source;
  let timer;
  let pause = 1000;
  let ended = false;
  const open = () => {
    source = new EventSource(`v1/stream${query(params)}`);
    for (const name of ['snapshot', 'change', 'stale', 'fresh']) {
      source.addEventListener(name, (event) => {
        pause = 1000;
        setLink(name === 'stale' ? 'stale' : 'up');
        on(name, JSON.parse(event.data));
      });
    }
    source.onopen = () => setLink('up');
    source.onerror = () => {
      if (ended) return;
      setLink('offline');
      // The browser tries again by itself after a break, but not after an error's answer.
      if (source.readyState === EventSource.CLOSED) {
        clearTimeout(timer);
        timer = setTimeout(open, pause);
        pause = Math.min(pause * 2, 15_000);
      }
    };
  };
  open();
  return () => {
    ended = true;
    clearTimeout(timer);
    source.close();
  };
}
addEventListener('offline', () => setLink('offline'));
