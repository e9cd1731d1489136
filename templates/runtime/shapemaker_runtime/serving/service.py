"""Requests to replies, whatever server reads them: decode, bind, predict, encode."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from shapemaker_runtime.errors import RequestError
from shapemaker_runtime.serving.decode import decode
from shapemaker_runtime.serving.encode import negotiate
from shapemaker_runtime.serving.predictions import Job, Predictions
from shapemaker_runtime.serving.reply import Attempt, Reply, log, of_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapemaker_runtime.serving.binding import Binding
    from shapemaker_runtime.serving.meter import Meter
    from shapemaker_runtime.serving.settings import Limits

ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
_MAX_ATTRIBUTES = 1024

_SMALL_BODY = 64 * 1024
"""Decoding more than this takes long enough to be felt by /ping, so it leaves the event loop."""
_ERRORS = 400

_accepted = lru_cache(maxsize=64)(negotiate)


class Request(NamedTuple):
    """What `/invocations` heeds of an HTTP request. A header that is missing is empty, only the attributes are None."""

    body: bytes
    content_type: str = ""
    accept: str = ""
    encoding: str = ""
    attributes: str | None = None


class Service:
    """A model behind its queue, in one process. Made in the event loop that it serves."""

    def __init__(self, binding: Binding, limits: Limits, meter: Meter, on_hung: Callable[[], object]) -> None:
        self._binding = binding
        self._limits = limits
        self._meter = meter
        self._predictions = Predictions(binding, limits, meter, on_hung)

    def submit(self, request: Request, done: Callable[[Reply], None]) -> None:
        """Call `done` with the reply: at once, or later in the event loop."""
        began = perf_counter()

        def finish(reply: Reply) -> None:
            seconds = perf_counter() - began
            self._meter.answered(reply.status, seconds, self._predictions.queued_rows)
            if reply.status >= _ERRORS:
                log.info("%d after %.0f ms, %d bytes", reply.status, seconds * 1000, len(request.body))
            if request.attributes is not None and reply.status < _ERRORS:
                reply = reply._replace(headers=(*reply.headers, (ATTRIBUTES, request.attributes)))
            done(reply)

        if len(request.body) <= _SMALL_BODY:
            self._submit(self._prepared(request, finish), finish)
        else:
            running = asyncio.get_running_loop().run_in_executor(None, self._prepared, request, finish)
            running.add_done_callback(lambda future: self._submit(future.result(), finish))

    def metrics(self) -> str:
        """Prometheus text, over all workers."""
        return self._meter.ledger.text()

    def _submit(self, prepared: Job | Reply, finish: Callable[[Reply], None]) -> None:
        if isinstance(prepared, Reply):
            finish(prepared)
        else:
            self._predictions.submit(prepared)

    def _prepared(self, request: Request, finish: Callable[[Reply], None]) -> Job | Reply:
        attempt = Attempt()
        with attempt:
            if request.encoding and request.encoding.lower() != "identity":
                raise RequestError(415, "the body must not be compressed")
            _check_attributes(request.attributes)
            media_type = _accepted(request.accept)
            payload = decode(request.content_type, request.body, self._limits.rows)
            return Job(self._binding.bind(payload), media_type, finish)
        return of_error(attempt.error or AssertionError("BUG: no job and no error"))


def _check_attributes(attributes: str | None) -> None:
    if attributes is not None and (
        len(attributes) > _MAX_ATTRIBUTES or not attributes.isascii() or not attributes.isprintable()
    ):
        raise RequestError(400, f"{ATTRIBUTES} must be printable ASCII, at most {_MAX_ATTRIBUTES} characters")
