// The API's reference, made of /v1/openapi.json: every endpoint, parameter, answer and shape.
// A page of its own: it signs nobody in, asks for nothing else, and loads none of the cockpit's.

const METHODS = ['get', 'put', 'post', 'patch', 'delete'];

function h(tag, props = {}, ...kids) {
  const el = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === 'on') for (const [event, listener] of Object.entries(value)) el.addEventListener(event, listener);
    else if (value !== null && value !== undefined && value !== false) el.setAttribute(name, value === true ? '' : value);
  }
  el.append(...kids.flat(Infinity).filter((kid) => kid !== null && kid !== undefined && kid !== false));
  return el;
}

/** Text with `code` in it; one that asks of this service by GET is a line to copy. */
const rich = (text) => text.replaceAll('``', '`').split('`').map((part, i) => (i % 2 ? h('code', {}, part) : part));
const prose = (text) => (text ?? '').split(/\n\s*\n/).filter(Boolean).map((part) => {
  const asked = part.match(/^Examples?:\n([\s\S]*)$/);
  return asked
    ? h('pre', { class: 'asked', tabindex: '0', 'aria-label': 'Examples' }, asked[1].trim().replaceAll('`', '').replace(/^ +/gm, ''))
    : h('p', {}, rich(part.replaceAll('\n', ' ')));
});

const slug = (method, path) => `${method}${path.replaceAll(/[^a-z0-9]+/gi, '-')}`.replace(/-$/, '');
const shapeOf = (ref) => ref.split('/').pop();

/** A schema's type in words, shapes as links. */
function type(schema = {}) {
  if (schema.$ref) return [h('a', { href: `#shape-${shapeOf(schema.$ref)}` }, shapeOf(schema.$ref))];
  const any = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (any) return any.flatMap((one, i) => (i ? [' or ', ...type(one)] : type(one)));
  if (schema.const !== undefined) return [h('code', {}, JSON.stringify(schema.const))];
  if (schema.enum) return schema.enum.flatMap((one, i) => (i ? [' · ', h('code', {}, String(one))] : [h('code', {}, String(one))]));
  if (schema.type === 'array') return ['list of ', ...type(schema.items)];
  return [schema.type === 'object' || !schema.type ? (schema.type ?? 'anything') : schema.type, schema.format && schema.format !== schema.type ? ` (${schema.format})` : ''];
}

const BOUNDS = [['minimum', '≥'], ['maximum', '≤'], ['exclusiveMinimum', '>'], ['exclusiveMaximum', '<'], ['minLength', 'length ≥'], ['maxLength', 'length ≤'], ['minItems', 'values ≥'], ['maxItems', 'values ≤'], ['pattern', 'like']];
function bounds(schema = {}) {
  const parts = [schema, ...(schema.anyOf ?? [])];
  return parts.flatMap((one) => BOUNDS.filter(([key]) => one[key] !== undefined).map(([key, word]) => `${word} ${one[key]}`)).join(', ');
}

