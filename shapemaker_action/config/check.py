"""The merged document against the schema: each problem once, at its place, in words for people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from shapemaker_action.config import schema, words
from shapemaker_action.config.node import (
    KeyPath,
    MappingNode,
    ScalarNode,
    dotted,
    find,
    key_position,
    plain,
    scalars,
    value_position,
)
from shapemaker_action.diagnostics import Diagnostic

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIMITS: dict[str, str] = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "at least {} character(s)",
    "maxLength": "at most {} characters",
    "minProperties": "at least {} key(s)",
    "uniqueItems": "each item once",
}


def _whole_pattern(_: object, pattern: str, instance: object, __: object) -> Iterator[ValidationError]:
    """Our patterns are anchored as ECMAScript reads `$`; Python's would let a line end pass behind it."""
    if isinstance(instance, str) and not re.fullmatch(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


_Validator = extend(Draft7Validator, {"pattern": _whole_pattern})  # type: ignore[no-untyped-call]


def check(root: MappingNode) -> tuple[list[Diagnostic], frozenset[KeyPath]]:
    """All problems, and the paths of the values that have one: nothing further can be said about those."""
    found: list[Diagnostic] = []
    broken: set[KeyPath] = set()
    for error in _Validator(schema.load()).iter_errors(plain(root, legacy=True)):
        for specific in _specific(error):
            for path, diagnostic in _diagnostics(root, specific):
                found.append(diagnostic)
                broken.add(path)
    for path, scalar in scalars(root):
        if scalar.doubt and not any(path[: len(each)] == each for each in broken):
            found.append(_ambiguous(path, scalar))
            broken.add(path)
    return found, frozenset(path for path in broken if path)


def _specific(error: ValidationError) -> Iterator[ValidationError]:
    """Of a choice between a short and a long form, the problems of the form that was meant."""
    if error.validator != "anyOf":
        yield error
        return
    branches: dict[object, list[ValidationError]] = {}
    for below in error.context or ():
        branches.setdefault(below.relative_schema_path[0], []).append(below)
    for errors in branches.values():
        if not any(each.validator == "type" and not each.relative_path for each in errors):
            for each in errors:
                yield from _specific(each)
            return
    yield error


def _diagnostics(root: MappingNode, error: ValidationError) -> Iterator[tuple[KeyPath, Diagnostic]]:
    path: KeyPath = tuple(error.absolute_path)
    rule = str(error.validator)
    if rule == "additionalProperties":
        known = list(cast("schema.Schema", error.schema).get("properties", {}))
        for key in _extra_keys(cast("schema.Schema", error.instance), known):
            yield (*path, key), _unknown_key(root, (*path, key), known)
    elif rule == "required":
        yield from _missing_keys(root, path, error)
    elif "propertyNames" in error.absolute_schema_path:
        key = str(error.instance)
        message = f"expected a name of {_pattern_words(error)}; got '{key}'"
        yield (
            (*path, key),
            Diagnostic(message=message, position=key_position(root, (*path, key)), path=dotted((*path, key))),
        )
    else:
        yield path, _wrong_value(root, path, error)


def _extra_keys(instance: schema.Schema, known: list[str]) -> Iterator[str]:
    yield from (key for key in instance if key not in known)


def _unknown_key(root: MappingNode, path: KeyPath, known: list[str]) -> Diagnostic:
    return Diagnostic(
        message="this key is not known here",
        position=key_position(root, path),
        path=dotted(path),
        hint=words.unknown_key_hint(str(path[-1]), known),
    )


def _missing_keys(root: MappingNode, path: KeyPath, error: ValidationError) -> Iterator[tuple[KeyPath, Diagnostic]]:
    given, required = cast("schema.Schema", error.instance), cast("list[str]", error.validator_value)
    for key in required:
        if key not in given:
            described = words.example_of((*path, key))
            # Sections keep what else they say; an item of a list means nothing without what it lacks.
            broken = path if any(isinstance(step, int) for step in path) else ()
            yield (
                broken,
                Diagnostic(
                    message="is missing",
                    position=key_position(root, path) if path else root.position,
                    path=dotted((*path, key)),
                    hint=described,
                ),
            )


def _wrong_value(root: MappingNode, path: KeyPath, error: ValidationError) -> Diagnostic:
    node = find(root, path)
    expected = _expected(error)
    hint = ""
    if isinstance(node, ScalarNode):
        hint = words.value_hint(node, path, words.types_of(error), _choices(error))
        if error.validator == "pattern" and not node.doubt:
            hint = words.name_hint(str(node.value), str(error.validator_value))
    return Diagnostic(
        message=f"expected {expected}; got {words.got(node)}",
        position=value_position(root, path),
        path=dotted(path),
        hint=hint,
    )


def _expected(error: ValidationError) -> str:
    rule = str(error.validator)
    if rule in ("type", "anyOf"):
        return words.kinds(words.types_of(error))
    if rule == "enum":
        return words.one_of(_choices(error))
    if rule == "pattern":
        return _pattern_words(error)
    return _LIMITS[rule].format(error.validator_value)


def _choices(error: ValidationError) -> list[str]:
    return cast("list[str]", error.validator_value) if error.validator == "enum" else []


def _pattern_words(error: ValidationError) -> str:
    return str(cast("schema.Schema", error.schema)["patternErrorMessage"])


def _ambiguous(path: KeyPath, scalar: ScalarNode) -> Diagnostic:
    text, value = scalar.text, scalar.value
    modern = "text" if isinstance(value, str) else f"the number {value}"
    literal = str(scalar.legacy).lower() if isinstance(scalar.legacy, bool) else str(value)
    instead = "" if isinstance(value, str) and not isinstance(scalar.legacy, bool) else f"write {literal}, or "
    return Diagnostic(
        message=f"{text} is {scalar.doubt} for YAML 1.1 and {modern} for YAML 1.2",
        position=scalar.position,
        path=dotted(path),
        hint=f'{instead}quote it if it is text: "{text}"',
    )
