"""The serving application: SageMaker's routes around a model, as a Falcon ASGI app."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import falcon
import falcon.asgi
import falcon.routing

from shapemaker_runtime.serving import body, openapi
from shapemaker_runtime.serving.binding import Binding
from shapemaker_runtime.serving.formats import JSON
from shapemaker_runtime.serving.meter import Ledger
from shapemaker_runtime.serving.reply import Reply, log_failure, of_error
from shapemaker_runtime.serving.service import ATTRIBUTES, INFERENCE_ID, REQUEST_ID, Request, Service
from shapemaker_runtime.serving.warm_up import warm_up

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from shapemaker_runtime.serving.protocol import Message
    from shapemaker_runtime.serving.settings import Settings

# SageMaker's own defaults for batch transform, but for as many requests at once as there are workers. Their product
# must not exceed 100 MB.
_TRANSFORM_MB = 6
_TRANSFORM_TOTAL_MB = 100

_WHOLE = "shapemaker.whole"
"""In a scope: its caller takes the response whole."""

_LAST_WORDS_SECONDS = 0.5

log = logging.getLogger("shapemaker.serve")


class Application:
    """`/ping`, `/invocations`, `/execution-parameters` and `/metrics` for a loaded model.

    An ASGI application that runs under any server; our own worker goes past it for the first two. It is made before
    the workers are forked, and each of them starts a service of its own.
    """

    def __init__(self, model: Any, settings: Settings) -> None:
        self.settings = settings
        self._binding = Binding.of(model.predict, model)
        warm_up(model, self._binding)
        self._ledger = Ledger(settings.workers)
        self._service: Service | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        app = falcon.asgi.App(media_type=JSON, router=_Router())
        app.set_error_serializer(_serialize)
        app.add_error_handler(Exception, _on_exception)
        app.add_route("/ping", Ping())
        app.add_route("/invocations", Invocations(self))
        app.add_route("/execution-parameters", ExecutionParameters(settings.workers))
        app.add_route("/metrics", Metrics(self))
        app.add_route("/openapi.json", Description(self._binding, model))
        self._falcon: body.App = app
        self._limited = body.limited(app, settings.max_body)

    async def __call__(self, scope: body.Scope, receive: body.Receive, send: body.Send) -> None:
        """ASGI, for servers that know no limits."""
        await self._limited(scope, receive, send)

    @property
    def service(self) -> Service:
        """The service of this process."""
        return self._service or self.start(os.getpid())

    def start(self, number: int) -> Service:
        """Make the service of this process, in its event loop; `number` tells workers apart."""
        self._service = Service(self._binding, self.settings.limits, self._ledger.meter(number), _retire)
        return self._service

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
            _WHOLE: True,
        }
        exchange = _Exchange(message.body)
        await self._falcon(scope, exchange.receive, exchange.send)
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


class Invocations:
    """Predictions."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Answer in the media type that the caller accepts."""
        wanted = Request(
            await request.stream.read(),
            request.content_type or "",
            request.get_header("Accept") or "",
            request.get_header("Content-Encoding") or "",
            request.get_header(ATTRIBUTES),
            request.scope["http_version"] == "1.1" and _WHOLE not in request.scope,
            request.get_header(INFERENCE_ID) or request.get_header(REQUEST_ID) or "",
        )
        replied: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

        def done(reply: Reply) -> None:
            if not replied.done():  # a caller who has left has cancelled it
                replied.set_result(reply)
            elif reply.stream is not None:
                reply.stream.close()

        self._application.service.submit(wanted, done)
        reply = await replied
        response.status = reply.status
        response.content_type = reply.media_type
        if reply.stream is None:
            response.data = reply.body
        else:
            response.stream = _slices(reply)
        for name, value in reply.headers:
            response.set_header(name, value)


async def _slices(reply: Reply) -> AsyncIterator[bytes]:
    """The server awaits room for each before it takes the next one."""
    try:
        yield reply.body
        while reply.stream is not None:
            pulled: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
            reply.stream.pull(partial(_settle, pulled))
            reply = await pulled
            if reply.status != HTTPStatus.OK:
                # What servers take for a reason to break off the connection, and for none to log what is logged.
                raise asyncio.CancelledError
            yield reply.body
    finally:
        if reply.stream is not None:
            reply.stream.close()


def _settle(future: asyncio.Future[Reply], reply: Reply) -> None:
    if not future.done():
        future.set_result(reply)


class ExecutionParameters:
    """What batch transform asks before it starts."""

    def __init__(self, workers: int) -> None:
        self._concurrent = max(1, min(workers, _TRANSFORM_TOTAL_MB // _TRANSFORM_MB))

    async def on_get(self, _request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """The three keys of the contract."""
        response.media = {
            "MaxConcurrentTransforms": self._concurrent,
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": _TRANSFORM_MB,
        }


class Metrics:
    """For SageMaker's scraper, which asks every container by default."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def on_get(self, _request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Prometheus text."""
        response.content_type = "text/plain; version=0.0.4"
        response.text = self._application.service.metrics()


class Description:
    """What all routes take and give, for people and for tools."""

    def __init__(self, binding: Binding, model: object) -> None:
        self._binding = binding
        self._model = model

    async def on_get(self, _request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """OpenAPI 3.1."""
        response.media = openapi.document(self._binding, self._model)


class _Router(falcon.routing.CompiledRouter):
    def find(self, uri: str, req: Any = None) -> Any:
        """Falcon takes //ping for /ping; what guards paths in front of us may not."""
        return None if uri.startswith("//") else super().find(uri, req)


def _retire() -> None:
    # A thread cannot be ended, so the worker goes once it has answered what it holds, and gunicorn forks another one
    # from its loaded model.
    log.error("a prediction does not return; this worker is replaced")
    asyncio.get_running_loop().call_later(_LAST_WORDS_SECONDS, os.kill, os.getpid(), signal.SIGTERM)


def _serialize(_request: Any, response: falcon.asgi.Response, error: falcon.HTTPError) -> None:
    response.content_type = JSON
    response.data = json.dumps({"error": error.title}).encode()


async def _on_exception(_request: Any, response: falcon.asgi.Response, error: Exception, _params: Any) -> None:
    reply = of_error(error)
    log_failure(reply, "a request failed")
    response.status = reply.status
    response.content_type = reply.media_type
    response.data = reply.body
