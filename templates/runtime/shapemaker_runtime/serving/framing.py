"""Heads that leave no doubt where a request ends: what the parser lets pass, and another server may read otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_runtime.serving.reply import refusal

if TYPE_CHECKING:
    from httptools import HttpRequestParser

CODING = b"transfer-encoding"
SINGLE = frozenset({b"host", b"content-type", CODING})
"""Headers that come once: of two, one server would read the first and another the last."""

MAX_FIELD = 8190
MAX_HEADERS = 100
_MAX_TRAILERS = 100


class RefusedError(Exception):
    """Raised in a callback of the parser, which ends there; `reply` is the last of the connection."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.reply = refusal(status, message)


class Chunked(dict[bytes, bytes]):
    """The headers of a request whose body is chunked: trailers come after it, and none of them is a header."""

    _left = _MAX_TRAILERS

    def __setitem__(self, _name: bytes, _value: bytes) -> None:
        self._left -= 1
        if self._left < 0:
            raise RefusedError(431, "the request has too many trailers")


def check(parser: HttpRequestParser, target: bytes, headers: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """The headers to go on with; a `RefusedError` for a head that is in doubt. Costly: ask only if something is odd."""
    version = parser.get_http_version()
    if parser.should_upgrade():
        # The parser would take the body for what comes after the change of protocol.
        raise RefusedError(501, "connections are neither upgraded nor made tunnels: send it without Upgrade")
    if version != "1.0" and b"host" not in headers:
        raise RefusedError(400, "the request has no Host")
    if target == b"*" and parser.get_method() != b"OPTIONS":
        raise RefusedError(400, "the request is malformed")
    if CODING not in headers:
        return headers
    if version == "1.0":
        raise RefusedError(400, "HTTP/1.0 has no Transfer-Encoding")
    if headers[CODING].lower() != b"chunked":
        raise RefusedError(501, "the only Transfer-Encoding is chunked")
    return Chunked(headers)
