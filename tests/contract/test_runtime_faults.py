"""What goes wrong under load: signals, killed workers, crowds and stuck predictions.

Where only our own worker is named, gunicorn's closes connections that still carry a request when it is replaced.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.support.runtime import Image, Server, children, in_background, send, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODEL = """
import os, time
import numpy as np

class Model:
    def load(self, directory): ...
    def predict(self, instances: np.ndarray) -> np.ndarray:
        first = instances[0, 0]
        if first == -1:
            time.sleep(3600)
        if first < -1:
            end = time.monotonic() + 2
            while time.monotonic() < end:
                pass
        time.sleep(0.002)
        return instances.sum(axis=1)
"""
HEADERS = {"Content-Type": "application/json"}


class Crowd:
    """Clients that keep asking on connections of their own until told to stop, and what became of each request."""

    def __init__(self, server: Server, count: int) -> None:
        self._server = server
        self.seen: Counter[str] = Counter()
        self._over = threading.Event()
        self._clients = [in_background(self._ask, number) for number in range(count)]

    def leave(self) -> Counter[str]:
        """Let all of them finish."""
        self._over.set()
        for client in self._clients:
            client.result()
        return self.seen

    def _ask(self, number: int) -> None:
        connection = None
        body = json.dumps({"instances": [[number, 1.0]]})
        while not self._over.is_set():
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=60)
                try:
                    connection.connect()
                except OSError:
                    self.seen["refused"] += 1  # nobody listens: no request was sent, so none was lost
                    connection.close()
                    connection = None
                    time.sleep(0.02)
                    continue
            try:
                reply = send(connection, "POST", "/invocations", body, HEADERS)
            except (OSError, http.client.HTTPException):
                self.seen["lost"] += 1
                connection.close()
                connection = None
                continue
            right = reply.status == 200 and reply.json == {"predictions": [number + 1.0]}
            self.seen["right" if right else str(reply.status)] += 1
            if reply.headers.get("connection") == "close":
                connection.close()
                connection = None
        if connection is not None:
            connection.close()


def make(folder: Path, kind: str, **environ: str) -> Image:
    image = Image.make(folder, MODEL)
    image.environ |= {"SHAPEMAKER_SERVE_WORKERS": "2", "SHAPEMAKER_SERVE_SERVER": kind, **environ}
    return image


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with make(tmp_path, request.param).serving() as running:
        yield running


BOTH = pytest.mark.parametrize("server", ["fast", "stock"], indirect=True)


@BOTH
def test_a_crowd_gets_its_answers_and_nobody_anybody_elses(server: Server) -> None:
    crowd = Crowd(server, 300)
    wait_until(lambda: crowd.seen["right"] > 3000)
    seen = crowd.leave()
    assert set(seen) == {"right"}, seen


def test_sigterm_under_load_loses_no_request(tmp_path: Path) -> None:
    with make(tmp_path, "fast").serving() as server:
        crowd = Crowd(server, 24)
        wait_until(lambda: crowd.seen["right"] > 200)
        code = server.stop()
        seen = crowd.leave()
    assert code == 0
    assert set(seen) <= {"right", "refused"}, seen


@BOTH
def test_a_killed_worker_costs_only_what_it_held(server: Server) -> None:
    crowd = Crowd(server, 16)
    wait_until(lambda: crowd.seen["right"] > 200)
    os.kill(children(server.process.pid)[0], signal.SIGKILL)
    before = crowd.seen["right"]
    wait_until(lambda: crowd.seen["right"] > before + 500)
    seen = crowd.leave()
    # Each of the clients had at most one request open.
    assert seen["lost"] <= 16, seen
    assert set(seen) <= {"right", "lost", "refused"}, seen
    wait_until(lambda: len(children(server.process.pid)) == 2)


def test_ping_and_the_others_are_answered_while_predictions_are_stuck(tmp_path: Path) -> None:
    with make(tmp_path, "fast", SHAPEMAKER_SERVE_TIMEOUT="2").serving() as server:
        stuck = [in_background(server.invoke, '{"instances": [[-1, 0]]}') for _ in range(4)]
        spinning = [in_background(server.invoke, '{"instances": [[-2, 0, 0]]}') for _ in range(2)]
        answered = 0
        while any(each.is_running for each in [*stuck, *spinning]):
            answered += _pings(server)
        assert {each.result().status for each in stuck} == {504}
        assert {each.result().status for each in spinning} <= {200, 504}
        assert answered > 3
        wait_until(lambda: _answers(server))


def _pings(server: Server) -> bool:
    try:
        return server.request("GET", "/ping").status == 200
    except OSError:  # a worker that is being replaced closes its side of the queue
        time.sleep(0.05)
        return False


def _answers(server: Server) -> bool:
    try:
        return server.invoke('{"instances": [[1, 1]]}').status == 200
    except (OSError, http.client.HTTPException):
        return False


@BOTH
def test_what_comes_at_once_is_answered_or_told_when_to_come_back(server: Server) -> None:
    replies = [in_background(server.invoke, '{"instances": [[1, 1]]}') for _ in range(50)]
    assert {each.result().status for each in replies} <= {200, 503}
