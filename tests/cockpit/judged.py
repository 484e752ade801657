"""What any page is judged by, whatever it shows: axe, its width, its language, its keyboard.

The tests `judge` each page of `pages.js` in looks that take turns, `shots.py` all of them in all.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from tests.cockpit.window import Window, go

COCKPIT = Path(__file__).parents[2] / "cockpit"
AXE = Path(__file__).parent / "vendor" / "axe.js"
Look = tuple[Literal["zh", "en"], Literal["light", "dark"], int]
USUAL: Look = ("zh", "light", 1440)
#: Language, theme and width: each pair of two of them is here, and a look's third next differs from
#: it in language and theme.
LOOKS: tuple[Look, ...] = (
    ("zh", "light", 390),
    ("en", "dark", 390),
    ("zh", "dark", 1024),
    ("en", "dark", 1440),
    ("zh", "light", 1440),
    ("en", "light", 1024),
)
_DRESS = """
([language, theme]) => {
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : language;
  document.documentElement.dataset.theme = theme;
}
"""

#: Before a page loads: what listens to clicks is kept, so that it can be asked for by keyboard.
WATCHED = """
window.__clicked = new Set();
const listen = EventTarget.prototype.addEventListener;
EventTarget.prototype.addEventListener = function add(kind, ...rest) {
  if (kind === 'click' && this instanceof Element) window.__clicked.add(this);
  return listen.call(this, kind, ...rest);
};
"""
_AXE = """
(of) => axe.run(of, {resultTypes: ['violations']}).then((told) => told.violations
  .filter((one) => ['serious', 'critical'].includes(one.impact))
  .map((one) => `${one.impact} ${one.id}: `
    + one.nodes.slice(0, 3).map((node) => node.html + node.failureSummary).join(' | ')))
