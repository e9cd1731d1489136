"""Heads that leave no doubt where a request ends: what the parser lets pass, and another server may read otherwise."""

from __future__ import annotations

import re
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
_HOST = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]*")
_ABSOLUTE = re.compile(rb"https?://[^/?#@]+(?P<path>(?:[/?][^#]*)?)", re.IGNORECASE)


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


def check(parser: HttpRequestParser, target: bytes, headers: dict[bytes, bytes]) -> tuple[bytes, dict[bytes, bytes]]:
    """The target and the headers to go on with; a `RefusedError` for a head that is in doubt.

    Costly: ask only if something is odd.
    """
    version = parser.get_http_version()
    if version != "1.0" and b"host" not in headers:
        raise RefusedError(400, "the request has no Host")
    if _HOST.fullmatch(headers.get(b"host", b"")) is None:
        raise RefusedError(400, "the Host is none")
    if CODING in headers:
        if version == "1.0":
            raise RefusedError(400, "HTTP/1.0 has no Transfer-Encoding")
        if headers[CODING].lower() != b"chunked":
            raise RefusedError(501, "the only Transfer-Encoding is chunked")
        headers = Chunked(headers)
    return _path(parser, target), headers


def _path(parser: HttpRequestParser, target: bytes) -> bytes:
    """Without the host that a client may put before it, though only proxies need it there."""
    method = parser.get_method()
    if method == b"CONNECT":
        raise RefusedError(501, "connections are not made tunnels")
    if target[:1] == b"/" or (target == b"*" and method == b"OPTIONS"):
        return target
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise RefusedError(400, "the request is malformed")
    path: bytes = absolute["path"]
    return path if path[:1] == b"/" else b"/" + path
