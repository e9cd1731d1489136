"""Request bodies within limits: an ASGI application around another one, which then has each body whole at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from shapemaker_runtime.errors import RequestError

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_SECONDS = 30
"""How long a body may take to arrive: within a region 25 MB take less than a second."""

_DRAINED = 4
"""Times the limit that is read and dropped: a client that is still sending would never see the answer."""


def limited(app: App, max_body: int, seconds: float = BODY_SECONDS) -> App:
    """`app` behind a limit of bytes and of time; what breaks it gets 400, 408 or 413 as JSON."""

    async def wrapper(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        try:
            with _Deadline(seconds):
                body = await _read(scope["headers"], receive, max_body)
        except TimeoutError:
            await _answer(send, RequestError(408, f"the body did not arrive within {seconds:g} seconds"))
        except RequestError as error:
            await _answer(send, error)
        else:
            await app(scope, _replay(body, receive), send)

    return wrapper


class _Deadline:
    """Ends what runs in the block with a `TimeoutError`; `asyncio.wait_for` would cost a task for each request."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._is_over = False

    def __enter__(self) -> None:
        self._task = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._end)

    def _end(self) -> None:
        self._is_over = True
        if self._task is not None:
            self._task.cancel()

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        self._timer.cancel()
        if self._is_over and kind is asyncio.CancelledError:
            uncancel = getattr(self._task, "uncancel", None)  # from Python 3.11 on tasks count their cancellations
            if uncancel is not None:
                uncancel()
            raise TimeoutError


async def _read(headers: list[tuple[bytes, bytes]], receive: Receive, max_body: int) -> bytes:
    declared = _declared(headers)
    too_large = RequestError(413, f"the body is larger than {max_body} bytes")
    if declared > max_body * _DRAINED or (declared > max_body and (b"expect", b"100-continue") in headers):
        raise too_large
    chunks: list[bytes] = []
    size = 0
    more = True
    while more and size <= max_body * _DRAINED:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestError(400, "the body ended early")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > max_body:
            chunks.clear()
        else:
            chunks.append(chunk)
        more = message.get("more_body", False)
    if size > max_body:
        raise too_large
    return b"".join(chunks)


def _declared(headers: list[tuple[bytes, bytes]]) -> int:
    return next((int(value) for name, value in headers if name == b"content-length"), 0)


def _replay(body: bytes, receive: Receive) -> Receive:
    pending = [body]

    async def replayed() -> Mapping[str, Any]:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        return await receive()

    return replayed


async def _answer(send: Send, error: RequestError) -> None:
    body = json.dumps({"error": error.message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
