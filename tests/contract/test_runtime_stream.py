"""Answers of generators, over real connections to both servers: sent while made, and never cut off in silence."""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.runtime import Image, Server, children, in_background, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL = """
import time

class Model:
    encoders = {"application/x-count": "count"}

    def load(self, directory): ...

    def predict(self, count: int, *, wait=0.0, fail_at=-1, hang_at=-1, size=0, name=""):
        try:
            for number in range(count):
                if number == fail_at:
                    raise ValueError("in the middle")
                if number == hang_at:
                    time.sleep(30)
                time.sleep(wait)
                if size and number % 1000 == 0:
                    print("made", number, flush=True)
                yield "x" * size if size else number
        finally:
            print(f"closed {name}.", flush=True)

    def count(self, answer):
        return b"%d" % len(answer)
"""
LINES = "application/jsonlines"


def head(document: object, version: bytes = b"1.1") -> bytes:
    body = json.dumps(document).encode()
    lines = [
        b"POST /invocations HTTP/" + version,
        b"Host: a",
        b"Content-Type: application/json",
        b"Accept: application/jsonlines",
        b"Content-Length: %d" % len(body),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@pytest.fixture(scope="module", params=["fast", "stock"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    image = Image.make(tmp_path_factory.mktemp("stream"), MODEL)
    image.environ |= {"SHAPEMAKER_SERVE_WORKERS": "1", "SHAPEMAKER_SERVE_SERVER": request.param}
    with image.serving() as running:
        yield running


@contextmanager
def ask(server: Server, document: object, accept: str = LINES) -> Iterator[http.client.HTTPResponse]:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
        headers = {"Content-Type": "application/json", "Accept": accept}
        connection.request("POST", "/invocations", json.dumps(document), headers)
        with connection.getresponse() as response:
            yield response


def has_closed(server: Server, name: str) -> bool:
    """Whether the generator of the request of that name has ended; those of other tests may end at any time."""
    return f"closed {name}." in server.log


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (LINES, b"0\n1\n2\n"),
        ("text/csv", b"0\n1\n2\n"),
        ("text/event-stream", b"data: 0\n\ndata: 1\n\ndata: 2\n\n"),
    ],
)
def test_rows_are_sent_while_they_are_made(server: Server, accept: str, expected: bytes) -> None:
    name = accept.rpartition("/")[2]
    with ask(server, {"count": 3, "wait": 0.3, "name": name}, accept) as response:
        assert response.getheader("Transfer-Encoding") == "chunked"
        assert response.getheader("Content-Type") == accept
        first = response.read(len(expected) // 3)
        assert not has_closed(server, name)
        assert first + response.read() == expected
    wait_until(lambda: has_closed(server, name))


def test_others_are_answered_in_between(server: Server) -> None:
    with ask(server, {"count": 20, "wait": 0.05}) as slow:
        assert server.invoke('{"count": 1}', Accept=LINES).body == b"0\n"
        assert server.request("GET", "/ping").status == 200
        assert slow.read() == b"".join(b"%d\n" % number for number in range(20))


def test_where_rows_cannot_be_sent_one_by_one_they_are_collected(server: Server) -> None:
    assert server.invoke('{"count": 3, "wait": 0.02}').json == {"output": [0, 1, 2]}
    assert server.invoke('{"instances": [[2], [3]]}').json == {"predictions": [[0, 1], [0, 1, 2]]}
    assert server.invoke('{"count": 4}', Accept="application/x-count").body == b"4"


def test_http_1_0_has_no_chunks(server: Server) -> None:
    answer = server.raw(head({"count": 3, "wait": 0.02}, b"1.0"))
    assert answer.endswith(b"\r\n\r\n0\n1\n2\n")
    assert b"chunked" not in answer.lower()


def test_the_connection_is_kept_after_a_stream(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Content-Type": "application/json", "Accept": LINES}
    for _ in range(3):
        connection.request("POST", "/invocations", '{"count": 3, "wait": 0.02}', headers)
        assert connection.getresponse().read() == b"0\n1\n2\n"
    connection.close()


def test_what_fails_before_the_first_row_is_an_error(server: Server) -> None:
    assert server.invoke('{"count": 3, "fail_at": 0}', Accept=LINES).status == 500


def test_what_fails_in_the_middle_never_ends_cleanly(server: Server) -> None:
    received = server.raw(head({"count": 5, "wait": 0.05, "fail_at": 2, "name": "failing"}))
    assert b"\r\n0\n\r\n" in received
    assert not received.endswith(b"0\r\n\r\n")
    wait_until(lambda: has_closed(server, "failing"))
    wait_until(lambda: "ValueError: in the middle" in server.log)
    assert server.invoke('{"count": 1}').status == 200


def test_a_reader_that_leaves_ends_the_generator(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(head({"count": 100_000, "wait": 0.02, "name": "left"}))
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
    wait_until(lambda: has_closed(server, "left"))


def test_a_slow_reader_fills_no_memory_and_delays_nobody(server: Server) -> None:
    worker = children(server.process.pid)[0]
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(head({"count": 300_000, "size": 1000}))  # 300 MB
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        assert [server.invoke('{"count": 1}').status for _ in range(20)] == [200] * 20
        assert "made 100000" not in server.log
        assert resident(worker) < 250 * 2**20


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


@pytest.mark.parametrize("kind", ["fast", "stock"])
def test_a_row_over_its_deadline_breaks_the_answer_off(tmp_path: Path, kind: str) -> None:
    image = Image.make(tmp_path, MODEL)
    image.environ |= {"SHAPEMAKER_SERVE_WORKERS": "1", "SHAPEMAKER_SERVE_TIMEOUT": "1", "SHAPEMAKER_SERVE_SERVER": kind}
    with image.serving() as server:
        # Longer than a deadline as a whole, but no row is.
        with ask(server, {"count": 8, "wait": 0.2}) as response:
            assert response.read().count(b"\n") == 8
        received = in_background(server.raw, head({"count": 5, "wait": 0.05, "hang_at": 3})).result()
        assert b"\r\n0\n\r\n" in received
        assert not received.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("kind", ["fast", "stock"])
def test_a_stream_is_finished_after_sigterm(tmp_path: Path, kind: str) -> None:
    image = Image.make(tmp_path, MODEL)
    image.environ |= {"SHAPEMAKER_SERVE_WORKERS": "1", "SHAPEMAKER_SERVE_SERVER": kind}
    with image.serving() as server, ask(server, {"count": 10, "wait": 0.1}) as response:
        ended = in_background(server.stop)
        assert response.read().count(b"\n") == 10
        assert ended.result() == 0
