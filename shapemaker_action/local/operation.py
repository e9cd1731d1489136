"""What a request is called in AWS's own words, and whether it changes anything."""

from __future__ import annotations

import functools
import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from shapemaker_action import service_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_READING = (
    "Assume",
    "BatchCheck",
    "BatchGet",
    "Check",
    "Decode",
    "Describe",
    "Filter",
    "Get",
    "Head",
    "Invoke",
    "List",
    "Lookup",
    "Query",
    "Search",
    "Select",
    "Simulate",
    "Test",
)


def is_mutating(operation: str) -> bool:
    """Whether an operation of this name may change state; an unknown name may."""
    return not operation.startswith(_READING)


@dataclass(frozen=True, kw_only=True)
class _S3Operation:
    """An operation and what a request must have to be it."""

    name: str
    method: str
    depth: int
    """0 for the service, 1 for a bucket, 2 for an object."""
    query: frozenset[str]
    headers: frozenset[str]

    @property
    def precision(self) -> int:
        return len(self.query) + len(self.headers)


def s3_name(environ: Mapping[str, Any]) -> str:
    """The S3 operation of a path-style request: the one that explains most of its query and headers."""
    bucket, _, key = environ["PATH_INFO"].lstrip("/").partition("/")
    depth = 2 if key else 1 if bucket else 0
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True).keys()
    headers = {name.removeprefix("HTTP_").replace("_", "-").lower() for name in environ if name.startswith("HTTP_")}
    fitting = [
        operation
        for operation in _s3_operations()
        if (operation.method, operation.depth) == (environ["REQUEST_METHOD"], depth)
        and operation.query <= query
        and operation.headers <= headers
    ]
    return max(fitting, key=lambda operation: operation.precision).name if fitting else environ["REQUEST_METHOD"]


@functools.cache
def _s3_operations() -> tuple[_S3Operation, ...]:
    folder = max((service_model.data_directory() / "s3").iterdir())
    document = json.loads(gzip.decompress((folder / "service-2.json.gz").read_bytes()))
    return tuple(_described(document))


def _described(document: dict[str, Any]) -> Iterator[_S3Operation]:
    for name, described in sorted(document["operations"].items()):
        if described.get("deprecated"):
            continue
        path, _, query = described["http"]["requestUri"].partition("?")
        shape = document["shapes"][described["input"]["shape"]] if "input" in described else {}
        demanded = [shape["members"][member] for member in shape.get("required", ())]
        fixed = {part.partition("=")[0] for part in query.split("&") if part}
        yield _S3Operation(
            name=name,
            method=described["http"]["method"],
            depth=path.count("{"),
            query=frozenset(fixed | _names(demanded, "querystring")),
            headers=frozenset(name.lower() for name in _names(demanded, "header")),
        )


def _names(members: list[dict[str, Any]], location: str) -> set[str]:
    return {member["locationName"] for member in members if member.get("location") == location}
