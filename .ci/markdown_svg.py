#!/usr/bin/env python3
"""Draw Markdown as GitHub would show it: an SVG of plain texts, lines and rectangles, as it may stand in a README."""

from __future__ import annotations

import html
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH, MARGIN, LINE = 860, 24, 21
INK, FAINT, RULE, SHADE, LINK = "#1f2328", "#59636e", "#d1d9e0", "#f6f8fa", "#0969da"
SANS = "-apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif"
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
NARROW, WIDE = "filjtIrt.,:;'|()[]!1- ", "mwMWQO@%&→✅⛔❌"
INLINE = re.compile(r"(<code>.*?</code>|\*\*.*?\*\*|\[[^\]]*\]\([^)]*\)|</?sub>)")


@dataclass(frozen=True, kw_only=True)
class Span:
    """Text of one look."""

    text: str
    look: str = ""

    def width(self, size: float) -> float:
        """About as wide as a browser would make it."""
        if self.look == "code":
            return len(self.text) * size * 0.545 + 8
        widths = [0.36 if c in NARROW else 0.97 if c in WIDE else 0.68 if c.isupper() else 0.6 for c in self.text]
        return sum(widths) * size * (1.05 if self.look == "bold" else 1)


@dataclass(kw_only=True)
class Page:
    """Grows downward; `left` is where the current block begins."""

    parts: list[str] = field(default_factory=list)
    y: float = MARGIN
    left: float = MARGIN

    def text(self, x: float, spans: list[Span], *, size: float = 14, fill: str = INK) -> None:
        """One line on the baseline `y`."""
        if spans and spans[0].text.startswith("✅"):
            self.check(x, size)
            spans = [Span(text=spans[0].text.lstrip("✅ "), look=spans[0].look), *spans[1:]]
            x += size * 1.45
        for span in spans:
            mono, wide = span.look == "code", span.width(size)
            if mono:
                self.rect(x, self.y - size - 1, wide, size + 7, SHADE)
            look = f'font-family="{MONO}" font-size="{size * 0.9:g}"' if mono else f'font-size="{size:g}"'
            bold = ' font-weight="600"' if span.look == "bold" else ""
            color = LINK if span.look == "link" else fill
            shown = html.escape(span.text)
            place = f'x="{x + 4 * mono:.1f}" y="{self.y:.1f}"'
            self.parts.append(f'<text {place} {look}{bold} fill="{color}" xml:space="preserve">{shown}</text>')
            x += wide

    def check(self, x: float, size: float) -> None:
        """The sign as it looks in most fonts; some have none."""
        self.rect(x, self.y - size * 0.85, size, size, "#1a7f37")
        a, b, c = (0.22, 0.38), (0.42, 0.18), (0.8, 0.66)
        line = " ".join(f"{x + size * dx:.1f},{self.y - size * (dy - 0.02):.1f}" for dx, dy in (a, b, c))
        self.parts.append(f'<polyline points="{line}" fill="none" stroke="#ffffff" stroke-width="{size / 9:.1f}"/>')

    def rect(self, x: float, y: float, width: float, height: float, fill: str) -> None:
        """A box with round corners."""
        box = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
        self.parts.append(f'<rect {box} rx="4" fill="{fill}"/>')

    def rule(self, x: float, y: float, to: float) -> None:
        """A thin line across."""
        self.parts.append(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to:.1f}" y2="{y:.1f}" stroke="{RULE}"/>')


def spans(markdown: str, look: str = "") -> list[Span]:
    """The looks of a line."""
    found = []
    for part in INLINE.split(re.sub(r"</?sub>", "", markdown)):
        if part.startswith("<code>"):
            found.append(Span(text=html.unescape(part[6:-7]), look="code"))
        elif part.startswith("**"):
            found.append(Span(text=html.unescape(part[2:-2]), look="bold"))
        elif part.startswith("["):
            found.append(Span(text=html.unescape(part[1 : part.index("]")]), look="link"))
        elif part:
            found.append(Span(text=html.unescape(part).replace("\u200b", ""), look=look))
    return found


