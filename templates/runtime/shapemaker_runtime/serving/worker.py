"""A gunicorn worker on uvloop and httptools, made for one application: ours."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from typing import TYPE_CHECKING, Any

import uvloop
from gunicorn.workers.base import Worker  # type: ignore[import-untyped]

from shapemaker_runtime.serving.message import Heads
from shapemaker_runtime.serving.outbox import Outbox
from shapemaker_runtime.serving.phase import Phase
from shapemaker_runtime.serving.protocol import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapemaker_runtime.serving.message import Message
    from shapemaker_runtime.serving.reply import Reply
    from shapemaker_runtime.serving.service import Request
    from shapemaker_runtime.serving.site import Site

_TICK = 1.0
_LINGER = 1.0
"""Seconds after SIGTERM for requests that were already on their way on a connection we keep."""


class FastWorker(Worker):  # type: ignore[misc]
    """Gunicorn supervises: it forks, is told each second that we live, and signals."""

    max_body: int
    is_draining = False
    heads: Heads
    now: float
    connections: set[Connection]
    outbox: Outbox
    submit: Callable[[Request, Callable[[Reply], None]], None]

    def init_signals(self) -> None:
        """Gunicorn's own, but for those that end us: they are the event loop's."""
        super().init_signals()
        signal.set_wakeup_fd(-1)

    def run(self) -> None:
        """Serve until told to stop."""
        uvloop.run(self._serve())

    def respond(self, message: Message, done: Callable[[Reply], None]) -> None:
        """By the ASGI application."""
        self._application.respond(message, done)

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(number, stop.set)
        self.connections = set()
        self.heads = Heads()
        self.outbox = Outbox()
        self.now = loop.time()
        self._application: Site = self.wsgi
        self.max_body = self._application.settings.max_body
        self.submit = self._application.start().submit
        servers = [await self._listen(loop, each.sock) for each in self.sockets]
        while not stop.is_set() and self.ppid == os.getppid():
            self._check(loop.time())
            self.heads.tick()
            self._application.tick()
            await _either(stop, _TICK)
        for server in servers:
            server.close()
        await self._drain(loop)
        self._application.tick()

    def _check(self, now: float) -> None:
        self.notify()
        self.now = now
        for connection in list(self.connections):
            connection.check(now)

    async def _listen(self, loop: asyncio.AbstractEventLoop, sock: socket.socket) -> asyncio.Server:
        def connect() -> Connection:
            return Connection(self)

        if sock.family == socket.AF_UNIX:
            return await loop.create_unix_server(connect, sock=sock)
        return await loop.create_server(connect, sock=sock, backlog=self.cfg.backlog)

    async def _drain(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let open requests finish; those that arrive meanwhile are the last of their connections."""
        self.is_draining = True
        began = loop.time()
        while self.connections and loop.time() - began < self.cfg.graceful_timeout:
            self._check(loop.time())
            if self.now - began > _LINGER:
                for connection in [each for each in self.connections if each.phase is Phase.IDLE]:
                    connection.close()
            await asyncio.sleep(0.05)


async def _either(event: asyncio.Event, seconds: float) -> None:
    waiting: asyncio.Task[Any] = asyncio.ensure_future(event.wait())
    await asyncio.wait([waiting], timeout=seconds)
    waiting.cancel()
