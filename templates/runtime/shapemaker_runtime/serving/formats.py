"""Media types, and what requests and answers are apart from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

Body = bytes | bytearray
"""Of a request. A large one is an array of bytes that nobody else has, so arrays of numbers may lie in it."""


class Fields(NamedTuple):
    """A JSON object without "instances": the arguments of one prediction, by name."""

    values: dict[str, object]


class Instances(NamedTuple):
    """Several instances, each a row, an object or a plain value; or an array of numbers."""

    rows: Any
    is_matrix: bool = False
    """Whether it is known that the rows are lists of numbers, all of one length."""


@dataclass(frozen=True)
class Columns:
    """A table: columns of one length, each a list, or an array of numbers or bools."""

    names: tuple[str, ...]
    values: list[Any]

    def __len__(self) -> int:
        """Rows."""
        return len(self.values[0]) if self.values else 0


Payload = Fields | Instances | Columns


class Answer(NamedTuple):
    """What the model said. `name` is the only field of the JSON answer."""

    name: str
    value: object


JSON = "application/json"
JSON_LINES = "application/jsonlines"
CSV = "text/csv"
NPY = "application/x-npy"
ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
EVENTS = "text/event-stream"

_ALIASES = {
    "application/x-jsonlines": JSON_LINES,
    "application/jsonl": JSON_LINES,
    "application/x-ndjson": JSON_LINES,
    "application/csv": CSV,
    "application/x-parquet": PARQUET,
}


@lru_cache(maxsize=256)
def parse(header: str) -> tuple[str, dict[str, str]]:
    """A media type, by the name we use for it, and its parameters; all in lower case."""
    media_type, *rest = header.split(";")
    parameters = {}
    for part in rest:
        name, _, value = part.partition("=")
        parameters[name.strip().lower()] = value.strip().strip('"').lower()
    media_type = media_type.strip().lower()
    return _ALIASES.get(media_type, media_type), parameters
