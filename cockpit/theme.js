// Before the first paint: theme and language as chosen last, else as the system has them; and the modules
// of the page that the address names, asked for all at once: each would else be found in another.
(() => {
  const root = document.documentElement;
  const kept = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
  root.dataset.theme = kept('jishi.theme')
    || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
  root.lang = kept('jishi.lang')
    || ((navigator.language || 'zh').toLowerCase().startsWith('zh') ? 'zh-CN' : 'en');
  const { src } = /** @type {HTMLScriptElement} */ (document.currentScript);
  const modules = JSON.parse(document.querySelector('meta[name=modules]')?.getAttribute('content') ?? '{}');
  const page = /^#\/([^/?]+)/.exec(location.hash)?.[1] ?? 'city';
  for (const name of Object.hasOwn(modules, page) ? modules[page] : []) {
    document.head.append(Object.assign(document.createElement('link'), { rel: 'modulepreload', href: new URL(name, src).href }));
  }
})();
