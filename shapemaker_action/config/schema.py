"""The JSON Schema of the configuration: names, types, words for people and every default."""

from __future__ import annotations

import functools
import json
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

Schema: TypeAlias = "dict[str, Any]"

PATH = Path(__file__).with_name("schema.json")


@functools.cache
def load() -> Schema:
    """The schema, for reading only."""
    schema: Schema = json.loads(PATH.read_text("utf-8"))
    return schema


def resolved(schema: Schema) -> Schema:
    """The definition behind a `$ref`, or behind the one that an `allOf` adds to."""
    if "allOf" in schema:
        return resolved(schema["allOf"][0])
    if "$ref" in schema:
        return definition(schema["$ref"].rpartition("/")[2])
    return schema


def definition(name: str) -> Schema:
    """A definition by name."""
    found: Schema = load()["definitions"][name]
    return found


def filled(schema: Schema, value: Any) -> Any:
    """The value with every default that it leaves open, at every level."""
    schema = resolved(schema)
    if "anyOf" in schema:
        details = next((each for each in map(resolved, schema["anyOf"]) if each["type"] == "object"), None)
        return filled(details, value) if details and isinstance(value, dict) else value
    if isinstance(value, list):
        return [filled(schema.get("items", {}), item) for item in value]
    if not isinstance(value, dict):
        return value
    properties: Schema = schema.get("properties", {})
    others = schema.get("additionalProperties")
    given = {
        name: filled(properties.get(name, others if isinstance(others, dict) else {}), item)
        for name, item in value.items()
    }
    return {name: default for name, each in properties.items() if (default := _default(each)) is not None} | given


def _default(schema: Schema) -> Any:
    """The default of a field; of a section without one, a section of defaults; None for neither."""
    schema = resolved(schema)
    if "default" in schema:
        return filled(schema, schema["default"])
    return filled(schema, {}) if "properties" in schema else None
