"""Large bodies: received where they stay, rather than in pieces that are copied, and joined in the end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class LargeBody(asyncio.BufferedProtocol):
    """Takes the place of a connection until a body of `size` bytes is whole, of which the `pieces` have come."""

    def __init__(
        self, connection: asyncio.Protocol, size: int, pieces: list[bytes], done: Callable[[bytearray], None]
    ) -> None:
        self._connection = connection
        self._done = done
        self._body = bytearray(size)
        self._view = memoryview(self._body)
        self._received = 0
        for piece in pieces:
            self._view[self._received : self._received + len(piece)] = piece
            self._received += len(piece)

    def get_buffer(self, _size_hint: int) -> memoryview:
        """Where the rest belongs, and nothing after it."""
        return self._view[self._received :]

    def buffer_updated(self, count: int) -> None:
        """So many bytes are there."""
        self._received += count
        if self._received == len(self._body):
            self._done(self._body)

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
