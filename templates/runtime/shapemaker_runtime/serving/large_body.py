"""Large bodies: received where they stay, rather than in pieces that are copied, and joined in the end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


_AHEAD = 8
"""Times what has come, for which memory is taken: a client that only says how much it will send is given none."""
_LEAST = 64 * 1024
_ROOM = memoryview(bytes(1 << 20))
"""Copied, which takes a thirtieth of the time that the kernel takes to find as much fresh memory."""


class LargeBody(asyncio.BufferedProtocol):
    """Takes the place of a connection until a body of `size` bytes is whole, of which the `pieces` have come."""

    def __init__(
        self, connection: asyncio.Protocol, size: int, pieces: list[bytes], done: Callable[[bytearray], None]
    ) -> None:
        self._connection = connection
        self._done = done
        self._size = size
        self._body = bytearray().join(pieces)
        self._received = len(self._body)

    def get_buffer(self, _size_hint: int) -> memoryview:
        """Where the rest belongs, and nothing after it."""
        # Here, and not when bytes have come: then the transport still has hold of them.
        if self._received == len(self._body):
            self._make_room(min(self._size, max(_LEAST, _AHEAD * self._received)))
        return memoryview(self._body)[self._received :]

    def _make_room(self, size: int) -> None:
        while len(self._body) < size:
            self._body += _ROOM[: size - len(self._body)]

    def buffer_updated(self, count: int) -> None:
        """So many bytes are there."""
        self._received += count
        if self._received == self._size:
            # The transport keeps this object for as long as it lives.
            body, self._body = self._body, bytearray()
            self._done(body)

    def eof_received(self) -> bool | None:
        """The body breaks off."""
        return self._connection.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        """The client is gone."""
        self._connection.connection_lost(error)

    def pause_writing(self) -> None:
        """The client reads slower than we write."""
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._connection.resume_writing()
