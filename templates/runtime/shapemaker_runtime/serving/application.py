"""The serving application: SageMaker's routes around a model."""

from __future__ import annotations

import asyncio
import os
import signal
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from shapemaker_runtime.serving import openapi
from shapemaker_runtime.serving.binding import Binding
from shapemaker_runtime.serving.page import Page
from shapemaker_runtime.serving.reply import log
from shapemaker_runtime.serving.service import ATTRIBUTES, INFERENCE_ID, REQUEST_ID, Request, Service
from shapemaker_runtime.serving.site import WHOLE, Site
from shapemaker_runtime.serving.warm_up import warm_up

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import falcon.asgi

    from shapemaker_runtime.serving.meter import Ledger
    from shapemaker_runtime.serving.reply import Reply
    from shapemaker_runtime.serving.settings import Settings

# SageMaker's own defaults for batch transform, but for as many requests at once as there are workers. Their product
# must not exceed 100 MB.
_TRANSFORM_MB = 6
_TRANSFORM_TOTAL_MB = 100

_LAST_WORDS_SECONDS = 0.5


class Application(Site):
    """`/ping`, `/invocations`, `/execution-parameters`, `/metrics` and `/openapi.json` for a loaded model."""

    def __init__(self, model: Any, settings: Settings) -> None:
        super().__init__(settings)
        self._binding = Binding.of(model.predict, model)
        self._model = model
        self._service: Service | None = None
        self.add("/invocations", Invocations(self))
        self.add("/execution-parameters", execution_parameters(settings.workers))
        self.add("/metrics", metrics(self._ledger))
        self.add("/openapi.json", description(self._binding, model))

    def warm_up(self) -> None:
        """See `warm_up`; for a model that is loaded."""
        warm_up(self._model, self._binding)

    @property
    def service(self) -> Service:
        """The service of this process."""
        return self._service or self.start()

    def start(self) -> Service:
        """See `Site.start`."""
        self._service = Service(self._binding, self.limits, self._ledger.meter(self.slot), retire)
        return self._service


class Invocations:
    """Predictions."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Answer in the media type that the caller accepts."""
        await invoke(self._application.service, request, response)


async def invoke(service: Service, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
    """Predict what the request asks for."""
    wanted = Request(
        await request.stream.read(),
        request.content_type or "",
        request.get_header("Accept") or "",
        request.get_header("Content-Encoding") or "",
        request.get_header(ATTRIBUTES),
        request.scope["http_version"] == "1.1" and WHOLE not in request.scope,
        request.get_header(INFERENCE_ID) or request.get_header(REQUEST_ID) or "",
        request.get_header("traceparent") or "",
    )
    replied: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def done(reply: Reply) -> None:
        if not replied.done():  # a caller who has left has cancelled it
            replied.set_result(reply)
        elif reply.stream is not None:
            reply.stream.close()

    service.submit(wanted, done)
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


def execution_parameters(workers: int) -> Page:
    """What batch transform asks before it starts: the three keys of the contract."""
    return Page.of_json(
        lambda: {
            "MaxConcurrentTransforms": max(1, min(workers, _TRANSFORM_TOTAL_MB // _TRANSFORM_MB)),
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": _TRANSFORM_MB,
        }
    )


def metrics(ledger: Ledger) -> Page:
    """Prometheus text over all workers, for SageMaker's scraper, which asks every container by default."""
    return Page("text/plain; version=0.0.4", lambda: ledger.text().encode())


def description(binding: Binding, model: object) -> Page:
    """What all routes take and give, as OpenAPI 3.1: for people and for tools."""
    return Page.of_json(lambda: openapi.document(binding, model))


def retire() -> None:
    """Have this process replaced."""
    # A thread cannot be ended, so the worker goes once it has answered what it holds, and gunicorn forks another one
    # from its loaded model.
    log.error("a prediction does not return; this worker is replaced")
    asyncio.get_running_loop().call_later(_LAST_WORDS_SECONDS, os.kill, os.getpid(), signal.SIGTERM)