"""
_WIDE = """
() => {
  if (document.documentElement.scrollWidth <= innerWidth) return [];
  const out = [...document.querySelectorAll('body *')].filter((one) => {
    if (one.getBoundingClientRect().right <= innerWidth + 1) return false;
    for (let up = one.parentElement; up; up = up.parentElement) {
      if (getComputedStyle(up).overflowX !== 'visible') return false;
    }
    return true;
  });
  return out.slice(0, 3).map((one) => `wider than the window: ${one.outerHTML.slice(0, 120)}`);
}
"""
#: Text that a box cuts off without a sign of it.
_CUT = """
() => [...document.querySelectorAll('body *')].filter((one) => {
  const style = getComputedStyle(one);
  return one.checkVisibility() && ['hidden', 'clip'].includes(style.overflowX)
    && !one.matches('.hidden, .hidden *, svg, svg *') && one.clientWidth > 1
    && style.textOverflow !== 'ellipsis' && one.scrollWidth > one.clientWidth + 1
    && one.textContent.trim();
}).slice(0, 5).map((one) => `cut off: ${one.className} ${one.textContent.slice(0, 60)}`)
"""
#: All that is written or read out, but for code, what offers the other language, the bubble that
#: was shown last, and the live sign, which the stream's next word writes anew.
_SAID = """
() => {
  const said = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.data.trim();
    const near = walk.currentNode.parentElement;
    const apart = near.closest('#language, .brand, .pulse, #tip, script, noscript, code');
    if (text && !apart) said.add(text);
  }
  for (const name of ['title', 'aria-label', 'placeholder', 'alt']) {
    for (const one of document.querySelectorAll(`[${name}]`)) said.add(one.getAttribute(name));
  }
  return [document.documentElement.lang.slice(0, 2), [...said]];
}
"""
_KEYS = """
() => {
  const reached = 'a[href], button, input, select, textarea, summary, [tabindex], label';
  const seen = (one) => one.checkVisibility({ visibilityProperty: true });
  const told = [];
  for (const one of window.__clicked ?? []) {
    if (one.isConnected && seen(one) && !one.closest(reached) && !one.querySelector(reached)) {
      told.push(`not for keys: ${one.outerHTML.slice(0, 120)}`);
    }
  }
  const root = document.querySelector('dialog[open]') ?? document.body;
  const mark = (one) => {
    const s = getComputedStyle(one);
    return [s.outlineStyle, s.outlineWidth, s.boxShadow, s.borderColor, s.backgroundColor, s.stroke]
      .join();
  };
  const reachable = ['a[href]', 'button:enabled', 'input:enabled', 'select:enabled',
    'textarea:enabled', 'summary', '[tabindex="0"]'].join();
  const last = document.activeElement;
  for (const one of root.querySelectorAll(reachable)) {
    if (!seen(one)) continue;
    const label = one.closest('label')?.querySelector('span') ?? one;
    one.blur();
    const before = [one, label].map(mark).join('|');
    one.focus({ focusVisible: true, preventScroll: true });
    if (document.activeElement !== one) continue;
    if ([one, label].map(mark).join('|') !== before) continue;
    told.push(`no sign of focus: ${one.outerHTML.slice(0, 120)}`);
  }
  last?.focus({ preventScroll: true });
  return told.slice(0, 8);
}
"""


#: Letters that mostly are names: whoever looks decides.
_MIXED = {"en": re.compile("[\u4e00-\u9fff]"), "zh": re.compile("[A-Za-z]{3,}")}
_TEXT = r"'((?:[^'\\]|\\.)*)'"
_PAIR = re.compile(rf"(?:(\w+)|'([^']+)'): \[{_TEXT}, {_TEXT}\]")


@cache
def _words() -> Mapping[str, frozenset[str]]:
    """By language what is never written in it: the other one's words, and the words' own keys."""
    sources = [one for one in COCKPIT.rglob("*.js") if "vendor" not in one.parts]
    found = [one for source in sources for one in _PAIR.findall(source.read_text("utf-8"))]
    keys = {bare or quoted for bare, quoted, _, _ in found if "_" in (bare or quoted)}
    chinese, english = ({one[side] for one in found} for side in (2, 3))
    # Units and signs are of no language.
    latin = {one for one in english - chinese if _MIXED["zh"].search(one)}
    han = {one for one in chinese - english if _MIXED["en"].search(one)}
    return {"zh": frozenset(latin | keys), "en": frozenset(han | keys)}


def faults(page: Any, axe: str, of: str = "html") -> list[str]:
    """What axe finds serious or worse, what is too wide, what stands there in the other language.

    Args:
        page: A browser's.
        axe: Axe's own text.
        of: What of the page axe looks at, by its selector.
    """
    if page.evaluate("!window.axe"):
        page.evaluate(axe)
    found: list[str] = page.evaluate(_AXE, of)
    found += page.evaluate(_WIDE)
    language, said = page.evaluate(_SAID)
    return found + [f"not {language}: {text}" for text in said if text in _words()[language]]


def page_names() -> list[str]:
    """Pages as `pages.js` has them, in its order."""
    rows = (COCKPIT / "pages.js").read_text("utf-8")
    return re.findall(r"^  \{ name: '([a-z]+)'", rows, re.MULTILINE)


def dress(window: Window, look: Look) -> None:
    """Another language, theme and width; pages that are drawn from now on have them."""
    language, theme, width = look
    window.page.set_viewport_size({"width": width, "height": 900})
    window.page.evaluate(_DRESS, [language, theme])


def judge(window: Window, address: str, turn: int = 0, of: str = "main") -> None:
    """Asserts that a page is sound in the look that it takes its turn in, then as `USUAL` again.

    Args:
        window: A tab that stands on some page of ours.
        address: Of the page, such as ``#/alerts?state=closed``.
        turn: Another look, 0 and 3 differ in language and theme.
        of: What axe looks at; the frame is the same on every page.
    """
    place = page_names().index(re.split("[/?]", address.removeprefix("#/"))[0])
    look = LOOKS[(place + turn) % len(LOOKS)]
    dress(window, look)
    try:
        go(window, address)
        found = faults(window.page, AXE.read_text("utf-8"), of)
        assert found == [], "\n".join([address, str(look), *found])
    finally:
        dress(window, USUAL)


def closer(page: Any) -> list[str]:
    """What somebody has to look at: text that is cut, other letters, what keys do not reach."""
    told: list[str] = page.evaluate(_CUT) + page.evaluate(_KEYS)
    language, said = page.evaluate(_SAID)
    return told + [f"{language}: {text}" for text in said if _MIXED[language].search(text)]
