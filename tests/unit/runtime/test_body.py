"""Bodies arrive whole and within limits, or the application never hears of them."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from shapemaker_runtime.serving.body import limited

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

LIMIT = 10


async def echo(scope: dict[str, Any], receive: Callable[[], Awaitable[Mapping[str, Any]]], send: Any) -> None:
    """Answers with the messages that it received."""
    assert scope["type"] == "http"
    message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": message["body"]})


async def receive_for_ever() -> Mapping[str, Any]:
    await asyncio.Event().wait()
    raise AssertionError


def ask(messages: list[Mapping[str, Any]], headers: list[tuple[bytes, bytes]] | None = None) -> tuple[int, bytes, int]:
    """Status, body, and how many messages nobody received."""
    sent: list[dict[str, Any]] = []

    async def receive() -> Mapping[str, Any]:
        return messages.pop(0) if messages else await receive_for_ever()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def scenario() -> None:
        await limited(echo, LIMIT, seconds=0.05)({"type": "http", "headers": headers or []}, receive, send)

    asyncio.run(scenario())
    return sent[0]["status"], sent[1]["body"], len(messages)


def part(body: bytes, *, more: bool = True) -> Mapping[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


@pytest.mark.parametrize(
    "parts", [[part(b"0123456789", more=False)], [part(b"01234"), part(b""), part(b"56789"), part(b"", more=False)]]
)
def test_the_application_gets_the_body_in_one_piece(parts: list[Mapping[str, Any]]) -> None:
    assert ask(parts) == (200, b"0123456789", 0)


def test_a_body_over_the_limit_is_read_to_its_end_and_refused() -> None:
    status, body, left = ask([part(b"x" * 11), part(b"x" * 11), part(b"x", more=False)])
    assert (status, left) == (413, 0)
    assert json.loads(body) == {"error": "the body is larger than 10 bytes"}


def test_a_body_without_end_is_not_read_to_it() -> None:
    status, _, left = ask([part(b"x" * 11) for _ in range(100)])
    assert status == 413
    assert left > 90


@pytest.mark.parametrize(
    "headers", [[(b"content-length", b"41")], [(b"content-length", b"11"), (b"expect", b"100-continue")]]
)
def test_what_is_announced_as_too_large_is_not_even_asked_for(headers: list[tuple[bytes, bytes]]) -> None:
    assert ask([part(b"x")], headers)[::2] == (413, 1)


def test_a_body_that_does_not_come_is_waited_for_only_so_long() -> None:
    status, body, _ = ask([part(b"x")])
    assert status == 408
    assert json.loads(body) == {"error": "the body did not arrive within 0.05 seconds"}


def test_a_client_that_leaves_in_the_middle_is_no_request() -> None:
    assert ask([part(b"x"), {"type": "http.disconnect"}])[0] == 400


def test_what_is_not_http_passes() -> None:
    seen: list[str] = []

    async def app(scope: dict[str, Any], _receive: object, _send: object) -> None:
        seen.append(scope["type"])

    async def send(_message: dict[str, Any]) -> None: ...

    async def scenario() -> None:
        await limited(app, LIMIT)({"type": "lifespan"}, receive_for_ever, send)

    asyncio.run(scenario())
    assert seen == ["lifespan"]


def test_a_cancelled_request_stays_cancelled() -> None:
    async def send(_message: dict[str, Any]) -> None: ...

    async def scenario() -> bool:
        task = asyncio.ensure_future(limited(echo, LIMIT)({"type": "http", "headers": []}, receive_for_ever, send))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return task.cancelled()

    assert asyncio.run(scenario())
