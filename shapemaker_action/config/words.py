"""Words for what was expected, what is there, and what may have been meant."""

from __future__ import annotations

import re

from shapemaker_action import lazy
from shapemaker_action.config import schema
from shapemaker_action.config.node import KeyPath, ListNode, MappingNode, Node, ScalarNode, dotted, quoted, shortened
from shapemaker_action.config.overlay import SET

TYPE_CHECKING = False
if TYPE_CHECKING:
    import difflib
    from collections.abc import Iterable, Sequence
    from typing import Any

    from shapemaker_action.config.conform import Violation
else:
    (difflib,) = lazy.modules("", "difflib")

_KINDS = {
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}
_ALMOST_ALL = 5
_LISTED = 12
_NAME_LENGTH = 63
_SCHEMA_KEY = "$schema"
_LEGACY_BOOLEANS = frozenset({"on", "off", "yes", "no", "y", "n"})


def kinds(types: Sequence[str]) -> str:
    """`a string or a mapping`."""
    if len(types) >= _ALMOST_ALL:
        return "a value"
    return either([_KINDS[each] for each in types])


def either(names: Sequence[str]) -> str:
    """`a, b or c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def together(names: Sequence[str]) -> str:
    """`a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def one_of(names: Sequence[str]) -> str:
    """`one of a, b, c`, cut when there are too many to read."""
    if len(names) == 1:
        return names[0]
    return f"one of {', '.join(names[:_LISTED])}{f', … ({len(names)} in all)' if len(names) > _LISTED else ''}"


def nearest(text: str, known: Iterable[str]) -> str:
    """The known word that may have been meant, letter case aside; empty when none comes close."""
    folded = {each.lower(): each for each in known}
    match = difflib.get_close_matches(text.lower(), folded, n=1)
    return folded[match[0]] if match else ""


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """A hint; empty when nothing comes close."""
    close = nearest(text, known)
    return f"did you mean {close}?" if close else ""


def got(node: Node | None) -> str:
    """What is there, so that its type can be told."""
    match node:
        case MappingNode():
            return "a mapping" if node.entries else "an empty mapping"
        case ListNode():
            return "a list" if node.nodes else "an empty list"
        case ScalarNode():
            return _got_scalar(node)
        case None:
            return "nothing"


def _got_scalar(node: ScalarNode) -> str:
    if node.doubt:
        return f"{node.text}, which is {node.doubt} for YAML 1.1"
    if node.value is None:
        return "nothing"
    if isinstance(node.value, str):
        return quoted(node.value)
    if isinstance(node.value, bool):
        return f"the boolean {str(node.value).lower()}"
    return (
        f"{node.text}, which is the number {node.value}" if node.text != str(node.value) else f"the number {node.value}"
    )


def name_hint(value: str, pattern: str) -> str:
    """The nearest name, or reference to a class, that a pattern allows; empty when there is none."""
    module = value.removesuffix(".py").replace("/", ".")
    candidates = [re.sub(r"\.(?=[^.]*$)", ":", value), f"{module}:NAME"] if re.fullmatch(pattern, "a:b") else []
    if re.fullmatch(pattern, "a-b") and not re.fullmatch(pattern, "a.b"):
        candidates = [re.sub(r"[^A-Za-z0-9]+", "-", text)[:_NAME_LENGTH].strip("-") for text in (value.lower(), value)]
    return next((f"for example {each}" for each in candidates if each and re.fullmatch(pattern, each)), "")


def value_hint(node: ScalarNode, path: KeyPath, types: Sequence[str], choices: Sequence[str]) -> str:
    """How to mend a scalar of which other types, or other words, were expected."""
    if choices and isinstance(node.value, str) and not node.doubt:
        return did_you_mean(node.value, choices)
    if node.value is None:
        return _nothing_hint(types)
    if "string" in types and (node.doubt or not isinstance(node.value, str)):
        return _quote_hint(node, path)
    if isinstance(node.value, str) and not node.doubt:
        return _string_hint(node.value, types)
    return ""


def _nothing_hint(types: Sequence[str]) -> str:
    if list(types) == ["object"]:
        return "write {} for an empty section, or remove the key"
    return "write a value, or remove the key" if types else ""


def amount(node: Node | None) -> str:
    """What is there, where its type is right and its size or value is not."""
    if isinstance(node, ScalarNode) and isinstance(node.value, (int, float)):
        return str(node.value)
    if isinstance(node, ScalarNode) and isinstance(node.value, str) and node.value:
        return f"{len(node.value)} characters"
    if isinstance(node, ListNode) and node.nodes:
        return str(len(node.nodes))
    if isinstance(node, MappingNode) and node.entries:
        return str(len(node.entries))
    return got(node)


def _quote_hint(node: ScalarNode, path: KeyPath) -> str:
    if node.position.file == SET:
        return f"quote it: --set '{dotted(path)}=\"{node.text}\"'"
    return f'quote it: "{node.text}"'


def _string_hint(value: str, types: Sequence[str]) -> str:
    if list(types) == ["boolean"] and value.lower() in ("true", "false"):
        return f"write {value.lower()} without quotes"
    if {"integer", "number"} & set(types) and _is_number(value):
        return "remove the quotes"
    return f"write [{shortened(value)}]" if list(types) == ["array"] else ""


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdecimal() and text.isascii()


def types_of(error: Violation) -> list[str]:
    """The types that a failed rule wants."""
    if error.rule == "type":
        return [error.wanted] if isinstance(error.wanted, str) else list(error.wanted)
    if error.rule == "anyOf":
        return [schema.resolved(each)["type"] for each in error.wanted]
    return []


def unknown_key_hint(key: str, known: Sequence[str]) -> str:
    """The nearest key, the section where this key is known, or the keys that are known here."""
    sections = _sections_with(key)
    if sections:
        return f"it belongs to {either(sections)}"
    close = nearest(key, known)
    if close:
        return f"did you mean {close}?"
    listed = f"known: {', '.join(each for each in known if each != _SCHEMA_KEY)}"
    if key.lower() in _LEGACY_BOOLEANS:
        return f"YAML 1.1 takes {key} for a boolean, too; {listed}"
    return listed


def _sections_with(key: str) -> list[str]:
    root = schema.load()["properties"]
    return [
        name
        for name, each in root.items()
        if name != "environments" and key in schema.resolved(each).get("properties", {})
    ]


def example_of(path: KeyPath) -> str:
    """An example for a key from the schema, ready to be written."""
    section: schema.Schema = schema.load()
    examples: list[Any] = []
    for step in path:
        field: schema.Schema = section.get("properties", {}).get(step, {})
        section = schema.resolved(field)
        examples = field.get("examples") or section.get("examples") or []
    return f"for example {path[-1]}: {_flow(examples[0])}" if examples else ""


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    return str(value)
