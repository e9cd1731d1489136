"""What crosses the wire, as values: an operation call, a REST request, its response, and an error in AWS's words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call of a JSON 1.1 operation; `body` has been checked against the service model."""

    operation: str
    body: dict[str, Any]
    region: str
    account: str


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request of a REST path. Header names are lower-case, `path` is percent-decoded."""

    method: str
    path: str
    region: str
    account: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: BinaryIO
    """The body, already freed from its transfer encoding."""

    def read(self, limit: int) -> bytes:
        """At most `limit` + 1 bytes of the body, so that a longer result tells an oversized body."""
        chunks: list[bytes] = []
        missing = limit + 1
        while missing and (chunk := self.stream.read(min(missing, 1 << 20))):
            chunks.append(chunk)
            missing -= len(chunk)
        return b"".join(chunks)


@dataclass(frozen=True, kw_only=True)
class Response:
    """An answer. An iterator of bytes is sent chunk by chunk, as it yields; its `close` is called at the end."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterator[bytes] = b""


class ApiError(Exception):
    """An error as AWS words it: `code` is what clients see in `Error.Code`."""

    def __init__(
        self, code: str, message: str, *, status: int = 400, fields: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields or {}
        """Further members of the error's shape, such as `OriginalStatusCode` of a ModelError."""
