"""nginx in front: the same answers, slow clients held off, and two processes that end together."""

from __future__ import annotations

import http.client
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.runtime import MOODY_MODEL, Image, Server, children, in_background, send, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.needs("nginx")
APP = """
def app(environ, start_response):
    start_response("200 OK", [])
    return [environ["PATH_INFO"].encode()]
"""


def make(folder: Path, source: str = MOODY_MODEL, **settings: object) -> Image:
    image = Image.make(folder, source, nginx=True, **settings)
    image.environ |= {"SHAPEMAKER_SERVE_WORKERS": "1", "SHAPEMAKER_SERVE_MAX_BODY_MB": "1"}
    return image


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with make(tmp_path_factory.mktemp("nginx")).serving() as running:
        yield running


def child(server: Server, name: str) -> int:
    """The process of nginx or of gunicorn."""
    return next(pid for pid in children(server.process.pid) if name in command(pid))


def command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def test_the_model_answers_through_nginx(server: Server) -> None:
    assert server.request("GET", "/ping").status == 200
    reply = server.invoke('{"age": 31}', **{"X-Amzn-SageMaker-Custom-Attributes": "a"})
    assert (reply.json, reply.headers["x-amzn-sagemaker-custom-attributes"]) == ({"output": 31.0}, "a")
    assert reply.headers["server"] == "nginx"
    assert server.invoke("x").json == {"error": "not JSON: line 1 column 1: expecting value"}


@pytest.mark.parametrize(("path", "status"), [("//ping", 404), ("/../etc/passwd", 400), ("/nothing", 404)])
def test_other_paths_are_refused_in_json(server: Server, path: str, status: int) -> None:
    reply = server.request("GET", path)
    assert (reply.status, list(reply.json)) == (status, ["error"])


def test_a_body_over_the_limit_is_refused_in_json_and_the_connection_stays(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Content-Type": "application/json"}
    assert send(connection, "POST", "/invocations", '{"age": 31}'.ljust(2**20), headers).status == 200
    reply = send(connection, "POST", "/invocations", b" " * (2**20 + 1), headers)
    assert (reply.status, reply.json) == (413, {"error": "the body is larger than 1048576 bytes"})
    assert send(connection, "POST", "/invocations", '{"age": 31}', headers).status == 200
    connection.close()


def test_headers_that_never_come_time_out(server: Server) -> None:
    assert b" 200 " not in server.raw(b"POST /invocations HTTP/1.1\r\nHost: a\r\n")
    assert server.invoke('{"age": 31}').status == 200


@pytest.mark.parametrize("name", ["nginx", "shapemaker_runtime"])
def test_the_death_of_either_ends_the_container(tmp_path: Path, name: str) -> None:
    with make(tmp_path).serving() as server:
        family = [pid for each in children(server.process.pid) for pid in (each, *children(each))]
        os.kill(child(server, name), signal.SIGKILL)
        assert server.process.wait(60) == 1
        assert "ended, and the container ends with it" in server.log
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in family))


def test_a_model_that_does_not_load_ends_the_container(tmp_path: Path) -> None:
    with make(tmp_path, MOODY_MODEL.replace("self.directory = directory", "raise OSError('no model')")).serving(
        until_ping=False
    ) as server:
        assert server.process.wait(60) == 1
        assert "OSError: no model" in server.log


def test_sigterm_lets_open_requests_finish(tmp_path: Path) -> None:
    with make(tmp_path).serving() as server:
        slow = in_background(server.invoke, '{"age": 31, "sleep": 1}')
        wait_until(lambda: "sleeps 1" in server.log)
        assert server.stop() == 0
        assert slow.result().json == {"output": 31.0}


def test_an_application_of_the_users_own_can_have_nginx_too(tmp_path: Path) -> None:
    image = make(tmp_path, "", serve_app="myapp:app")
    image.write("myapp.py", APP)
    with image.serving() as server:
        assert server.invoke("x").body == b"/invocations"


def test_an_image_without_nginx_says_so(tmp_path: Path) -> None:
    image = make(tmp_path)
    image.environ["PATH"] = str(tmp_path)
    with image.serving(until_ping=False) as server:
        assert server.process.wait(60) == 2
        assert "nginx is not in this image; add it to build.packages in shapemaker.yml" in server.log
