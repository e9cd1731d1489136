"""Media types, and what requests and answers are apart from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Fields:
    """A JSON object without "instances": the arguments of one prediction, by name."""

    values: dict[str, object]


@dataclass(frozen=True)
class Instances:
    """Several instances, each a row, an object or a plain value; or an array of numbers."""

    rows: Any


Payload = Fields | Instances


@dataclass(frozen=True)
class Answer:
    """What the model said. `name` is the only field of the JSON answer."""

    name: str
    value: object


JSON = "application/json"
JSON_LINES = "application/jsonlines"
CSV = "text/csv"
NPY = "application/x-npy"

_ALIASES = {
    "application/x-jsonlines": JSON_LINES,
    "application/jsonl": JSON_LINES,
    "application/x-ndjson": JSON_LINES,
    "application/csv": CSV,
}


def parse(header: str) -> tuple[str, dict[str, str]]:
    """A media type, by the name we use for it, and its parameters; all in lower case."""
    media_type, *rest = header.split(";")
    parameters = {}
    for part in rest:
        name, _, value = part.partition("=")
        parameters[name.strip().lower()] = value.strip().strip('"').lower()
    media_type = media_type.strip().lower()
    return _ALIASES.get(media_type, media_type), parameters
