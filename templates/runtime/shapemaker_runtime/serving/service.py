"""Requests to replies, whatever server reads them: decode, bind, predict, encode."""

from __future__ import annotations

import os
import re
from functools import lru_cache, partial
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from shapemaker_runtime.errors import RequestError
from shapemaker_runtime.serving import batch, tracing
from shapemaker_runtime.serving.decode import decode
from shapemaker_runtime.serving.encode import negotiate, offers
from shapemaker_runtime.serving.predictions import Job, Predictions
from shapemaker_runtime.serving.readers import Readers
from shapemaker_runtime.serving.reply import Attempt, Reply, log_failure, of_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapemaker_runtime.serving.binding import Binding, Call
    from shapemaker_runtime.serving.formats import Body
    from shapemaker_runtime.serving.meter import Meter
    from shapemaker_runtime.serving.settings import Limits

INFERENCE_ID = "X-Amzn-SageMaker-Inference-Id"
REQUEST_ID = "X-Request-Id"
_HARMFUL = re.compile(r"[^A-Za-z0-9._:=/+@-]")
_MAX_NUMBER = 128
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
_MAX_ATTRIBUTES = 1024

_SMALL_BODY = 64 * 1024
"""Decoding more than this takes long enough to be felt by /ping, so it leaves the event loop."""
_ERRORS = 400

_accepted = lru_cache(maxsize=64)(negotiate)


class Request(NamedTuple):
    """What `/invocations` heeds of an HTTP request. A header that is missing is empty, only the attributes are None."""

    body: Body
    content_type: str = ""
    accept: str = ""
    encoding: str = ""
    attributes: str | None = None
    may_stream: bool = True
    """Whether a generator's answer may be sent while it is made, which HTTP/1.0 has no way for."""
    number: str = ""
    """By which the caller knows the request."""
    trace: str = ""
    """The caller's span, as W3C's `traceparent` has it."""

    def with_body(self, body: Body) -> Request:
        """The same of another body."""
        return Request(body, *self[1:])


class Service:
    """A model behind its queue, in one process. Made in the event loop that it serves."""

    def __init__(self, binding: Binding, limits: Limits, meter: Meter, on_hung: Callable[[], object]) -> None:
        self._binding = binding
        self._limits = limits
        self._logged = limits.log
        self._meter = meter
        self._hooks = binding.hooks
        self._tracer = tracing.start(os.environ)
        self._offers = offers(binding.hooks)
        self._predictions = Predictions(binding, limits, meter, on_hung)
        self._readers: Readers[Job | Reply] = Readers(limits.run_seconds, on_hung)

    def submit(self, request: Request, done: Callable[[Reply], None]) -> None:
        """Call `done` with the reply: at once, or later in the event loop."""
        finish = partial(self._finish, request, done, perf_counter())
        is_small = len(request.body) <= _SMALL_BODY
        if is_small and not (self._hooks.decoders and self._hooks.decodes(request.content_type)):
            self._submit(finish, self._begun(request, finish))
        else:
            self._read_elsewhere(request, finish)

    def _finish(self, request: Request, done: Callable[[Reply], None], began: float, reply: Reply) -> None:
        now = perf_counter()
        seconds = now - began
        self._meter.answered(reply.status, seconds, self._predictions.queued_rows, now)
        if self._logged == "all" or (reply.status >= _ERRORS and self._logged == "errors"):
            _log(request, reply, seconds)
        if self._tracer is not None:
            self._tracer.record(request, reply, seconds)
        if request.attributes is not None and reply.status < _ERRORS:
            reply = reply._replace(headers=(*reply.headers, (ATTRIBUTES, request.attributes)))
        done(reply)

    def _read_elsewhere(self, request: Request, finish: Callable[[Reply], None]) -> None:
        """In a thread, since a large body takes long, and the model's own decoder any time."""
        run = partial(self._prepared, request, finish)
        if not self._readers.submit(run, partial(self._submit, finish), partial(self._late, finish)):
            finish(of_error(RequestError(503, "many large requests are waiting already", retry_after=1)))

    def _late(self, finish: Callable[[Reply], None]) -> None:
        finish(of_error(RequestError(504, f"reading the body took longer than {self._limits.run_seconds:g} seconds")))

    def close(self) -> None:
        """Answer what waits, and let go of the model."""
        self._readers.close()
        self._predictions.close()

    def _submit(self, finish: Callable[[Reply], None], prepared: Job | Reply) -> None:
        if isinstance(prepared, Reply):
            finish(prepared)
        else:
            self._predictions.submit(prepared)

    def _begun(self, request: Request, finish: Callable[[Reply], None]) -> Job | Reply:
        """On the event loop: what is quick enough is predicted at once."""
        attempt = Attempt()
        with attempt:
            call, media_type = self._read(request)
            rows = batch.size(call)
            if self._predictions.is_free_for(rows):
                reply = self._predictions.run_here(call, rows, media_type, may_stream=request.may_stream)
                if reply is not None:
                    return reply
                call, media_type = self._read(request)  # anew, since a model may write into what it is given
            return Job(call, media_type, finish, may_stream=request.may_stream)
        return attempt.reply

    def _prepared(self, request: Request, finish: Callable[[Reply], None]) -> Job | Reply:
        attempt = Attempt()
        with attempt:
            call, media_type = self._read(request)
            return Job(call, media_type, finish, may_stream=request.may_stream)
        return attempt.reply

    def _read(self, request: Request) -> tuple[Call, str]:
        if request.encoding and request.encoding.lower() != "identity":
            raise RequestError(415, "the body must not be compressed")
        if request.attributes is not None:
            _check_attributes(request.attributes)
        media_type = _accepted(request.accept, self._offers) if request.accept else self._offers[0]
        payload = decode(request.content_type, request.body, self._limits.rows, self._hooks)
        return self._binding.bind(payload, self._limits.rows), media_type


def _log(request: Request, reply: Reply, seconds: float) -> None:
    # The number is the caller's text: nothing in it may look like another line, or move a terminal.
    number = f", id {_HARMFUL.sub('?', request.number[:_MAX_NUMBER])}" if request.number else ""
    log_failure(reply, "%d after %.0f ms, %d bytes%s", reply.status, seconds * 1000, len(request.body), number)


def _check_attributes(attributes: str) -> None:
    if len(attributes) > _MAX_ATTRIBUTES or not attributes.isascii() or not attributes.isprintable():
        raise RequestError(400, f"{ATTRIBUTES} must be printable ASCII, at most {_MAX_ATTRIBUTES} characters")