function rows(head, lines) {
  return h('div', { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': head[0] },
    h('table', {}, h('thead', {}, h('tr', {}, head.map((one) => h('th', { scope: 'col' }, one)))),
      h('tbody', {}, lines.map((cells) => h('tr', {}, cells.map((cell, i) => h(i ? 'td' : 'th', i ? {} : { scope: 'row' }, cell)))))));
}

const parameters = (list) => rows(['Parameter', 'In', 'Type', 'What it is'], list.map((one) => [
  [h('code', {}, one.name), one.required ? h('small', { class: 'must' }, 'required') : null],
  one.in,
  [...type(one.schema), one.schema?.default !== undefined && one.schema.default !== null && String(one.schema.default) !== '' ? h('small', {}, `else ${one.schema.default}`) : null, bounds(one.schema) ? h('small', {}, bounds(one.schema)) : null],
  rich(one.description ?? ''),
]));

const fields = (schema) => rows(['Field', 'Type', 'What it is'], Object.entries(schema.properties ?? {}).map(([name, one]) => [
  [h('code', {}, name), (schema.required ?? []).includes(name) ? null : h('small', {}, 'may be left out')],
  [...type(one), bounds(one) ? h('small', {}, bounds(one)) : null],
  rich(one.description ?? ''),
]));

function content(one) {
  return Object.entries(one.content ?? {}).map(([media, { schema }]) => h('div', {}, h('code', {}, media), schema && Object.keys(schema).length ? [' · ', ...type(schema)] : null));
}

function answers(responses) {
  const all = Object.entries(responses);
  const line = ([status, one]) => [h('span', { class: `status s${status[0]}` }, status), content(one), rich(one.description)];
  const good = all.filter(([status]) => Number(status) < 400);
  const bad = all.filter(([status]) => Number(status) >= 400);
  return [rows(['Answer', 'Body', 'What it is'], good.map(line)),
    bad.length ? h('details', {}, h('summary', {}, `Errors: ${bad.map(([status]) => status).join(', ')}`), rows(['Answer', 'Body', 'What it is'], bad.map(line))) : null];
}

function operation(method, path, one) {
  return h('article', { class: 'card', id: slug(method, path), 'aria-label': `${method.toUpperCase()} ${path}` },
    h('h3', {}, h('span', { class: `method ${method}` }, method.toUpperCase()), ' ', h('code', { class: 'path' }, path)),
    h('p', { class: 'sum' }, one.summary), prose(one.description),
    one.security ? null : h('p', { class: 'note' }, 'No key is needed.'),
    one.parameters?.length ? parameters(one.parameters) : null,
    one.requestBody ? [h('h4', {}, 'Body'), content(one.requestBody)] : null,
    answers(one.responses));
}

const shape = (name, schema) => h('article', { class: 'card', id: `shape-${name}`, 'aria-label': name },
  h('h3', {}, h('code', {}, name)), prose(schema.description), schema.properties ? fields(schema) : h('p', {}, type(schema)));

/** Endpoints by subject, in the document's order. */
function subjects(document_) {
  const found = new Map();
  for (const [path, item] of Object.entries(document_.paths)) {
    for (const method of METHODS.filter((name) => item[name])) {
      const [tag = 'more'] = item[method].tags ?? [];
      if (!found.has(tag)) found.set(tag, []);
      found.get(tag).push([method, path, item[method]]);
    }
  }
  return found;
}

function contents(found, shapes) {
  const entry = (to, ...kids) => h('li', {}, h('a', { href: `#${to}` }, kids));
  const groups = [...found].map(([tag, list]) => h('section', {}, h('h2', {}, tag), h('ul', {}, list.map(([method, path, one]) => entry(slug(method, path), h('span', { class: `method ${method}` }, method.toUpperCase()), h('span', { class: 'path' }, path.replace('/v1', '') || '/'), h('small', {}, one.summary))))));
  const lists = [...groups, h('section', {}, h('h2', {}, 'shapes'), h('ul', {}, shapes.map((name) => entry(`shape-${name}`, h('span', { class: 'path' }, name)))))];
  const narrow = (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const section of lists) {
      const items = [...section.querySelectorAll('li')];
      for (const li of items) li.hidden = !words.every((word) => li.textContent.toLowerCase().includes(word));
      section.hidden = items.every((li) => li.hidden);
    }
  };
  return [h('input', { type: 'search', placeholder: 'Find', 'aria-label': 'Find an endpoint', on: { input: narrow } }), lists];
}

function topBar() {
  const root = document.documentElement;
  const name = () => (root.dataset.theme === 'dark' ? 'Light' : 'Dark');
  const theme = h('button', { type: 'button', class: 'quiet', id: 'theme' }, name());
  theme.addEventListener('click', () => {
    root.dataset.theme = root.dataset.theme === 'dark' ? 'light' : 'dark';
    try { localStorage.setItem('jishi.theme', root.dataset.theme); } catch { /* it holds for this page */ }
    theme.textContent = name();
  });
  return [h('a', { class: 'brand', href: './' }, '机时 Jishi', h('small', {}, 'API')), h('span', { class: 'spacer' }), h('a', { href: 'v1/openapi.json' }, 'openapi.json'), theme];
}

async function show() {
  document.documentElement.lang = 'en';
  document.getElementById('top').append(...topBar());
  const main = document.getElementById('main');
  const answer = await fetch('v1/openapi.json');
  if (!answer.ok) {
    main.replaceChildren(h('p', { class: 'warn' }, `The description was answered with ${answer.status}: reload to ask again.`));
    return;
  }
  const document_ = await answer.json();
  const found = subjects(document_);
  const shapes = Object.entries(document_.components.schemas).sort(([a], [b]) => a.localeCompare(b));
  document.getElementById('contents').append(...contents(found, shapes.map(([name]) => name)).flat());
  main.replaceChildren(
    h('h1', {}, `${document_.info.title} API`), h('p', {}, document_.info.summary),
    h('p', { class: 'note' }, rich('A key travels as `Authorization: Bearer KEY`. Every `GET` also answers `HEAD`. Times are UTC; a window is half-open, by instants, by dates (each its day\'s local midnight) or by a name. Errors are `application/problem+json`.')),
    ...[...found].flatMap(([tag, list]) => [h('h2', { id: `about-${tag.replaceAll(' ', '-')}` }, tag), ...list.map((one) => operation(...one))]),
    h('h2', { id: 'about-shapes' }, 'shapes'), ...shapes.map((one) => shape(...one)));
  // What the address names was not there yet when the page was opened.
  if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

show();
