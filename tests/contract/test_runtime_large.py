"""Large bodies on our worker: received once, given up in time, and gone when they are answered."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import pytest

from tests.support.runtime import Image, Server, drain, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL = """
import numpy as np

class Model:
    def load(self, directory): ...
    def predict(self, instances: np.ndarray) -> float:
        return float(instances.sum())
"""
MB = 1 << 20
HEAD = b"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-npy\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    image = Image.make(tmp_path_factory.mktemp("large"), MODEL)
    image.environ["SHAPEMAKER_SERVE_MAX_ROWS"] = "1000000"
    image.environ["SHAPEMAKER_SERVE_WORKERS"] = "1"
    with image.serving() as running:
        yield running


def npy(megabytes: float, value: float = 1.0) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.full((int(megabytes * MB / 80), 10), value))
    return stream.getvalue()


def resident(server: Server) -> int:
    """Bytes of the worker."""
    (worker,) = server.workers()
    with open(f"/proc/{worker}/statm") as file:  # noqa: PTH123 - of /proc
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=60)


def answer(responses: BinaryIO) -> float:
    """The prediction of the next response."""
    length = 0
    while line := responses.readline().strip():
        name, _, value = line.partition(b":")
        if name == b"Content-Length":
            length = int(value)
    return float(json.loads(responses.read(length))["predictions"])


def test_a_head_alone_is_given_no_memory(server: Server) -> None:
    before = resident(server)
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(connect(server)).sendall(HEAD % (24 * MB) + b"x" * 100)
        assert server.invoke(npy(1), "application/x-npy").status == 200
        assert resident(server) < before + 60 * MB


def test_a_kept_connection_does_not_keep_its_last_body(server: Server) -> None:
    body = npy(20)
    with ExitStack() as stack:
        for _ in range(2):
            connection = stack.enter_context(connect(server))
            connection.sendall(HEAD % len(body) + body)
            assert answer(connection.makefile("rb")) == (len(body) - 128) // 8
        before = resident(server)
        for _ in range(8):
            connection = stack.enter_context(connect(server))
            connection.sendall(HEAD % len(body) + body)
            answer(connection.makefile("rb"))
        assert resident(server) < before + 60 * MB


@pytest.mark.parametrize("megabytes", [0.1, 0.4, 3, 20])
def test_requests_before_and_after_a_large_one_are_answered_in_order(server: Server, megabytes: float) -> None:
    bodies = [npy(0.01, 2.0), npy(megabytes, 3.0), npy(megabytes, 4.0), npy(0.01, 5.0)]
    with connect(server) as connection:
        for body in bodies:
            connection.sendall(HEAD % len(body) + body)
        responses = connection.makefile("rb")
        for body, value in zip(bodies, (2, 3, 4, 5), strict=True):
            assert answer(responses) == (len(body) - 128) // 8 * value


def test_a_body_that_breaks_off_ends_its_connection_and_no_more(server: Server) -> None:
    body = npy(5)
    with connect(server) as connection:
        connection.sendall(HEAD % len(body) + body[:MB])
        connection.shutdown(socket.SHUT_WR)
        assert drain(connection) == b""
    assert server.invoke(body, "application/x-npy").status == 200


def test_a_body_that_stops_coming_is_given_up(server: Server) -> None:
    body = npy(5)
    with connect(server) as connection:
        connection.sendall(HEAD % len(body) + body[:MB])
        assert drain(connection).startswith(b"HTTP/1.1 408 ")


def test_a_body_on_its_way_is_answered_before_the_server_ends(server: Server) -> None:
    body = npy(5)
    with connect(server) as connection:
        connection.sendall(HEAD % len(body) + body[:MB])
        wait_until(lambda: server.request("GET", "/ping").status == 200)
        server.process.send_signal(signal.SIGTERM)
        connection.sendall(body[MB:])
        assert answer(connection.makefile("rb")) == (len(body) - 128) // 8
    assert server.process.wait(60) == 0
