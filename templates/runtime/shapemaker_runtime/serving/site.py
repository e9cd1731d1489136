"""What any application of ours is: a Falcon ASGI app with limits, which our own worker can ask past HTTP."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

import falcon
import falcon.asgi
import falcon.routing

from shapemaker_runtime.serving import body
from shapemaker_runtime.serving.formats import JSON
from shapemaker_runtime.serving.reply import Reply, log_failure, of_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shapemaker_runtime.serving.protocol import Message
    from shapemaker_runtime.serving.service import Request
    from shapemaker_runtime.serving.settings import Settings

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
        self._tasks: set[asyncio.Task[None]] = set()
        self._routes = falcon.asgi.App(media_type=JSON, router=_Router())
        self._routes.set_error_serializer(_serialize)
        self._routes.add_error_handler(Exception, _on_exception)
        self._routes.add_route("/ping", Ping())
        self._limited = body.limited(self._routes, settings.max_body)

    @abstractmethod
    def start(self, number: int) -> Invocable:
        """Begin to serve in the event loop of this process; `number` tells workers apart."""

    async def __call__(self, scope: body.Scope, receive: body.Receive, send: body.Send) -> None:
        """ASGI, for servers that know no limits."""
        await self._limited(scope, receive, send)

    def respond(self, message: Message, done: Callable[[Reply], None]) -> None:
        """Any route, for a server that has read the request."""
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
            "headers": message.headers,
            WHOLE: True,
        }
        exchange = _Exchange(message.body)
        await self._routes(scope, exchange.receive, exchange.send)
        done(exchange.reply)


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


class Ping:
    """Health: the application exists only once the model is loaded, and a loop that answers is not stuck."""

    async def on_get(self, _request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """200 with an empty body."""
        response.status = 200


class _Router(falcon.routing.CompiledRouter):
    def find(self, uri: str, req: Any = None) -> Any:
        """Falcon takes //ping for /ping; what guards paths in front of us may not."""
        return None if uri.startswith("//") else super().find(uri, req)


def _serialize(_request: Any, response: falcon.asgi.Response, error: falcon.HTTPError) -> None:
    response.content_type = JSON
    response.data = json.dumps({"error": error.title}).encode()


async def _on_exception(_request: Any, response: falcon.asgi.Response, error: Exception, _params: Any) -> None:
    reply = of_error(error)
    log_failure(reply, "a request failed")
    response.status = reply.status
    response.content_type = reply.media_type
    response.data = reply.body
