"""Plain data against the JSON Schema: the keywords of JSON Schema that `schema.json` uses, and no others."""

from __future__ import annotations

import re

from shapemaker_action.config import schema as schemas
from shapemaker_action.record import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from shapemaker_action.config.node import KeyPath
    from shapemaker_action.config.schema import Schema


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One rule that a value breaks."""

    path: KeyPath
    rule: str
    """The schema's keyword."""
    wanted: Any
    """What the schema says there."""
    schema: Schema
    value: Any
    is_key: bool = False
    """Whether the value is a key of the mapping at `path`."""
    choices: tuple[tuple[Violation, ...], ...] = ()
    """Of an `anyOf`: what is wrong with the value for each of its forms."""


def violations(value: Any, schema: Schema, path: KeyPath = ()) -> Iterator[Violation]:
    """Everything that is wrong with a value, in the order of the schema."""
    if "$ref" in schema:
        yield from violations(value, schemas.resolved(schema), path)
        return
    for rule, wanted in schema.items():
        if rule in _DEEP:
            yield from _DEEP[rule](value, schema, path)
        elif rule in _FLAT and not _FLAT[rule](value, wanted):
            yield _violation(rule, value, schema, path)


def _violation(rule: str, value: Any, schema: Schema, path: KeyPath) -> Violation:
    return Violation(path=path, rule=rule, wanted=schema[rule], schema=schema, value=value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: _is_number(value) and (isinstance(value, int) or value.is_integer()),
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}


def _type(value: Any, wanted: str | list[str]) -> bool:
    return any(_TYPES[each](value) for each in ([wanted] if isinstance(wanted, str) else wanted))


def _unique(value: Any, _: bool) -> bool:  # noqa: FBT001 - the signature of all of them
    if not isinstance(value, list):
        return True
    # 1 and true are equal to Python and not to JSON.
    return len({(isinstance(each, bool), repr(each)) for each in value}) == len(value)


_FLAT: dict[str, Callable[[Any, Any], bool]] = {
    "type": _type,
    "enum": lambda value, wanted: value in wanted,
    "minimum": lambda value, wanted: not _is_number(value) or value >= wanted,
    "maximum": lambda value, wanted: not _is_number(value) or value <= wanted,
    "minLength": lambda value, wanted: not isinstance(value, str) or len(value) >= wanted,
    "maxLength": lambda value, wanted: not isinstance(value, str) or len(value) <= wanted,
    "minProperties": lambda value, wanted: not isinstance(value, dict) or len(value) >= wanted,
    "uniqueItems": _unique,
    # Patterns are anchored as ECMAScript reads `$`; Python's would let a line end pass behind it.
    "pattern": lambda value, wanted: not isinstance(value, str) or re.fullmatch(wanted, value) is not None,
    "required": lambda value, wanted: not isinstance(value, dict) or all(key in value for key in wanted),
}


def _properties(value: Any, schema: Schema, path: KeyPath) -> Iterator[Violation]:
    if isinstance(value, dict):
        for key, below in schema["properties"].items():
            if key in value:
                yield from violations(value[key], below, (*path, key))


def _additional(value: Any, schema: Schema, path: KeyPath) -> Iterator[Violation]:
    wanted, known = schema["additionalProperties"], schema.get("properties", {})
    others = [key for key in value if key not in known] if isinstance(value, dict) else []
    if others and wanted is False:
        yield _violation("additionalProperties", value, schema, path)
    elif isinstance(wanted, dict):
        for key in others:
            yield from violations(value[key], wanted, (*path, key))


def _names(value: Any, schema: Schema, path: KeyPath) -> Iterator[Violation]:
    for key in value if isinstance(value, dict) else ():
        for each in violations(key, schema["propertyNames"], path):
            yield Violation(
                path=path, rule=each.rule, wanted=each.wanted, schema=each.schema, value=each.value, is_key=True
            )


def _items(value: Any, schema: Schema, path: KeyPath) -> Iterator[Violation]:
    for index, item in enumerate(value if isinstance(value, list) else ()):
        yield from violations(item, schema["items"], (*path, index))


def _all(value: Any, schema: Schema, path: KeyPath) -> Iterator[Violation]:
    for each in schema["allOf"]:
        yield from violations(value, each, path)


def _any(value: Any, schema: Schema, path: KeyPath) -> Iterator[Violation]:
    choices = []
    for each in schema["anyOf"]:
        found = tuple(violations(value, each, path))
        if not found:
            return
        choices.append(found)
    yield Violation(path=path, rule="anyOf", wanted=schema["anyOf"], schema=schema, value=value, choices=tuple(choices))


_DEEP: dict[str, Callable[[Any, Schema, KeyPath], Iterator[Violation]]] = {
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": _names,
    "items": _items,
    "allOf": _all,
    "anyOf": _any,
}

KEYWORDS = frozenset({*_FLAT, *_DEEP, "$ref"})
"""What is understood; everything else in the schema is for people."""
