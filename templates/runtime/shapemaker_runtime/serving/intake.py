"""What arrives on a connection: bytes to requests, on httptools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import httptools

from shapemaker_runtime.serving.framing import CODING, MAX_FIELD, MAX_HEADERS, SINGLE, RefusedError, check
from shapemaker_runtime.serving.message import Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapemaker_runtime.serving.formats import Body

_VERSIONS = frozenset({"1.1", "1.0"})
_MAX_HEAD = 64 * 1024
_LARGE = 64 * 1024
_DRAINED = 4
"""Times the limit that is read and dropped: a client that is still sending would never see the answer."""


class Head(Protocol):
    """Told of a head that is whole, before its body."""

    def __call__(self, *, is_asking: bool) -> None:
        """Whether the client waits to be told that it may send the body."""


class Intake:
    """Requests, one after the other. Bodies beyond the limit are read and dropped, up to some times the limit."""

    __slots__ = (
        "_chunks",
        "_declared",
        "_fed",
        "_fields",
        "_headers",
        "_host",
        "_max_body",
        "_on_head",
        "_on_message",
        "_parser",
        "_size",
        "_url",
        "_version",
        "is_between",
    )

    def __init__(self, max_body: int, on_head: Head, on_message: Callable[[Message], None]) -> None:
        self.is_between = True
        """No request has begun that is not whole."""
        self._max_body = max_body
        self._on_head = on_head
        self._on_message = on_message
        self._parser = httptools.HttpRequestParser(self)
        self._url = self._host = b""
        self._version = ""
        self._headers: dict[bytes, bytes] = {}
        self._chunks: list[bytes] = []
        self._fed = self._size = self._fields = self._declared = 0

    @property
    def is_in_body(self) -> bool:
        """The head of a request is whole, and its body is not."""
        return bool(self._version)

    def feed(self, data: bytes) -> None:
        """Some bytes of one or several requests; a `RefusedError` for what is none, or is too large."""
        self._fed += len(data)
        rest: bytes | memoryview = data
        while rest:
            rest = self._parse(rest)
        # What is no body: a head, an extension of a chunk, or trailers.
        if self._fed - self._size > _MAX_HEAD:
            raise RefusedError(431, "the head of the request is too large")

    def _parse(self, data: bytes | memoryview) -> bytes | memoryview:
        """What is left when the parser pauses."""
        end = 0
        try:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as pause:
                (end,) = pause.args
            if end:
                self._read_again()
                return memoryview(data)[end:]
        except httptools.HttpParserError as error:
            cause = error.__context__  # of one that a callback has raised
            raise cause if isinstance(cause, RefusedError) else RefusedError(400, "the request is malformed") from None
        return b""

    def _read_again(self) -> None:
        """Have a head read as if it asked for no upgrade: else the parser would take the body for another protocol."""
        first = b"%b %b HTTP/%b" % (self._parser.get_method(), self._url, self._version.encode())
        lines = [b"%b: %b" % each for each in self._headers.items() if each[0] != b"upgrade"]
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers = {}
        self._fields = 0
        self._parser.feed_data(b"\r\n".join([first, *lines, b"", b""]))

    # Large bodies

    @property
    def is_large(self) -> bool:
        """Whether much of a body is missing, and nothing but the body will come until it is whole."""
        return self._declared - self._size > _LARGE

    def leave(self) -> tuple[int, list[bytes]]:
        """The size of the large body, and what has come of it; somebody else receives the rest."""
        pieces, self._chunks = self._chunks, []
        return self._declared, pieces

    def complete(self, body: bytearray) -> None:
        """Here it is, whole."""
        self._size = len(body)
        self._end(body)
        self._parser = httptools.HttpRequestParser(self)

    # What httptools calls

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self.is_between = False

    def on_url(self, part: bytes) -> None:
        """The target, perhaps in pieces."""
        self._url += part
        if len(self._url) > MAX_FIELD:
            raise RefusedError(414, "the target of the request is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or one trailer."""
        headers = self._headers
        self._fields += 1
        if len(name) + len(value) > MAX_FIELD or self._fields > MAX_HEADERS:
            raise RefusedError(431, "the request has a header that is too long, or too many of them")
        name = name.lower()
        if name in headers:
            if name in SINGLE:
                raise RefusedError(400, f"the request has more than one {name.decode()}")
            value = headers[name] + b", " + value
        headers[name] = value

    def on_headers_complete(self) -> None:
        """The head is whole; what makes its body hopeless is refused here."""
        headers = self._headers
        parser = self._parser
        self._version = parser.get_http_version()
        if self._version not in _VERSIONS:
            raise RefusedError(400, "the request is malformed")
        if parser.should_upgrade() and parser.get_method() != b"CONNECT":
            return
        host = headers.get(b"host")
        if CODING in headers or host != self._host or self._url[:1] != b"/" or parser.should_upgrade():
            self._url, self._headers = check(parser, self._url, headers)
            self._host = host or b""
        # The parser has made sure that it is a number.
        declared = int(headers.get(b"content-length", b"0"))
        is_asking = b"expect" in headers and headers[b"expect"].lower() == b"100-continue"
        if declared > self._max_body * (1 if is_asking else _DRAINED):
            raise RefusedError(413, f"the body is larger than {self._max_body} bytes")
        self._declared = declared if declared <= self._max_body else 0
        self._on_head(is_asking=is_asking)

    def on_chunk_header(self) -> None:
        """What came until now is no longer counted."""
        self._fed = self._size

    def on_body(self, chunk: bytes) -> None:
        """A part of the body; beyond the limit it is dropped."""
        self._size += len(chunk)
        if self._size <= self._max_body:
            self._chunks.append(chunk)
        elif self._size > self._max_body * _DRAINED:
            raise RefusedError(413, f"the body is larger than {self._max_body} bytes")
        else:
            self._chunks.clear()

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self._parser.should_upgrade():
            return
        chunks = self._chunks
        self._end(chunks[0] if len(chunks) == 1 else b"".join(chunks))

    def _end(self, body: Body) -> None:
        parser = self._parser
        message = Message(
            parser.get_method(),
            self._url if self._size <= self._max_body else b"",
            self._headers,
            body,
            self._version,
            parser.should_keep_alive(),
        )
        self._url = b""
        self._version = ""
        self._headers = {}
        self._fed = self._size = self._fields = self._declared = 0
        self.is_between = True
        self._chunks.clear()
        self._on_message(message)
