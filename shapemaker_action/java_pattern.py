r"""Java's regular expressions, as AWS writes them, for Python's `re`: `\p{L}`, surrogate pairs, quantified anchors."""

from __future__ import annotations

import functools
import re
import sys

from shapemaker_action import lazy

TYPE_CHECKING = False
if TYPE_CHECKING:
    import unicodedata
else:
    (unicodedata,) = lazy.modules("", "unicodedata")

_POSIX = {
    "ASCII": r"\x00-\x7f",
    "Alnum": "a-zA-Z0-9",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Lower": "a-z",
    "Upper": "A-Z",
    "Print": r"\x20-\x7e",
    "Punct": r"!-/:-@\[-`{-~",
    "Space": r" \t\n\x0b\f\r",
}
_TOKEN = lazy.pattern(
    r"""
    \\u(?P<high>[dD][89abAB]..)\\u(?P<low>[dD][c-fC-F]..)   # one character beyond U+FFFF
    | \\p\{(?P<property>\w+)\}
    | (?P<end>\\z)
    | (?P<escape>\\u....|\\x..|\\.)
    | (?P<anchor>\$)\{\d+,?\d*\}                            # Java takes a quantifier after an anchor, Python does not
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ANY_LINE = (".*", ".+")
_LINE_ENDS = frozenset("\n\r")
_LIMITS = (0x80, 0x250, 0x10000, sys.maxunicode + 1)
"""ASCII, the Latin letters, the Basic Multilingual Plane, everything."""


def matches(pattern: str, value: str) -> bool:
    """Whether the whole value matches."""
    if pattern in _ANY_LINE:
        # Half of AWS's patterns say no more than that.
        return (bool(value) or pattern == ".*") and _LINE_ENDS.isdisjoint(value)
    highest = ord(max(value, default=" "))
    limit = next(limit for limit in _LIMITS if highest < limit)
    return _compiled(pattern, limit).fullmatch(value) is not None


@functools.cache
def _compiled(pattern: str, limit: int) -> re.Pattern[str]:
    """Unicode categories are spelled out as ranges, but only as far as the value needs them: nearly all are ASCII."""
    return re.compile(_translate(pattern, limit), re.ASCII)


def _translate(pattern: str, limit: int) -> str:
    parts: list[str] = []
    in_class = False
    after_class_escape = False
    for token in _TOKEN.finditer(pattern):
        text = token.group()
        if token["other"]:
            in_class, text = _plain(text, in_class=in_class, after_class_escape=after_class_escape)
        elif token["property"]:
            ranges = _ranges(token["property"], limit)
            text = ranges if in_class else f"[{ranges}]"
        else:
            text = _escape(token)
        after_class_escape = in_class and bool(token["property"] or text in (r"\w", r"\d", r"\s"))
        parts.append(text)
    return "".join(parts)


def _plain(text: str, *, in_class: bool, after_class_escape: bool) -> tuple[bool, str]:
    if not in_class:
        # Java's dot leaves out the carriage return as well
        return text == "[", r"[^\n\r]" if text == "." else text
    if text == "]":
        return False, text
    needs_escape = text in "[&~|" or (text == "-" and after_class_escape)
    return True, f"\\{text}" if needs_escape else text


def _escape(token: re.Match[str]) -> str:
    if token["high"]:
        high, low = int(token["high"], 16), int(token["low"], 16)
        return f"\\U{0x10000 + (high - 0xD800) * 0x400 + (low - 0xDC00):08x}"
    if token["end"]:
        return r"\Z"
    return token["anchor"] or token["escape"]


@functools.cache
def _ranges(name: str, limit: int) -> str:
    """The inside of a character class for a POSIX name or a Unicode category (`L`, `Zs`)."""
    if name in _POSIX:
        return _POSIX[name]
    ranges: list[list[int]] = []
    for code in range(limit):
        if unicodedata.category(chr(code)).startswith(name):
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    # a class must not be empty: ASCII has no marks, but `[\p{M}]` has to compile
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges) or r"\U0010ffff"
