"""Requests that two servers could read differently: refused, and what follows them is never read as a request."""

from __future__ import annotations

import json
import re
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.runtime import PATIENCE, Image, Server, drain
from tests.support.smuggling import (
    BODY,
    CANARY,
    CHUNK,
    CHUNKED,
    HOST,
    IN_DOUBT,
    LAST,
    ONE_ANSWER,
    ONLY_FAST,
    ONLY_STOCK,
    SWALLOWED,
    TWO_ANSWERS,
    chunked,
    post,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

MODEL = """
import time

class Model:
    def load(self, directory): ...
    def predict(self, age: float, *, wait: float = 0, note: str = "") -> float:
        print("asked for", age, flush=True)
        time.sleep(wait)
        return age
"""


def cases(*tables: dict[str, bytes]) -> list[object]:
    return [pytest.param(data, id=name) for table in tables for name, data in table.items()]


@dataclass(frozen=True)
class Answers:
    """All that came back on a connection, until the server closed it."""

    received: bytes

    @property
    def statuses(self) -> list[int]:
        return [int(each) for each in re.findall(rb"HTTP/1\.[01] (\d{3}) ", self.received)]

    @property
    def predictions(self) -> list[float]:
        return [float(each) for each in re.findall(rb'"output": ?([0-9.]+)', self.received)]


def send(server: Server, pieces: Iterator[bytes], *, is_all: bool = False) -> Answers:
    """`is_all`: say that no more will come; without it the end is the server's own decision."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE / 6) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces:
                connection.sendall(piece)
            if is_all:
                connection.shutdown(socket.SHUT_WR)
        except (ConnectionResetError, BrokenPipeError):
            pass  # what it said before is there to be read
        return Answers(drain(connection))


def whole(data: bytes) -> Iterator[bytes]:
    yield data


def torn(data: bytes) -> Iterator[bytes]:
    return (data[place : place + 1] for place in range(len(data)))


def started(kind: str, folder: pytest.TempPathFactory) -> Image:
    image = Image.make(folder.mktemp(kind), MODEL)
    image.environ |= {"SHAPEMAKER_SERVE_SERVER": kind, "SHAPEMAKER_SERVE_WORKERS": "1"}
    return image


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with started("fast", tmp_path_factory).serving() as running:
        yield running


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with started("stock", tmp_path_factory).serving() as running:
        yield running


@pytest.fixture(scope="module", params=["fast", "stock"])
def either(request: pytest.FixtureRequest, fast: Server, stock: Server) -> Server:
    return {"fast": fast, "stock": stock}[request.param]


def check_refused(server: Server, pieces: Iterator[bytes]) -> None:
    with unharmed(server):
        answers = send(server, pieces)
        assert [each // 100 for each in answers.statuses] == [4] or answers.statuses == [501]
        assert answers.predictions == []


@contextmanager
def unharmed(server: Server) -> Iterator[None]:
    """What is sent meanwhile never reaches the model, and the next client has its answer."""
    before = len(server.log)
    yield
    assert server.invoke(BODY).json == {"output": 31.0}
    log = server.log[before:]
    assert "asked for 31.0" in log
    assert "asked for 666" not in log
    assert "Traceback" not in log


@pytest.mark.parametrize("request_bytes", cases(*IN_DOUBT, ONLY_FAST))
@pytest.mark.parametrize("cut", [whole, torn])
def test_a_request_in_doubt_is_refused_and_nothing_after_it_is_read(
    fast: Server, cut: Callable[[bytes], Iterator[bytes]], request_bytes: bytes
) -> None:
    check_refused(fast, cut(request_bytes + CANARY))


@pytest.mark.parametrize("request_bytes", cases(*IN_DOUBT, ONLY_STOCK))
def test_the_stock_server_refuses_it_too(stock: Server, request_bytes: bytes) -> None:
    check_refused(stock, whole(request_bytes + CANARY))


@pytest.mark.parametrize("request_bytes", cases(SWALLOWED))
def test_a_body_that_says_it_is_longer_takes_in_what_follows(either: Server, request_bytes: bytes) -> None:
    with unharmed(either):
        answers = send(either, whole(request_bytes + CANARY), is_all=True)
    assert 200 not in answers.statuses


@pytest.mark.parametrize("request_bytes", cases(ONE_ANSWER))
@pytest.mark.parametrize("cut", [whole, torn])
def test_what_follows_the_last_request_is_none(
    either: Server, cut: Callable[[bytes], Iterator[bytes]], request_bytes: bytes
) -> None:
    with unharmed(either):
        answers = send(either, cut(request_bytes + CANARY))
    assert answers.statuses[0] in {200, 400}
    assert {each // 100 for each in answers.statuses[1:]} <= {4}


@pytest.mark.parametrize("request_bytes", cases(TWO_ANSWERS))
@pytest.mark.parametrize("cut", [whole, torn])
def test_a_request_that_is_only_unusual_is_answered_and_so_is_the_next(
    either: Server, cut: Callable[[bytes], Iterator[bytes]], request_bytes: bytes
) -> None:
    answers = send(either, cut(request_bytes + LAST))
    assert (answers.statuses, answers.predictions) == ([200, 200], [31.0, 40.0])


@pytest.mark.parametrize(("host", "length", "status"), [(b"", 11, 400), (HOST, 26 << 22, 413), (HOST, 11, 501)])
def test_a_refusal_is_the_same_when_an_upgrade_is_asked_for(
    fast: Server, host: bytes, length: int, status: int
) -> None:
    coding = b"Transfer-Encoding: gzip\r\n" if status == 501 else b"Content-Length: %d\r\n" % length
    request = post(coding + b"Connection: upgrade\r\nUpgrade: h2c\r\n", b"", host=host)
    answers = send(fast, whole(request))
    assert answers.statuses == [status]
    assert b"malformed" not in answers.received


def test_trailers_are_counted(fast: Server) -> None:
    many = b"".join(b"X-%d: 1\r\n" % number for number in range(101))
    check_refused(fast, whole(chunked(CHUNK + b"0\r\n" + many + b"\r\n") + CANARY))


ENDLESS = {
    "a header": post(b"X: ", b"")[:-2],
    "an extension": chunked(b"b;a="),
    "a trailer": chunked(CHUNK + b"0\r\nX: "),
}


@pytest.mark.parametrize("beginning", cases(ENDLESS))
def test_what_is_no_body_cannot_be_endless(fast: Server, beginning: bytes) -> None:
    check_refused(fast, chain([beginning], (b"a" * 100_000 for _ in range(20))))


KINDS = st.sampled_from(["length", "chunks", "slow", "large", "large in chunks"])


def valid(kind: str, age: int) -> bytes:
    content = {"age": age, "wait": 0.002 * (kind == "slow"), "note": "a" * (100_000 * kind.startswith("large"))}
    body = json.dumps(content).encode()
    if not kind.endswith("chunks"):
        return post(b"Content-Length: %d\r\n" % len(body), body)
    half = len(body) // 2
    parts = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:half], body[half:], b""))
    return post(CHUNKED, parts)


def at(places: list[int], data: bytes) -> Iterator[bytes]:
    """In pieces, with time for each to arrive alone."""
    for start, end in pairwise([0, *places, len(data)]):
        yield data[start:end]
        time.sleep(0.0005)


@given(kinds=st.lists(KINDS, min_size=1, max_size=30), randoms=st.randoms(use_true_random=False))
@settings(max_examples=40, derandomize=True, deadline=None, database=None)
def test_requests_that_are_sent_ahead_have_the_same_answers_however_they_are_cut(
    either: Server, kinds: list[str], randoms: Random
) -> None:
    data = b"".join(valid(kind, age) for age, kind in enumerate(kinds, 1)) + LAST
    places = sorted(randoms.randrange(1, len(data)) for _ in range(2 * len(kinds)))
    answers = send(either, at(places, data))
    assert answers.predictions == [*map(float, range(1, len(kinds) + 1)), 40.0]
    assert set(answers.statuses) == {200}
