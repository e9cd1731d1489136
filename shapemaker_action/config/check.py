"""The merged document against the schema: each problem once, at its place, in words for people."""

from __future__ import annotations

from shapemaker_action.config import conform, schema, words
from shapemaker_action.config.node import (
    KeyPath,
    MappingNode,
    ScalarNode,
    dotted,
    find,
    key_position,
    plain,
    quoted,
    scalars,
    value_position,
)
from shapemaker_action.diagnostics import Diagnostic, Position

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from shapemaker_action.config.conform import Violation

Finding: TypeAlias = tuple[KeyPath, Diagnostic]

_LIMITS: dict[str, str] = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "minLength": "a value",
    "maxLength": "at most {} characters",
    "minProperties": "at least {} key",
    "uniqueItems": "each item once",
}


def check(root: MappingNode) -> tuple[list[Diagnostic], frozenset[KeyPath]]:
    """All problems, and the paths of the values that have one: nothing further can be said about those."""
    errors = conform.violations(plain(root, legacy=True), schema.load())
    found = [finding for error in errors for specific in _specific(error) for finding in _findings(root, specific)]
    broken = {path for path, _ in found}
    for path, scalar in scalars(root):
        if scalar.doubt and not any(path[: len(each)] == each for each in broken):
            found.append((path, _ambiguous(path, scalar)))
    return _once(found), frozenset(path for path, _ in found if path)


def _once(found: list[Finding]) -> list[Diagnostic]:
    """An environment is looked at by itself and laid over the rest; its problems show once, by their shorter paths."""
    by_place: dict[tuple[Position, str, str], Diagnostic] = {}
    for _, each in sorted(found, key=lambda finding: len(finding[1].path), reverse=True):
        by_place[each.position, each.message, each.path.rpartition(".")[2]] = each
    return list(by_place.values())


def _specific(error: Violation) -> Iterator[Violation]:
    """Of a choice between a short and a long form, the problems of the form that was meant."""
    for errors in error.choices:
        if not any(each.rule == "type" and each.path == error.path for each in errors):
            for each in errors:
                yield from _specific(each)
            return
    yield error


def _findings(root: MappingNode, error: Violation) -> Iterator[Finding]:
    path = error.path
    if error.rule == "additionalProperties":
        known = list(error.schema.get("properties", {}))
        for key in error.value:
            if key not in known:
                yield (*path, key), _unknown_key(root, (*path, key), known)
    elif error.rule == "required":
        yield from _missing_keys(root, path, error)
    elif error.is_key:
        key_path = (*path, str(error.value))
        yield key_path, _wrong_key(root, key_path, error)
    else:
        yield path, _wrong_value(root, path, error)


def _wrong_key(root: MappingNode, path: KeyPath, error: Violation) -> Diagnostic:
    key = str(path[-1])
    return Diagnostic(
        message=f"expected a name of {_pattern_words(error)}; got {quoted(key)}",
        position=key_position(root, path),
        path=dotted(path),
        hint=words.name_hint(key, str(error.wanted)),
    )


def _unknown_key(root: MappingNode, path: KeyPath, known: list[str]) -> Diagnostic:
    return Diagnostic(
        message="this key is not known here",
        position=key_position(root, path),
        path=dotted(path),
        hint=words.unknown_key_hint(str(path[-1]), known),
    )


def _missing_keys(root: MappingNode, path: KeyPath, error: Violation) -> Iterator[Finding]:
    for key in error.wanted:
        if key not in error.value:
            # Sections keep what else they say; an item of a list means nothing without what it lacks.
            broken = path if any(isinstance(step, int) for step in path) else ()
            yield (
                broken,
                Diagnostic(
                    message="is missing",
                    position=key_position(root, path),
                    path=dotted((*path, key)),
                    hint=words.example_of((*path, key)),
                ),
            )


def _wrong_value(root: MappingNode, path: KeyPath, error: Violation) -> Diagnostic:
    node = find(root, path)
    rule = error.rule
    types = words.types_of(error)
    hint = ""
    if isinstance(node, ScalarNode):
        if node.doubt and types != ["string"]:
            return _ambiguous(path, node)
        hint = words.value_hint(node, path, types, _choices(error))
        if rule == "pattern":
            hint = words.name_hint(str(node.value), str(error.wanted))
    got = words.amount(node) if rule in _LIMITS else words.got(node)
    if rule == "uniqueItems":
        got = "a repetition"
    return Diagnostic(
        message=f"expected {_expected(error)}; got {got}",
        position=value_position(root, path),
        path=dotted(path),
        hint=hint,
    )


def _expected(error: Violation) -> str:
    rule = error.rule
    if rule in ("type", "anyOf"):
        return words.kinds(words.types_of(error))
    if rule == "enum":
        return words.one_of(_choices(error))
    if rule == "pattern":
        return _pattern_words(error)
    return _LIMITS[rule].format(error.wanted)


def _choices(error: Violation) -> list[str]:
    return list(error.wanted) if error.rule == "enum" else []


def _pattern_words(error: Violation) -> str:
    return str(error.schema["patternErrorMessage"])


def _ambiguous(path: KeyPath, scalar: ScalarNode) -> Diagnostic:
    text = scalar.text
    modern = "text" if isinstance(scalar.value, str) else f"the number {scalar.value}"
    clear = [str(each).lower() for each in (scalar.legacy, scalar.value) if isinstance(each, (bool, int, float))]
    instead = f"write {words.either(clear)}, or " if clear else ""
    return Diagnostic(
        message=f"{text} is {scalar.doubt} for YAML 1.1 and {modern} for YAML 1.2",
        position=scalar.position,
        path=dotted(path),
        hint=f'{instead}quote it if it is text: "{text}"',
    )
