"""HTTP/1.1: a short way for /ping and /invocations, and the application for everything else."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol, cast

from shapemaker_runtime.serving.framing import RefusedError
from shapemaker_runtime.serving.intake import Intake
from shapemaker_runtime.serving.large_body import LargeBody
from shapemaker_runtime.serving.message import CONTINUE, PING, PING_CLOSE, Heads, Message, head_of, request_of
from shapemaker_runtime.serving.outbox import SMALL, Outbox
from shapemaker_runtime.serving.phase import PATIENCE, WRITE_SECONDS, Phase
from shapemaker_runtime.serving.reply import Reply, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapemaker_runtime.serving.service import Request
    from shapemaker_runtime.serving.stream import Stream

_MAX_WAITING = 16


class Server(Protocol):
    """What a connection belongs to."""

    max_body: int
    is_draining: bool
    heads: Heads
    now: float
    """Seconds, as of the last tick: time limits need no better clock."""
    connections: set[Connection]
    outbox: Outbox
    submit: Callable[[Request, Callable[[Reply], None]], None]

    def respond(self, message: Message, done: Callable[[Reply], None]) -> None:
        """Reply to anything but the two short ways."""


class Connection(asyncio.Protocol):
    """One connection. Requests that are sent ahead are answered in their order, one at a time."""

    __slots__ = (
        "_current",
        "_descriptor",
        "_full_since",
        "_intake",
        "_is_full",
        "_is_held",
        "_is_last",
        "_keeps",
        "_refusal",
        "_server",
        "_stream",
        "_transport",
        "_unsent",
        "_waiting",
        "_whole",
        "phase",
        "since",
    )

    def __init__(self, server: Server) -> None:
        self.phase = Phase.IDLE
        self.since = server.now
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._intake = Intake(server.max_body, self._on_head, self._on_message)
        self._waiting: deque[Message] = deque()
        self._current: Message | None = None
        self._is_last = self._is_full = self._is_held = self._keeps = False
        self._refusal: Reply | None = None
        self._full_since = 0.0
        self._whole = self._unsent = b""
        self._stream: Stream | None = None

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self._transport = cast("asyncio.Transport", transport)
        self._descriptor = transport.get_extra_info("socket").fileno()
        self._server.connections.add(self)

    def connection_lost(self, _error: Exception | None) -> None:
        """It is gone; a reply that is still on its way will find nobody."""
        self._transport = None
        if self._stream is not None:
            self._stream.close()
        self._server.connections.discard(self)
        # What refers to each other stays until somebody looks for garbage; what is large must not.
        self._waiting.clear()
        self._whole = self._unsent = b""
        self._intake.leave()

    def pause_writing(self) -> None:
        """The client reads slower than we write. Until it has caught up, it gets no more, nor is it heard."""
        self._is_full = True
        self._full_since = self._server.now
        self._heed()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._is_full = False
        self._heed()
        if self._is_held and self._stream is not None:
            self._is_held = False
            self._stream.pull(self._continue)
        elif self._current is None and self._waiting:
            self._take_next()

    def _heed(self) -> None:
        """Read on, or leave what the client sends where it is."""
        if self._transport is None:
            return
        if self._is_full or len(self._waiting) >= _MAX_WAITING:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Some bytes of one or several requests."""
        if self._is_last:
            return
        self._whole = b""
        intake = self._intake
        if intake.is_between and self._current is None and not (self._server.heads.rests or self._is_full):
            if self._is_known(data):
                return
            self._whole = data
        if self.phase is Phase.IDLE:
            # Of a request that was sent ahead the head may have come while another one was answered.
            self._move(Phase.BODY if intake.is_in_body else Phase.HEAD)
        try:
            intake.feed(data)
        except RefusedError as error:
            self._refuse(error.reply)
            return
        if intake.is_between:
            if self.phase is Phase.HEAD:  # it was but an empty line
                self.phase = Phase.IDLE
        elif intake.is_large and self._transport is not None and not self._owes:
            self._receive_body(self._transport)

    def _is_known(self, data: bytes) -> bool:
        """Whether this is a request with a head that was read before; then it is begun."""
        known = self._server.heads.find(data)
        if known is None:
            return False
        if known.message.target == b"/ping":
            self._begin(known.message)
            return True
        self._current = known.message
        self.phase = Phase.BUSY
        self._server.submit(known.request.with_body(data[len(data) - known.length :]), self._reply)
        return True

    def eof_received(self) -> bool:
        """The client sends no more; whether the connection stays open for what it is still owed."""
        self._is_last = True
        return self._owes and self.phase is not Phase.LINGER

    @property
    def _owes(self) -> bool:
        """Whether there are requests that came before what is read now."""
        return self._current is not None or bool(self._waiting)

    # Requests

    def _on_head(self, *, is_asking: bool) -> None:
        if not self._owes:
            self.phase = Phase.BODY
            if is_asking:
                self._write(CONTINUE)

    def _receive_body(self, transport: asyncio.Transport) -> None:
        """Let the rest of a large body come straight to its place."""
        size, pieces = self._intake.leave()
        transport.set_protocol(LargeBody(self, size, pieces, self._on_body))

    def _on_body(self, body: bytearray) -> None:
        if self._transport is None:
            return
        self._transport.set_protocol(self)
        if not self._is_last:
            self._intake.complete(body)

    def _on_message(self, message: Message) -> None:
        if self._current is None and not self._is_full:
            if self._whole and message.is_short:
                self._server.heads.keep(self._whole, message)
                self._whole = b""
            self._begin(message)
            return
        self._waiting.append(message)
        if len(self._waiting) >= _MAX_WAITING:
            self._heed()

    # Replies

    def _begin(self, message: Message) -> None:
        self._current = message
        if message.is_short:
            if message.target == b"/ping":
                self._ping(message)
                return
            self.phase = Phase.BUSY
            self._server.submit(request_of(message), self._reply)
            return
        self.phase = Phase.BUSY
        if message.target:
            self._server.respond(message, self._reply)
        else:
            self._reply(refusal(413, f"the body is larger than {self._server.max_body} bytes"))

    def _ping(self, message: Message) -> None:
        if message.keep_alive and message.version == "1.1" and not self._server.is_draining:
            self._write(PING)
            self._end(keep_alive=True)
        else:
            self._write(PING_CLOSE)
            self._end(keep_alive=False)

    def _reply(self, reply: Reply) -> None:
        message = self._current
        if self._transport is None or message is None:
            if reply.stream is not None:
                reply.stream.close()
            return
        keep_alive = message.keep_alive and not self._server.is_draining
        if reply.stream is not None:
            self._keeps = keep_alive
            self._write(head_of(reply, message, keep_alive=keep_alive))
            self._continue(reply)
            return
        head = head_of(reply, message, keep_alive=keep_alive)
        data = head if message.method == b"HEAD" else head + reply.body
        if keep_alive and len(data) < SMALL and len(self._server.connections) > 1 and not self._unsent:
            self._unsent = data
            self._server.outbox.put(self)
        else:
            self._write(data)
        self._end(keep_alive=keep_alive)

    def _continue(self, reply: Reply) -> None:
        """A slice of a stream; the next one is asked for when the client has room for it."""
        self._stream = reply.stream
        if self._transport is None:
            return
        if reply.status != HTTPStatus.OK:
            # The head is long gone: only a connection that breaks off says that this is not the whole answer.
            self._transport.abort()
            return
        if reply.body:
            self._transport.write(b"%x\r\n%b\r\n" % (len(reply.body), reply.body))
        if reply.stream is None:
            self._transport.write(b"0\r\n\r\n")
            self._end(keep_alive=self._keeps)
        elif self._is_full:
            self._is_held = True
        else:
            reply.stream.pull(self._continue)

    def send_unsent(self) -> None:
        """Send the reply that waits for it, if it is there still."""
        unsent, self._unsent = self._unsent, b""
        if unsent:
            self._send(unsent)

    def _write(self, data: bytes) -> None:
        self.send_unsent()
        self._send(data)

    def _send(self, data: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() == 0:
            # Nearly always there is room for a reply: handed to the kernel here, it saves a trip through the loop.
            try:
                sent = os.write(self._descriptor, data)
            except OSError:  # no room, or nobody there: the transport finds out, and knows what to do
                sent = 0
            if sent == len(data):
                return
            data = data[sent:]
        transport.write(data)

    def _end(self, *, keep_alive: bool) -> None:
        self._current = None
        self._move(Phase.IDLE)
        if not keep_alive:
            self.close()
        elif self._waiting:
            if not self._is_full:
                self._take_next()
        elif self._refusal is not None:
            self._refuse(self._refusal)
        elif self._is_last:
            self.close()

    def _take_next(self) -> None:
        # From now on it is the current one: what is read before it begins comes after it.
        self._current = message = self._waiting.popleft()
        if not self._waiting:
            self._heed()
        # Not here: a long row of requests would be as deep a stack.
        asyncio.get_running_loop().call_soon(self._begin_next, message)

    def _begin_next(self, message: Message) -> None:
        if self._transport is not None:
            self._begin(message)

    def _refuse(self, reply: Reply) -> None:
        """The end of the connection, after the replies that are still owed: what follows cannot be told from a body."""
        self._is_last = True
        self._refusal = reply
        if self._current is not None or self._waiting or self._transport is None:
            return
        closing = Message(b"", b"", {}, b"", "1.1", keep_alive=False)
        self._write(head_of(reply, closing, keep_alive=False) + reply.body)
        # Not closed yet: the reset that unread bytes cause would overtake the reply.
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._move(Phase.LINGER)

    # Time

    def _move(self, phase: Phase) -> None:
        self.phase = phase
        self.since = self._server.now

    def check(self, now: float) -> None:
        """Give up on a client that takes too long."""
        if self._is_full and now - self._full_since > WRITE_SECONDS and self._transport is not None:
            self._transport.abort()
            return
        if now - self.since < PATIENCE.get(self.phase, float("inf")):
            return
        if self.phase in (Phase.IDLE, Phase.LINGER):
            self.close()
        else:
            self._refuse(refusal(408, f"the request did not arrive within {PATIENCE[self.phase]:g} seconds"))

    def close(self) -> None:
        """Close once everything is written."""
        self._is_last = True
        self.send_unsent()
        if self._transport is not None:
            self._transport.close()
