"""What any application of ours is: an ASGI app with limits, which our own worker can ask past HTTP."""

from __future__ import annotations

import asyncio
import importlib
import os
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

from shapemaker_runtime.serving import body, threads
from shapemaker_runtime.serving.meter import Ledger
from shapemaker_runtime.serving.page import Page
from shapemaker_runtime.serving.reply import Attempt, Reply, log_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shapemaker_runtime.serving.message import Message
    from shapemaker_runtime.serving.service import Request
    from shapemaker_runtime.serving.settings import Limits, Settings

WHOLE = "shapemaker.whole"
"""In a scope: its caller takes the response whole."""


class Invocable(Protocol):
    """What takes `/invocations` past Falcon."""

    def submit(self, request: Request, done: Callable[[Reply], None]) -> None:
        """Call `done` with the reply: at once, or later in the event loop."""


class Site(ABC):
    """Routes, of which there is `/ping`. An ASGI application that runs under any server.

    It is made before the workers are forked, and each of them starts it for itself.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.slot = 0
        """Tells this process from the other workers that live."""
        self._ledger = Ledger(settings.workers)
        self._tasks: set[asyncio.Task[None]] = set()
        self._resources: dict[str, object] = {}
        self._pages: dict[bytes, Page] = {}
        self._routes: body.App | None = None
        self._limited = body.limited(self._route, settings.max_body)

    @property
    def limits(self) -> Limits:
        """Those of a worker, with its share of the cores."""
        return replace(self.settings.limits, threads=threads.share_of(os.environ, self.settings.workers))

    def tick(self) -> None:
        """Once in a while, in each worker: let the others know what it has counted."""
        self._ledger.share()

    @abstractmethod
    def start(self) -> Invocable:
        """Begin to serve in the event loop of this process."""

    def add(self, path: str, resource: object) -> None:
        """A route: to a page, or to what Falcon calls a resource."""
        self._resources[path] = resource
        if isinstance(resource, Page):
            self._pages[path.encode()] = resource

    def prepare(self) -> body.App:
        """Load Falcon now, and for all processes that are forked from this one, rather than when it is needed."""
        if self._routes is None:
            self._routes = importlib.import_module("shapemaker_runtime.serving.routing").app(self._resources)
        return self._routes

    async def __call__(self, scope: body.Scope, receive: body.Receive, send: body.Send) -> None:
        """ASGI, for servers that know no limits, and may leave a host before the path."""
        if scope["type"] == "http" and not scope["path"].startswith("/"):
            scope = {**scope, "path": urlsplit(scope["path"]).path or "/"}
        await self._limited(scope, receive, send)

    def respond(self, message: Message, done: Callable[[Reply], None]) -> None:
        """Any route, for a server that has read the request."""
        page = self._pages.get(message.target.partition(b"?")[0]) if message.method == b"GET" else None
        if page is not None:
            done(_shown(page))
            return
        task = asyncio.get_running_loop().create_task(self._respond(message, done))
        self._tasks.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(self._tasks.discard)

    async def _respond(self, message: Message, done: Callable[[Reply], None]) -> None:
        path, _, query = message.target.partition(b"?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": message.version,
            "method": message.method.decode("latin-1"),
            "scheme": "http",
            "path": unquote(path.decode("latin-1")),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": list(message.headers.items()),
            WHOLE: True,
        }
        exchange = _Exchange(bytes(message.body))
        await self._route(scope, exchange.receive, exchange.send)
        done(exchange.reply)

    async def _route(self, scope: body.Scope, receive: body.Receive, send: body.Send) -> None:
        if self._routes is None:
            # In a thread, since the loop has other requests meanwhile.
            await asyncio.get_running_loop().run_in_executor(None, self.prepare)
        await self.prepare()(scope, receive, send)


def _shown(page: Page) -> Reply:
    attempt = Attempt()
    with attempt:
        return Reply(200, page.media_type, page.body())
    log_failure(attempt.reply, "a request failed")
    return attempt.reply


class _Exchange:
    """One request and its response, both whole."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._start: dict[str, Any] = {}
        self._chunks: list[bytes] = []

    async def receive(self) -> Mapping[str, Any]:
        return {"type": "http.request", "body": self._content, "more_body": False}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        else:
            self._chunks.append(message.get("body", b""))

    @property
    def reply(self) -> Reply:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self._start["headers"]}
        headers.pop("content-length", None)
        media_type = headers.pop("content-type", "")
        return Reply(self._start["status"], media_type, b"".join(self._chunks), tuple(headers.items()))
