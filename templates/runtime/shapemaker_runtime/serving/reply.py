"""What goes back to a caller, whichever server carries it, and what becomes of errors."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, NamedTuple

from shapemaker_runtime.errors import ModelOutputError, RequestError
from shapemaker_runtime.serving.formats import JSON

if TYPE_CHECKING:
    from shapemaker_runtime.serving.stream import Stream

_MAX_MESSAGE = 1024
_CLIENT_ERRORS = range(400, 500)
_UNAVAILABLE = 503

log = logging.getLogger("shapemaker.serve")


class Reply(NamedTuple):
    """A whole response."""

    status: int
    media_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    stream: Stream | None = None
    """What follows `body`, if that is not all."""
    cause: BaseException | None = None
    """Why the model failed: for the log."""


def refusal(status: int, message: str, *headers: tuple[str, str]) -> Reply:
    """An error as JSON."""
    return Reply(status, JSON, json.dumps({"error": message}).encode(), headers)


def of_error(error: BaseException) -> Reply:
    """The reply to an error.

    What the model raises is answered as 500, unless the exception has a `status_code` from 400 to 499: then the caller
    is at fault, and gets that status with the exception's text.
    """
    if isinstance(error, RequestError):
        # Whoever comes back at once finds the same queue.
        later = (("Retry-After", str(error.retry_after)),) if error.status == _UNAVAILABLE else ()
        return refusal(error.status, error.message, *later)
    if isinstance(error, ModelOutputError):
        return refusal(500, str(error))._replace(cause=error)
    status = getattr(error, "status_code", None)
    if isinstance(status, int) and status in _CLIENT_ERRORS:
        return refusal(status, str(error)[:_MAX_MESSAGE])
    reply = refusal(500, f"the model raised {type(error).__name__}; the traceback is in the log")
    return reply._replace(cause=error)


def log_failure(reply: Reply, message: str, *values: object) -> None:
    """One line for a reply, with the traceback if the model has raised."""
    if isinstance(reply.cause, ModelOutputError):
        log.error("%s: %s", message % values, reply.cause)
    elif reply.cause is not None:
        log.error(message, *values, exc_info=reply.cause)
    else:
        log.info(message, *values)


class Attempt:
    """Keeps what its block raises: a thread or an event loop must outlive all that a model does, sys.exit included."""

    __slots__ = ("error",)

    def __init__(self) -> None:
        self.error: BaseException | None = None

    @property
    def reply(self) -> Reply:
        """What to tell the caller. A model's `sys.exit` is an error like others; it must not end the server."""
        error = self.error
        if isinstance(error, SystemExit):
            error = RuntimeError(f"the model called sys.exit({error.code!r})")
        return of_error(error or AssertionError("BUG: nothing was raised"))

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        self.error = error
        return True
