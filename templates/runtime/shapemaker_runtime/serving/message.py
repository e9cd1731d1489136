"""HTTP messages as our own worker knows them: a request that is whole, and the head of a response."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from shapemaker_runtime.serving.service import ATTRIBUTES, INFERENCE_ID, REQUEST_ID, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_runtime.serving.formats import Body
    from shapemaker_runtime.serving.reply import Reply

_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Length: ".encode() for status in HTTPStatus
}
PING = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
PING_CLOSE = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_INFERENCE_ID, _REQUEST_ID = INFERENCE_ID.lower().encode(), REQUEST_ID.lower().encode()
_ATTRIBUTES = ATTRIBUTES.lower().encode()
_RARE = frozenset({b"content-encoding", b"traceparent", _ATTRIBUTES, _INFERENCE_ID, _REQUEST_ID})
_SHORT = frozenset({(b"/ping", b"GET"), (b"/invocations", b"POST")})
_END = b"\r\n\r\n"
_LONG = 2048
_MANY = 256
_REST = 60


class Message(NamedTuple):
    """A request, whole."""

    method: bytes
    target: bytes
    headers: Mapping[bytes, bytes]
    """By name in lower case. Of one that is sent twice the last counts; the parser refuses those that frame a body."""
    body: Body
    version: str
    keep_alive: bool

    @property
    def is_short(self) -> bool:
        """Whether there is a short way for it."""
        return (self.target, self.method) in _SHORT


class Known(NamedTuple):
    """A head that was read before."""

    message: Message
    """Without its body."""
    length: int
    """Of the body."""
    request: Request
    """Without its body, too."""


class Heads:
    """Heads that were read before. A client says the same again and again: byte for byte, it means the same again.

    Only such as come in one piece with their body, and nothing after it, are looked up and kept. Where clients number
    their requests no head comes twice; then it is left alone for a while.
    """

    __slots__ = ("_found", "_known", "rests")

    def __init__(self) -> None:
        self._known: dict[bytes, Known] = {}
        self._found = 0
        self.rests = 0
        """Ticks for which heads are not looked up."""

    def tick(self) -> None:
        """A second has passed."""
        self.rests = max(0, self.rests - 1)

    def find(self, data: bytes) -> Known | None:
        """What the head means, if the data is one whole request with a head that was kept."""
        end = data.find(_END) + len(_END)
        known = self._known.get(data[:end])
        if known is None or known.length != len(data) - end:
            return None
        self._found += 1
        return known

    def keep(self, data: bytes, message: Message) -> None:
        """Remember the head of a request that the parser has read from the data."""
        end = data.find(_END) + len(_END)
        length = len(message.body)
        # A body in chunks, or more than one request, is longer than what was read.
        if end > _LONG or end + length != len(data) or b"expect" in message.headers:
            return
        if len(self._known) >= _MANY:
            self.rests = 0 if self._found >= _MANY else _REST
            self._known.clear()
            self._found = 0
        plain = message._replace(body=b"")
        self._known[data[:end]] = Known(plain, length, request_of(plain))


def request_of(message: Message) -> Request:
    """What `/invocations` heeds of it."""
    known = message.headers
    content_type = known.get(b"content-type", b"").decode("latin-1")
    accept = known.get(b"accept", b"").decode("latin-1")
    may_stream = message.version == "1.1"
    if _RARE.isdisjoint(known):
        return Request(message.body, content_type, accept, "", None, may_stream)
    rest = {name: known[name].decode("latin-1") for name in _RARE if name in known}
    return Request(
        message.body,
        content_type,
        accept,
        rest.get(b"content-encoding", ""),
        rest.get(_ATTRIBUTES),
        may_stream,
        rest.get(_INFERENCE_ID) or rest.get(_REQUEST_ID, ""),
        rest.get(b"traceparent", ""),
    )


def head_of(reply: Reply, message: Message, *, keep_alive: bool) -> bytes:
    """All that comes before the body of a response to the message."""
    if reply.stream is None:
        head = b"%b%d\r\n" % (_STATUS_LINES.get(reply.status) or _unnamed(reply.status), len(reply.body))
    else:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
    for name, value in reply.headers:
        head += f"{name}: {value}\r\n".encode("latin-1")
    if reply.media_type:
        head += b"Content-Type: %b\r\n" % reply.media_type.encode("latin-1")
    if not keep_alive:
        return head + b"Connection: close\r\n\r\n"
    return head + (b"\r\n" if message.version == "1.1" else b"Connection: keep-alive\r\n\r\n")


def _unnamed(status: int) -> bytes:
    """A model may choose a status that has no name."""
    return f"HTTP/1.1 {status} Unnamed\r\nContent-Length: ".encode()
