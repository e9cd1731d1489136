"""What a site answers, through ASGI and past it: the same, whether or not its routes were prepared."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from shapemaker_runtime.serving.application import Application
from shapemaker_runtime.serving.page import Page
from shapemaker_runtime.serving.settings import Settings

if TYPE_CHECKING:
    from shapemaker_runtime.serving.reply import Reply


class Model:
    def predict(self, age: float) -> float:
        return age * 2


def broken() -> bytes:
    raise ValueError("no page")


def made() -> Application:
    site = Application(Model(), Settings.from_environ({"SHAPEMAKER_SERVE_WORKERS": "1"}))
    site.add("/broken", Page("text/plain", broken))
    return site


def through_asgi(site: Application, method: str, path: str, body: bytes = b"") -> tuple[int, str, bytes]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope: dict[str, Any] = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method}
    scope |= {"path": path, "raw_path": path.encode(), "query_string": b"", "scheme": "http"}
    scope["headers"] = [(b"content-type", b"application/json")]
    asyncio.run(site(scope, receive, send))
    headers = dict(sent[0]["headers"])
    whole = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], headers.get(b"content-type", b"").decode(), whole


def past_it(site: Application, method: str, path: str) -> tuple[int, str, bytes]:
    async def ask() -> Reply:
        answered: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        message: Any = SimpleNamespace(
            method=method.encode(), target=path.encode(), headers={}, body=b"", version="1.1", keep_alive=True
        )
        site.respond(message, answered.set_result)
        return await answered

    reply = asyncio.run(ask())
    return reply.status, reply.media_type, reply.body


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/execution-parameters", 200),
        ("GET", "/metrics", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/broken", 500),
        ("GET", "/nowhere", 404),
        ("GET", "//metrics", 404),
        ("GET", "/metrics/", 404),
        ("POST", "/metrics", 405),
    ],
)
def test_a_route_answers_the_same_both_ways(method: str, path: str, status: int) -> None:
    site = made()
    found = past_it(site, method, path)
    assert found == through_asgi(made(), method, path) == through_asgi(site, method, path)
    assert found[0] == status


def test_a_query_does_not_hide_a_page() -> None:
    assert past_it(made(), "GET", "/openapi.json?a=1")[0] == 200


def test_any_asgi_server_gets_predictions_without_preparing_anything() -> None:
    assert through_asgi(made(), "GET", "/ping")[::2] == (200, b"")
    status, media_type, body = through_asgi(made(), "POST", "/invocations", b'{"age": 31}')
    assert (status, media_type, json.loads(body)) == (200, "application/json", {"output": 62.0})
