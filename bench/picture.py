"""The keys as one picture for the README, in plain SVG."""

from collections.abc import Mapping
from html import escape
from pathlib import Path

from bench.results import KEYS, bars, met

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.svg"
ROW, LEFT, WIDTH, RIGHT = 30, 190, 330, 330
_INK, _PALE, _GOOD, _BAD, _MARK = "#1f2933", "#e4e7eb", "#2f855a", "#c05621", "#52606d"


def draw(values: Mapping[str, float | None]) -> str:
    """One bar a key: how far it is towards its (last) bar, which is the line in the middle.

    Ratios grow to the right of the line when they are better; times and sizes are turned
    round, so that right is better everywhere.
    """
    height = ROW * (len(KEYS) + 1) + 20
    total = LEFT + WIDTH + RIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {height}"'
        ' font-family="system-ui, sans-serif" font-size="13" role="img"'
        ' aria-label="Benchmarks against their bars">',
        f'<rect width="{total}" height="{height}" fill="#ffffff"/>',
        f'<text x="{LEFT + WIDTH / 2}" y="18" text-anchor="middle" fill="{_MARK}">the bar</text>',
    ]
    middle = LEFT + WIDTH / 2
    for index, key in enumerate(KEYS):
        y = ROW * (index + 1)
        value = values.get(key.name)
        parts.append(
            f'<text x="{LEFT - 8}" y="{y + 15}" text-anchor="end" fill="{_INK}">'
            f"{escape(key.name)}</text>"
        )
        parts.append(
            f'<rect x="{LEFT}" y="{y + 3}" width="{WIDTH}" height="16" fill="{_PALE}" rx="3"/>'
        )
        if value is not None and key.bars and value > 0:
            share = value / key.bars[-1] if key.at_least else key.bars[-1] / value
            # Twice the bar fills the row.
            width = min(share / 2, 1.0) * WIDTH
            colour = _GOOD if met(key, value) != "missed" else _BAD
            parts.append(
                f'<rect x="{LEFT}" y="{y + 3}" width="{width:.1f}" height="16" fill="{colour}"'
                ' rx="3"/>'
            )
        shown = "not measured" if value is None else f"{value:,.4g} {key.unit}"
        parts.append(
            f'<text x="{LEFT + WIDTH + 10}" y="{y + 15}" fill="{_INK}">{escape(shown)}'
            f'<tspan fill="{_MARK}">  bar {escape(bars(key))}</tspan></text>'
        )
    parts.append(
        f'<line x1="{middle}" x2="{middle}" y1="24" y2="{height - 16}" stroke="{_MARK}"'
        ' stroke-dasharray="3 3"/></svg>'
    )
    return "\n".join(parts) + "\n"


def write(values: Mapping[str, float | None], path: Path = PICTURE) -> None:
    """Writes the picture."""
    path.write_text(draw(values), "utf-8")
