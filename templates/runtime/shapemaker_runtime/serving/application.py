"""The serving application: SageMaker's routes around a model, as a Falcon ASGI app."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from functools import partial
from typing import TYPE_CHECKING, Any

import falcon
import falcon.asgi
import falcon.routing

from shapemaker_runtime.errors import ModelOutputError, RequestError
from shapemaker_runtime.serving import body
from shapemaker_runtime.serving.binding import Binding
from shapemaker_runtime.serving.decode import decode
from shapemaker_runtime.serving.encode import encode, negotiate
from shapemaker_runtime.serving.formats import JSON
from shapemaker_runtime.serving.prediction import Slot

if TYPE_CHECKING:
    from shapemaker_runtime.serving.settings import Settings

ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
_MAX_ATTRIBUTES = 1024
_MAX_MESSAGE = 1024

# Decoding more than this takes long enough to be felt by /ping, so it leaves the event loop.
_SMALL_BODY = 64 * 1024

# SageMaker's own defaults for batch transform, but for as many requests at once as there are workers. Their product
# must not exceed 100 MB.
_TRANSFORM_MB = 6
_TRANSFORM_TOTAL_MB = 100

_HUNG_EXIT_CODE = 70
_LAST_WORDS_SECONDS = 0.5

log = logging.getLogger("shapemaker.serve")


def create_app(model: Any, settings: Settings) -> body.App:
    """The ASGI application for a loaded model: `/ping`, `/invocations`, `/execution-parameters` and `/metrics`."""
    slot = Slot(settings.timeout, _replace_process)
    app = falcon.asgi.App(media_type=JSON, router=_Router())
    app.set_error_serializer(_serialize)
    app.add_error_handler(Exception, _on_exception)
    app.add_error_handler(RequestError, _on_request_error)
    app.add_error_handler(ModelOutputError, _on_model_output)
    app.add_route("/ping", Ping(slot))
    app.add_route("/invocations", Invocations(Binding.of(model.predict), slot, settings.max_rows))
    app.add_route("/execution-parameters", ExecutionParameters(settings.workers))
    app.add_route("/metrics", Metrics(slot))
    return body.limited(app, settings.max_body)


class Ping:
    """Health: the application exists only once the model is loaded, so what is left to ask is whether it is stuck."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot

    async def on_get(self, _request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """200 with an empty body, or 503."""
        response.status = 503 if self._slot.is_hung else 200


class Invocations:
    """Predictions: decode, predict and encode, of which the last two share one trip to the prediction thread.

    What the model raises is answered as 500, unless the exception has a `status_code` from 400 to 499: then the caller
    is at fault, and gets that status with the exception's text.
    """

    def __init__(self, binding: Binding, slot: Slot, max_rows: int) -> None:
        self._binding = binding
        self._slot = slot
        self._max_rows = max_rows

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Answer in the media type that the caller accepts."""
        if (request.get_header("Content-Encoding") or "identity").lower() != "identity":
            raise RequestError(415, "the body must not be compressed")
        _echo_attributes(request, response)
        media_type = negotiate(request.get_header("Accept") or "")
        content = await request.stream.read()
        bind = partial(self._bind, request.content_type or "", content)
        call = bind() if len(content) <= _SMALL_BODY else await asyncio.to_thread(bind)
        response.data = await self._slot.run(lambda: encode(self._binding.run(call), media_type))
        response.content_type = media_type

    def _bind(self, content_type: str, content: bytes) -> Any:
        return self._binding.bind(decode(content_type, content, self._max_rows))


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

    def __init__(self, slot: Slot) -> None:
        self._slot = slot

    async def on_get(self, _request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Prometheus text."""
        response.content_type = "text/plain; version=0.0.4"
        response.text = f"# TYPE shapemaker_up gauge\nshapemaker_up {int(not self._slot.is_hung)}\n"


class _Router(falcon.routing.CompiledRouter):
    def find(self, uri: str, req: Any = None) -> Any:
        """Falcon takes //ping for /ping; what guards paths in front of us may not."""
        return None if uri.startswith("//") else super().find(uri, req)


def _echo_attributes(request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
    attributes = request.get_header(ATTRIBUTES)
    if attributes is None:
        return
    if len(attributes) > _MAX_ATTRIBUTES or not all(" " <= c <= "~" for c in attributes):
        raise RequestError(400, f"{ATTRIBUTES} must be printable ASCII, at most {_MAX_ATTRIBUTES} characters")
    response.set_header(ATTRIBUTES, attributes)


def _replace_process() -> None:
    # A thread cannot be ended, so the worker goes, and gunicorn forks another one from its loaded model. The delay is
    # for the answers that say why.
    log.error("a prediction does not return; this worker is replaced")
    asyncio.get_running_loop().call_later(_LAST_WORDS_SECONDS, os._exit, _HUNG_EXIT_CODE)


def _serialize(_request: Any, response: falcon.asgi.Response, error: falcon.HTTPError) -> None:
    response.content_type = JSON
    response.data = json.dumps({"error": error.title}).encode()


async def _on_exception(_request: Any, response: falcon.asgi.Response, error: Exception, _params: Any) -> None:
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and 400 <= status < 500:  # noqa: PLR2004 - the HTTP class of client errors
        _fail(response, status, str(error)[:_MAX_MESSAGE])
        return
    log.error("the model failed", exc_info=error)
    _fail(response, 500, f"the model raised {type(error).__name__}; the traceback is in the log")


async def _on_request_error(_request: Any, response: falcon.asgi.Response, error: RequestError, _params: Any) -> None:
    if error.status == 503:  # noqa: PLR2004
        response.set_header("Retry-After", "1")
    _fail(response, error.status, error.message)


async def _on_model_output(_request: Any, response: falcon.asgi.Response, error: Exception, _params: Any) -> None:
    log.error("%s", error)
    _fail(response, 500, str(error))


def _fail(response: falcon.asgi.Response, status: int, message: str) -> None:
    response.status = status
    response.content_type = JSON
    response.data = json.dumps({"error": message}).encode()
