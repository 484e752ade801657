// Before the first paint: theme and language as chosen last, else as the system has them.
(() => {
  const root = document.documentElement;
  const kept = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
  root.dataset.theme = kept('jishi.theme')
    || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
  root.lang = kept('jishi.lang')
    || ((navigator.language || 'zh').toLowerCase().startsWith('zh') ? 'zh-CN' : 'en');
})();
