"""`.dockerignore`: the same files leave the build context here as with docker, so that digest and build agree."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shapemaker_action.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

# What Go's filepath.Match takes: classes are closed, not empty, and a dash stands between two characters.
_CLASS_CHAR = r"(?:\\.|[^\\\]\-])"
_WELL_FORMED = re.compile(rf"(?:\\.|[^\\\[]|\[\^?(?:{_CLASS_CHAR}(?:-{_CLASS_CHAR})?)+\])*", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """One line of the file. `negated` lines (`!keep.txt`) bring paths back that an earlier line dropped."""

    text: str
    negated: bool
    expression: re.Pattern[str]


class DockerIgnore:
    """The patterns in their order; the last one that matches a path or one of its parents decides."""

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self._patterns = tuple(patterns)
        self.negates = any(pattern.negated for pattern in self._patterns)
        """Whether a dropped directory may still hold wanted files."""

    @classmethod
    def parse(cls, text: str, origin: str = ".dockerignore") -> DockerIgnore:
        """Raises `InvalidInputError` naming `origin` and the line of a malformed pattern."""
        return cls(_patterns(text, origin))

    def __add__(self, other: DockerIgnore) -> DockerIgnore:
        return DockerIgnore((*self._patterns, *other._patterns))

    def ignores(self, path: str) -> bool:
        """Whether `path`, relative to the context and with slashes, stays out."""
        candidates = _with_parents(path)
        ignored = False
        for pattern in self._patterns:
            # A pattern that could not change the answer is not asked.
            if pattern.negated is ignored and any(pattern.expression.fullmatch(each) for each in candidates):
                ignored = not pattern.negated
        return ignored


def _with_parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[: end + 1]) for end in range(len(parts))]


def _patterns(text: str, origin: str) -> Iterable[Pattern]:
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        # Docker looks for the comment sign before it trims: ` #x` is a pattern.
        line = "" if raw.startswith("#") else raw.strip()
        if line:
            yield _pattern(line, f"{origin}:{number}")


def _pattern(line: str, place: str) -> Pattern:
    cleaned = _clean(line.removeprefix("!").strip())
    try:
        expression = re.compile(_expression(cleaned), re.DOTALL) if _WELL_FORMED.fullmatch(cleaned) else None
    except re.error:  # a range that runs backwards, `[z-a]`
        expression = None
    if not cleaned or expression is None:
        raise InvalidInputError(
            f"{place}: {line!r} is no valid pattern",
            remedy="escape literal brackets and backslashes with a backslash, and give `!` a path",
        )
    return Pattern(text=cleaned, negated=line.startswith("!"), expression=expression)


def _clean(pattern: str) -> str:
    """Lexically shortest form without a leading slash: patterns are relative to the context either way."""
    if not pattern:
        return ""
    # normpath keeps a leading double slash, which POSIX lets mean something else; docker does not.
    cleaned = posixpath.normpath(re.sub(r"^/+", "/", pattern))
    # A run of `**/` means one of them, but would cost the matcher a power of the path's depth.
    cleaned = re.sub(r"(?:\*\*/)+", "**/", cleaned)
    return cleaned[1:] if len(cleaned) > 1 and cleaned.startswith("/") else cleaned


def _expression(pattern: str) -> str:
    out: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            piece, at = _stars(pattern, at)
            out.append(piece)
        elif char == "?":
            out.append("[^/]")
        elif char == "\\" and at < len(pattern):
            out.append(re.escape(pattern[at]))
            at += 1
        elif char == "[":
            piece, at = _char_class(pattern, at)
            out.append(piece)
        else:
            out.append(re.escape(char))
    return "".join(out)


def _stars(pattern: str, at: int) -> tuple[str, int]:
    """What one or two stars mean; `at` is behind the first."""
    if not pattern.startswith("*", at):
        return "[^/]*", at
    at += 1
    if pattern.startswith("/", at):
        at += 1
    return (".*", at) if at == len(pattern) else ("(?:.*/)?", at)


def _char_class(pattern: str, at: int) -> tuple[str, int]:
    """`[a-c]`, `[^a]` with escapes; `at` is behind the bracket, and the pattern is well-formed."""
    out = ["["]
    if pattern.startswith("^", at):
        out.append("^")
        at += 1
    while pattern[at] != "]":
        at += pattern[at] == "\\"
        out.append(re.escape(pattern[at]))
        at += 1
        if pattern[at] == "-":
            at += 1
            at += pattern[at] == "\\"
            out.append("-" + re.escape(pattern[at]))
            at += 1
    return "".join(out) + "]", at + 1