def draw(markdown: str) -> str:
    """The whole picture."""
    page = Page()
    lines = iter(re.sub(r"<!--.*?-->\n*", "", markdown).split("\n"))
    for line in lines:
        block(page, line, lines)
    height = page.y + MARGIN / 2
    box = f'<rect width="{WIDTH}" height="{height:.0f}" rx="6" fill="#ffffff" stroke="{RULE}"/>'
    size = f'width="{WIDTH}" height="{height:.0f}" viewBox="0 0 {WIDTH} {height:.0f}"'
    body = "\n".join(page.parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{SANS}">\n{box}\n{body}\n</svg>\n'


def block(page: Page, line: str, rest: Iterator[str]) -> None:
    """One block; it takes the lines that belong to it."""
    if line.startswith("#"):
        heading(page, line)
    elif line.startswith("|"):
        table(page, [line, *until(rest, "")])
    elif line.startswith("```mermaid"):
        chart(page, list(until(rest, "```")))
    elif line.startswith("```"):
        literal(page, list(until(rest, "```")))
    elif line == "<pre>":
        literal(page, [html.unescape(each) for each in until(rest, "</pre>")])
    elif line.startswith("<details"):
        title = re.sub(r"<details[^>]*><summary>|</summary>", "", line)
        is_open = " open" in line.partition(">")[0]
        inner = list(until(rest, "</details>"))
        page.text(page.left, [Span(text="▾ " if is_open else "▸ ")])
        page.text(page.left + 18, spans(title))
        page.y += LINE + 6
        for each in (iterator := iter(inner if is_open else [])):
            block(page, each, iterator)
    elif line:
        bullet = line.startswith("- ")
        wrapped(page, spans(f"• {line[2:]}" if bullet else line))


def until(lines: Iterator[str], end: str) -> list[str]:
    """The lines before one that ends a block."""
    found = []
    for line in lines:
        if line == end:
            break
        found.append(line)
    return found


def heading(page: Page, line: str) -> None:
    """Larger, the largest with a rule below."""
    level = len(line) - len(line.lstrip("#"))
    size = {2: 21, 3: 17}.get(level, 15)
    page.y += size * 0.9
    page.text(page.left, spans(line.lstrip("# "), "bold"), size=size)
    page.y += 14
    if level == 2:  # noqa: PLR2004 - the only one that GitHub underlines
        page.rule(MARGIN, page.y - 4, WIDTH - MARGIN)
    page.y += 12


def wrapped(page: Page, found: list[Span]) -> None:
    """A paragraph, broken between words."""
    line: list[Span] = []
    room = WIDTH - MARGIN - page.left
    words = [Span(text=word, look=span.look) for span in found for word in pieces(span)]
    for word in words:
        if line and sum(each.width(14) for each in line) + word.width(14) > room:
            page.text(page.left, line)
            page.y += LINE
            line = []
        if line and line[-1].look == word.look != "code":
            line[-1] = Span(text=line[-1].text + word.text, look=word.look)
        else:
            line.append(word)
    page.text(page.left, line)
    page.y += LINE + 6


def pieces(span: Span) -> list[str]:
    """What a line may be broken into."""
    return [span.text] if span.look == "code" else re.findall(r"\s*\S+\s*|\s+", span.text)


def table(page: Page, lines: list[str]) -> None:
    """Columns as wide as their widest cell, shrunk together if the page is too narrow."""
    rows = [[spans(cell, "bold" if not n else "") for cell in line[2:-2].split(" | ")] for n, line in enumerate(lines)]
    del rows[1]
    widths = [max(sum(s.width(13) for s in row[column]) for row in rows) + 20 for column in range(len(rows[0]))]
    total = sum(widths)
    for number, row in enumerate(rows):
        if number and number % 2 == 0:
            page.rect(page.left, page.y - 16, total, 26, SHADE)
        x = page.left
        for cell, width in zip(row, widths, strict=True):
            page.text(x + 10, cell, size=13)
            x += width
        page.rule(page.left, page.y + 10, page.left + total)
        page.y += 26
    page.y += 6


def literal(page: Page, lines: list[str]) -> None:
    """Lines of a log or a command on a grey ground."""
    height = len(lines) * 18 + 14
    page.rect(page.left, page.y - 14, WIDTH - MARGIN - page.left, height, SHADE)
    for line in lines:
        page.y += 4
        shown = html.escape(line)
        page.parts.append(
            f'<text x="{page.left + 12}" y="{page.y:.1f}" font-family="{MONO}" font-size="12" fill="{INK}" '
            f'xml:space="preserve">{shown}</text>'
        )
        page.y += 14
    page.y += 24


def chart(page: Page, lines: list[str]) -> None:
    """The line of an xychart, with its first, last, lowest and highest value written beside it."""
    text = "\n".join(lines)
    values = [float(value) for value in re.findall(r"line \[(.*)\]", text)[0].split(",")]
    low, high = (float(value) for value in re.findall(r"y-axis (\S+) --> (\S+)", text)[0])
    last = re.findall(r"x-axis .* --> (\d+)", text)[0]
    left, top, width, height = page.left + 60, page.y - 6, WIDTH - 2 * MARGIN - 80, 170
    for share in (0, 0.5, 1):
        y = top + height * (1 - share)
        page.rule(left, y, left + width)
        page.parts.append(
            f'<text x="{left - 8}" y="{y + 4:.1f}" font-size="11" text-anchor="end" fill="{FAINT}">'
            f"{low + (high - low) * share:.5g}</text>"
        )
    places = [
        f"{left + width * n / (len(values) - 1):.1f},{top + height * (high - value) / (high - low):.1f}"
        for n, value in enumerate(values)
    ]
    page.parts.append(f'<polyline points="{" ".join(places)}" fill="none" stroke="{LINK}" stroke-width="2"/>')
    for x, label in ((left, "1"), (left + width, last)):
        page.parts.append(
            f'<text x="{x}" y="{top + height + 16}" font-size="11" text-anchor="middle" fill="{FAINT}">{label}</text>'
        )
    page.y += height + 34


if __name__ == "__main__":
    sys.stdout.write(draw(Path(sys.argv[1]).read_text(encoding="utf-8")))
