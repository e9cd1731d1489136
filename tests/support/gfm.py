"""The shape of a document as GitHub's Markdown sees it: blocks, cells and whatever is markup in a line."""

from __future__ import annotations

import html
import re
from itertools import groupby

TAGS = re.compile(r"</?(?:details|summary|code|sub)>|<details open>|<br>")
LINK = re.compile(r"\[[^\[\]<>]*\]\(https://[^\s()<>]*\)")
MARKUP = re.compile(r"(?<!\\)[`*_\[\]<>~]")
MENTION = re.compile(r"(?<![\w@/])@\w|(?<![\w#&])#\d|\bGH-\d|https?://|\bwww\.", re.IGNORECASE)
MARKER = re.compile(r"<!-- shapemaker: \S+ \S+ -->")


def shape(text: str) -> list[str]:
    """One entry a line; lines of one literal block are one entry, since logs differ in length."""
    return [kind for kind, _ in groupby(_kinds(text), key=lambda kind: kind)]


def _kinds(text: str) -> list[str]:
    kinds: list[str] = []
    end = ""
    for line in text.split("\n"):
        if end:
            kinds.append("literal")
            closing = line.strip() == end if end.startswith("`") else end in line
            end = "" if closing else end
        elif fence := re.match(r" {0,3}(`{3,}|~{3,})", line):
            end = fence[1]
            kinds.append("literal")
        elif line.startswith("<pre>"):
            end = "</pre>"
            kinds.append("literal")
        else:
            kinds.append(_line(line))
    assert not end, f"{end} does not end"
    return kinds


def _line(line: str) -> str:
    """Which block it opens or goes on, and the markup in it."""
    plain = LINK.sub("LINK", MARKER.sub("MARKER", line))
    tags = TAGS.findall(plain)
    bare = TAGS.sub("", plain)
    cells = bare.count("|") if bare.startswith("|") else 0
    block = re.match(r"\s*(#{1,6} |[-+*] |\d+[.)] |>|=+$|-+$|\|)?", plain)
    return f"{block[1] if block else ''} {cells} {tags} {MARKUP.findall(bare)} {bare.count('LINK')}"


def rendered(text: str) -> str:
    """What a reader sees outside of code: where GitHub looks for names, numbers and addresses."""
    visible = []
    for line, kind in zip(text.split("\n"), _kinds(text), strict=True):
        if kind != "literal":
            plain = re.sub(r"<code>.*?</code>", "", MARKER.sub("", LINK.sub("", line)))
            visible.append(html.unescape(TAGS.sub("", plain)))
    return "\n".join(visible)
