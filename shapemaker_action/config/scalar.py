"""What a plain scalar means: YAML 1.2's core schema decides, and where YAML 1.1 reads something else we know what."""

from __future__ import annotations

from shapemaker_action import lazy
from shapemaker_action.record import dataclass

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_NUMERIC = frozenset("+-.0123456789")
"""What anything but a word begins with, in YAML 1.1, too."""

_INTEGER = lazy.pattern(r"[-+]?[0-9]+")
_OCTAL = lazy.pattern(r"0o[0-7]+")
_HEXADECIMAL = lazy.pattern(r"0x[0-9a-fA-F]+")
_FLOAT = lazy.pattern(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = lazy.pattern(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

_LEGACY_TRUE = frozenset({"yes", "Yes", "YES", "on", "On", "ON", "y", "Y"})
_LEGACY_FALSE = frozenset({"no", "No", "NO", "off", "Off", "OFF", "n", "N"})
_LEGACY_OCTAL = lazy.pattern(r"[-+]?0[0-7_]+")
_LEGACY_BINARY = lazy.pattern(r"[-+]?0b[01_]+")
_LEGACY_UNDERSCORES = lazy.pattern(r"[-+]?([1-9][0-9]*_[0-9_]*|0x[0-9a-fA-F]*_[0-9a-fA-F_]*)(\.[0-9_]*)?")
_LEGACY_SEXAGESIMAL = lazy.pattern(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_LEGACY_DATE = lazy.pattern(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt \t].*)?")

_INTEGER_DIGITS = 18
"""More digits than that fit no field of ours and no integer of AWS."""


class NotPlainError(ValueError):
    """A scalar that no reader should have to interpret: infinite, not a number, or absurdly long."""


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """The value by YAML 1.2; and, with a `doubt`, the one by YAML 1.1."""

    value: str | float | bool | None
    doubt: str = ""
    legacy: object = None


def resolve(text: str) -> Meaning:
    """The meaning of an unquoted scalar. Raises `NotPlainError`."""
    if text in _NULL:
        return Meaning(value=None)
    if text in _TRUE or text in _FALSE:
        return Meaning(value=text in _TRUE)
    if text[0] not in _NUMERIC:
        return _word(text)
    if _is_simple(text):
        return Meaning(value=float(text) if "." in text else int(text))
    if _NOT_FINITE.fullmatch(text):
        raise NotPlainError("must be a finite number")
    number = _number(text)
    doubt, legacy = _legacy(text)
    return Meaning(value=text if number is None else number, doubt=doubt, legacy=legacy)


def _word(text: str) -> Meaning:
    doubt, legacy = _legacy_word(text)
    return Meaning(value=text, doubt=doubt, legacy=legacy)


def _is_simple(text: str) -> bool:
    """Whether it is a decimal number that everybody reads alike; most are, and need no pattern to tell."""
    digits = text.replace(".", "", 1)
    is_decimal = digits.isascii() and digits.isdecimal() and len(digits) <= _INTEGER_DIGITS
    return is_decimal and ("." in text or text[0] != "0" or text == "0")


def _number(text: str) -> int | float | None:
    if _INTEGER.fullmatch(text):
        if len(text.lstrip("+-")) > _INTEGER_DIGITS:
            raise NotPlainError(f"has more than {_INTEGER_DIGITS} digits")
        return int(text)
    if _OCTAL.fullmatch(text) or _HEXADECIMAL.fullmatch(text):
        if len(text) > _INTEGER_DIGITS:
            raise NotPlainError(f"has more than {_INTEGER_DIGITS} digits")
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return _finite(float(text))
    return None


def _finite(number: float) -> float:
    if number in (float("inf"), float("-inf")):
        raise NotPlainError("must be a finite number")
    return number


def _legacy(text: str) -> tuple[str, object]:
    """What YAML 1.1 reads where it differs from YAML 1.2, in words and as a value of that type."""
    if _LEGACY_DATE.fullmatch(text):
        return "a date", _DATE
    return _legacy_number(text)


def _legacy_word(text: str) -> tuple[str, object]:
    if text in _LEGACY_TRUE or text in _LEGACY_FALSE:
        meant = text in _LEGACY_TRUE
        return f"the boolean {str(meant).lower()}", meant
    return "", None


def _legacy_number(text: str) -> tuple[str, object]:
    bare = text.replace("_", "")
    if _LEGACY_OCTAL.fullmatch(text) and text.strip("+-0_"):
        return f"the octal number {int(bare, 8)}", int(bare, 8)
    if _LEGACY_BINARY.fullmatch(text) and bare.strip("+-") != "0b":
        return f"the binary number {int(bare, 2)}", int(bare, 2)
    if _LEGACY_UNDERSCORES.fullmatch(text):
        number = _number(bare)
        return f"the number {number}", number
    if _LEGACY_SEXAGESIMAL.fullmatch(text):
        number = _sexagesimal(bare)
        return f"the base-60 number {number}", number
    return "", None


def _sexagesimal(text: str) -> int | float:
    total = 0.0
    for part in text.lstrip("+-").split(":"):
        total = total * 60 + float(part)
    signed = -total if text.startswith("-") else total
    return int(signed) if signed.is_integer() else signed


class _Date:
    """Of no type that a schema knows."""


_DATE = _Date()
