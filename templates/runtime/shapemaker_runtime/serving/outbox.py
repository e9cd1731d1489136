"""Replies of one turn of the event loop, sent together at its end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shapemaker_runtime.serving.protocol import Connection

SMALL = 4096
"""Bytes of a reply that is worth to be held: a larger one takes its time on the way anyhow."""
_MOST = 8


class Outbox:
    """Connections with a reply to send. Sent by itself, each would wake its reader, which costs more than sending."""

    __slots__ = ("_held", "_loop")

    def __init__(self) -> None:
        self._held: list[Connection] = []
        self._loop = asyncio.get_running_loop()

    def put(self, connection: Connection) -> None:
        """Send what it has at the end of this turn; or now, if there is enough to keep readers busy."""
        self._held.append(connection)
        if len(self._held) == 1:
            self._loop.call_soon(self.send)
        elif len(self._held) == _MOST:
            self.send()

    def send(self) -> None:
        """Send everything."""
        held, self._held = self._held, []
        for connection in held:
            connection.send_unsent()
