"""Markdown as GitHub renders it, with foreign text in it that stays text: no markup, no link, no mention, no HTML."""

from __future__ import annotations

import html
import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from shapemaker_action.report import harmless

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LONGEST_CELL = 600
LONGEST_URL = 2000
POINTS = 60
"""More points than this are one grey smear in a chart of its size."""
FEWEST_POINTS = 3

_GAP = "\u200b"
# What an entity stands for is never taken for markup; so says CommonMark of every reference to a character.
_MARKUP = {ord(character): f"&#{ord(character)};" for character in "\\`*_{}[]<>|~$!&"}
_AT_THE_START = re.compile(r"^[-+=]")
_NUMBERED = re.compile(r"^(\d+)(?=[.)](?:\s|$))")
# GitHub looks for these in the rendered text, so an entity would not hide them: they are taken apart.
_REFERENCE = re.compile(r"@|#|\bGH-(?=\d)|:(?=//)|:(?=\w+:)|\bwww(?=\.)", re.IGNORECASE)
_NOT_PLAIN = re.compile(r"[^a-z0-9 ,;?%./+=()-]|(?<=www)\.", re.IGNORECASE)
_NOT_IN_A_CHART = re.compile(r"[^\w .:/%+-]", re.ASCII)
_NOT_IN_A_URL = re.compile(r"[^\w.~:/?#@&*+,;=%$-]", re.ASCII)


@lru_cache(maxsize=4096)
def text(foreign: str) -> str:
    """Foreign text on one line, to be read as it is."""
    plain = _NUMBERED.sub(rf"\1{_GAP}", _shortened(foreign))
    apart = _REFERENCE.sub(rf"\g<0>{_GAP}", plain)
    return _AT_THE_START.sub(_entity, apart.translate(_MARKUP))


def code(foreign: str) -> str:
    """A name or a value, to be copied as it is; nothing for nothing."""
    plain = _shortened(foreign)
    return f"<code>{_NOT_PLAIN.sub(_entity, plain)}</code>" if plain else ""


def pre(lines: Iterable[str]) -> str:
    """Lines of a log. An HTML block: between its tags nothing is Markdown, and a `<` in there is none."""
    shown = [html.escape(line, quote=False) for each in lines for line in harmless.lines(each) or [""]]
    return "<pre>\n" + "\n".join(shown) + "\n</pre>"


def command(line: str) -> str:
    """A command line with GitHub's copy button."""
    plain = " ".join(harmless.lines(line))
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", plain)), default=0))
    return f"{fence}sh\n{plain}\n{fence}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are Markdown already. A table without a heading gets an empty one: GitHub knows no other."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def details(title: str, body: str, *, is_open: bool = False) -> str:
    """A section that unfolds; `title` is Markdown already."""
    return f"<details{' open' if is_open else ''}><summary>{title}</summary>\n\n{body}\n\n</details>"


def link(label: str, url: str) -> str:
    """A link of ours; an address that isn't https, or longer than any that we make, is no link."""
    if not url.startswith("https://") or len(url) > LONGEST_URL:
        return text(label)
    quoted = _NOT_IN_A_URL.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode(errors="replace")), url)
    return f"[{text(label)}]({quoted})"


def chart(name: str, values: Sequence[float], *, total: int) -> str:
    """A line over the readings 1 to `total`; empty where there is nothing to see."""
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) < FEWEST_POINTS:
        return ""
    shown = _thinned(finite)
    low, high = min(shown), max(shown)
    margin = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
    bottom = max(0.0, low - margin) if low >= 0 else low - margin
    title = _NOT_IN_A_CHART.sub(" ", " ".join(harmless.lines(name)))[:60].strip() or "metric"
    points = ", ".join(_number(value) for value in shown)
    return "\n".join(
        [
            "```mermaid",
            "xychart-beta",
            f'    title "{title}"',
            f'    x-axis "reading" 1 --> {total}',
            f"    y-axis {_number(bottom)} --> {_number(high + margin)}",
            f"    line [{points}]",
            "```",
        ]
    )


def _number(value: float) -> str:
    """Without an exponent: Mermaid knows none."""
    digits = 6 if value == 0 else max(0, 5 - math.floor(math.log10(abs(value))))
    text = f"{value:.{min(digits, 20)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _thinned(values: Sequence[float]) -> list[float]:
    """At most POINTS, the first and the last among them."""
    if len(values) <= POINTS:
        return list(values)
    return [values[round(index * (len(values) - 1) / (POINTS - 1))] for index in range(POINTS)]


def _shortened(foreign: str) -> str:
    plain = " ".join(line for line in harmless.lines(foreign) if line).strip()
    return plain if len(plain) <= LONGEST_CELL else f"{plain[:LONGEST_CELL]}…"


def _entity(match: re.Match[str]) -> str:
    return f"&#{ord(match[0])};"
