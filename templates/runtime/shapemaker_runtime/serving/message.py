"""HTTP messages as our own worker knows them: a request that is whole, and the head of a response."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from shapemaker_runtime.serving.service import ATTRIBUTES, INFERENCE_ID, REQUEST_ID, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_runtime.serving.reply import Reply

_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Length: ".encode() for status in HTTPStatus
}
_INFERENCE_ID, _REQUEST_ID = INFERENCE_ID.lower().encode(), REQUEST_ID.lower().encode()
_ATTRIBUTES = ATTRIBUTES.lower().encode()
_RARE = frozenset({b"content-encoding", b"traceparent", _ATTRIBUTES, _INFERENCE_ID, _REQUEST_ID})


class Message(NamedTuple):
    """A request, whole."""

    method: bytes
    target: bytes
    headers: Mapping[bytes, bytes]
    """By name in lower case. Of one that is sent twice the last counts; the parser refuses those that frame a body."""
    body: bytes
    version: str
    keep_alive: bool


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
        head = b"%b%d\r\n" % (_STATUS_LINES[reply.status], len(reply.body))
    else:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
    for name, value in reply.headers:
        head += f"{name}: {value}\r\n".encode("latin-1")
    if reply.media_type:
        head += b"Content-Type: %b\r\n" % reply.media_type.encode("latin-1")
    if not keep_alive:
        return head + b"Connection: close\r\n\r\n"
    return head + (b"\r\n" if message.version == "1.1" else b"Connection: keep-alive\r\n\r\n")
