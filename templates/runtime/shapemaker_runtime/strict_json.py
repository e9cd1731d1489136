"""JSON as RFC 8259 has it: no duplicate names, no NaN, nothing that Python would quietly read as something else."""

from __future__ import annotations

import json
import math
import re
from typing import NoReturn

MAX_DEPTH = 64

# The slow check runs over tokens in Python, so it is kept for documents that these find suspicious, in C and in time
# that parsing hides. They may take text in strings for numbers and brackets: then the slow check finds nothing.
_SHAPE = bytes.maketrans(b"123456789E", b"000000000e")
_LONG_NUMBER, _LONG_EXPONENT = b"0" * 300, b"0e000"
_HIGH_EXPONENT = re.compile(rb"[0-9.][eE]\+?[0-9]{3}")
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(sorted(set(range(256)) - set(b"[]{}")))
_FEW_LEVELS, _MANY_BRACKETS = 3, 100_000
_SHORT = 256

_TOKEN = re.compile(
    r'(?P<string>"[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*")'
    r"|(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<open>[\[{])|(?P<close>[\]}])|(?P<colon>:)|(?P<constant>NaN|-?Infinity)"
)


class JsonError(ValueError):
    """What is wrong and where; the message quotes nothing of the document."""


def loads(body: bytes) -> object:
    """The value of one JSON document in UTF-8; `JsonError` says in which line and column it is not one."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonError(f"not UTF-8 at byte {error.start}") from None
    if _is_suspicious(body):
        _refuse_faults(text)
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise _at(text, error.pos, error.msg[:1].lower() + error.msg[1:]) from None
    except _FaultError:
        _refuse_faults(text)
        raise JsonError("not JSON") from None


class _FaultError(Exception):
    """Found while parsing; `_refuse_faults` then finds its place."""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _FaultError
    return found


def _refuse(_constant: str) -> NoReturn:
    raise _FaultError


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)


def _is_suspicious(body: bytes) -> bool:
    if len(body) < _SHORT:
        # Too short for most of what is suspicious.
        brackets = body.count(b"[") + body.count(b"{")
        return brackets > MAX_DEPTH or b"\\u" in body or _HIGH_EXPONENT.search(body) is not None
    shape = body.translate(_SHAPE, b"+")
    return _LONG_NUMBER in shape or _LONG_EXPONENT in shape or b"\\ud" in body or b"\\uD" in body or _may_be_deep(body)


def _may_be_deep(body: bytes) -> bool:
    brackets = body.translate(_BRACKETS, _NOT_BRACKETS)
    for level in range(MAX_DEPTH):  # each pass takes out the innermost level
        # Real documents shrink fast; one made to be deep must not cost all the passes.
        if not brackets or (level > _FEW_LEVELS and len(brackets) > _MANY_BRACKETS):
            break
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _refuse_faults(text: str) -> None:
    """Raise for the first token that no document may hold, in time linear in the text."""
    names: list[set[str] | None] = []  # of the objects around the token; None for a list
    last = ("", 0)
    for token in _TOKEN.finditer(text):
        kind, start = token.lastgroup, token.start()
        if kind == "string":
            last = (_unquote(text, token), start)
        elif kind == "colon":
            _add_name(text, names, last)
        elif kind == "open":
            if len(names) == MAX_DEPTH:
                raise _at(text, start, f"nested deeper than {MAX_DEPTH} levels")
            names.append(set() if token.group() == "{" else None)
        elif kind == "close":
            del names[-1:]
        elif kind == "constant":
            raise _at(text, start, "NaN and Infinity are no JSON numbers")
        elif not math.isfinite(float(token.group())):
            raise _at(text, start, "the number is out of range")


def _add_name(text: str, names: list[set[str] | None], name: tuple[str, int]) -> None:
    known = names[-1] if names else None
    if known is None:
        return
    if name[0] in known:
        raise _at(text, name[1], "the name stands twice in its object")
    known.add(name[0])


def _unquote(text: str, token: re.Match[str]) -> str:
    literal = token.group()
    if "\\" not in literal:
        return literal[1:-1]
    try:
        value = str(json.loads(literal))
    except json.JSONDecodeError:
        raise _at(text, token.start(), "malformed string") from None
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _at(text, token.start(), "the string holds half of a surrogate pair") from None
    return value


def _at(text: str, position: int, reason: str) -> JsonError:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return JsonError(f"line {line} column {column}: {reason}")
