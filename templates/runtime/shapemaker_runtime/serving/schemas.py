"""JSON Schemas read from annotations: what a request must be like, in the words of OpenAPI 3.1."""

from __future__ import annotations

import collections.abc
import enum
import math
import typing
from typing import Any

from shapemaker_runtime import annotation as kinds

if typing.TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_runtime.signature import Parameter, Signature

Schema = dict[str, Any]

_LARGEST = 1.7976931348623157e308
NUMBER: Schema = {"type": "number", "minimum": -_LARGEST, "maximum": _LARGEST}
"""What a double can hold: JSON knows no such limit."""
_SIMPLE: dict[object, Schema] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: NUMBER,
    str: {"type": "string"},
    type(None): {"type": "null"},
}
_LISTS = (list, tuple, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
_OBJECTS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def of(annotation: object) -> Schema:
    """What fits an annotation; anything, where we know nothing about it."""
    annotation = kinds.unwrap(annotation)
    if annotation in _SIMPLE:
        return dict(_SIMPLE[annotation])
    if union := kinds.members(annotation):
        return {"anyOf": [of(each) for each in union]}
    origin = typing.get_origin(annotation) or annotation
    if origin is typing.Literal:
        return {"enum": list(typing.get_args(annotation))}
    if isinstance(origin, type) and issubclass(origin, enum.Enum):
        return {"enum": list(dict.fromkeys([*(each.value for each in origin), *origin.__members__]))}
    return _of_record(origin) if kinds.is_record(origin) else _of_container(origin, typing.get_args(annotation))


def _of_record(kind: object) -> Schema:
    try:
        known = kinds.record_members(kind)
    except kinds.UnsupportedError:
        return {"type": "object"}
    return {
        "type": "object",
        "title": getattr(kind, "__name__", ""),
        "properties": {name: of(annotation) for name, (annotation, _) in known.items()},
        "required": [name for name, (_, is_required) in known.items() if is_required],
        "additionalProperties": False,
    }


def _of_container(origin: object, arguments: tuple[object, ...]) -> Schema:
    if origin is tuple and arguments and arguments[-1] is not Ellipsis:
        count = len(arguments)
        return {"type": "array", "prefixItems": [of(each) for each in arguments], "minItems": count, "maxItems": count}
    if origin in _LISTS:
        return {"type": "array", "items": of(arguments[0])} if arguments else {"type": "array"}
    if origin in _OBJECTS:
        values = of(arguments[1]) if len(arguments) > 1 else {}
        return {"type": "object", "additionalProperties": values}
    return {}


def of_fields(takes: Signature) -> Schema:
    """The object of one prediction by name."""
    return {
        "type": "object",
        "properties": {name: _of_parameter(each) for name, each in takes.parameters.items()},
        "required": [name for name, each in takes.parameters.items() if each.is_required],
        "additionalProperties": takes.takes_any,
    }


def _of_parameter(parameter: Parameter) -> Schema:
    schema = of(parameter.annotation)
    default = parameter.default
    is_plain = default is None or isinstance(default, (bool, int, str)) or _is_finite(default)
    if not parameter.is_required and is_plain and not isinstance(default, enum.Enum):
        schema["default"] = default
    return schema


def _is_finite(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def moved(schema: Mapping[str, Any], place: str) -> Schema:
    """A schema whose references to its own parts hold where it becomes a part of another document."""
    identifier = str(schema.get("$id", "")).rstrip("#")
    without = {name: value for name, value in schema.items() if name != "$id"}
    found: Schema = _moved(without, identifier, place)
    return found


def _moved(value: Any, identifier: str, place: str) -> Any:
    if isinstance(value, list):
        return [_moved(each, identifier, place) for each in value]
    # What has an identifier of its own refers to parts of itself, wherever it is.
    if not isinstance(value, dict) or isinstance(value.get("$id"), str):
        return value
    found = {name: _moved(each, identifier, place) for name, each in value.items()}
    if isinstance(value.get("$ref"), str):
        found["$ref"] = _moved_reference(value["$ref"], identifier, place)
    return found


def _moved_reference(reference: str, identifier: str, place: str) -> str:
    inner = reference.removeprefix(identifier)
    return place + inner.removeprefix("#") if inner in {"", "#"} or inner.startswith("#/") else reference


def positional(names: tuple[str, ...], instance: Mapping[str, Any]) -> Schema | None:
    """The same instance as a list of values in the order of `names`; None if some have no place in it."""
    properties = instance.get("properties", {})
    required = instance.get("required", [])
    if not names or "properties" not in instance or not set(required) <= set(names):
        return None
    other = instance.get("additionalProperties", {})
    least = max((names.index(name) + 1 for name in required), default=0)
    return {
        "type": "array",
        "prefixItems": [properties.get(name, other) for name in names],
        "minItems": least,
        "maxItems": len(names),
    }
