"""A head that was read before is not read again, and that changes nothing for anybody."""

from __future__ import annotations

import re
import socket
import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.support.runtime import ECHO, Image, Server

if TYPE_CHECKING:
    from collections.abc import Iterator

PAUSE = 0.1
"""Long enough for what was sent to arrive by itself."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    image = Image.make(tmp_path_factory.mktemp("heads"), ECHO)
    image.environ |= {"SHAPEMAKER_SERVE_WORKERS": "1", "SHAPEMAKER_SERVE_SERVER": "fast"}
    with image.serving() as running:
        yield running


def asked(age: int, *headers: str) -> bytes:
    body = b'{"age": %d}' % age
    lines = ["POST /invocations HTTP/1.1", "Host: a", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def answers(server: Server, *pieces: bytes) -> list[float]:
    """What comes back for pieces that are sent one after the other on one connection, which we then end."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(PAUSE)
        connection.shutdown(socket.SHUT_WR)
        text = b"".join(iter(lambda: connection.recv(65536), b""))
    return [float(found) for found in re.findall(rb'"output":([0-9.]+)', text)]


@pytest.fixture(autouse=True)
def _known(server: Server) -> None:
    assert answers(server, asked(10), asked(11)) == [10, 11]


def test_the_same_head_comes_with_other_bodies(server: Server) -> None:
    assert answers(server, asked(12), asked(13), asked(14)) == [12, 13, 14]


def test_another_head_is_read_anew(server: Server) -> None:
    refused = asked(15, "Content-Encoding: gzip")
    assert answers(server, asked(12), refused, asked(13), refused, asked(100), asked(14)) == [12, 13, 100, 14]


def test_its_body_comes_later(server: Server) -> None:
    whole = asked(12)
    assert answers(server, whole[:-5], whole[-5:], asked(13), whole[:-10], whole[-10:]) == [12, 13, 12]


def test_more_than_it_comes_at_once(server: Server) -> None:
    assert answers(server, asked(12) + asked(13), asked(14), asked(15) + asked(16)[:30], asked(16)[30:]) == [
        12,
        13,
        14,
        15,
        16,
    ]


def test_those_who_ask_at_once_get_their_answers_and_each_in_its_order(server: Server) -> None:
    ping = b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n"
    last = asked(3, "Connection: close")
    with ExitStack() as stack:
        address = ("127.0.0.1", server.port)
        clients = [stack.enter_context(socket.create_connection(address, timeout=60)) for _ in range(20)]
        for turn in range(5):
            for number, client in enumerate(clients):
                client.sendall(asked(100 * number + turn) + (ping + asked(7) + last if turn == 4 else b""))
            if turn < 4:  # a body and no more: whether more comes is seen in the end
                found = [client.recv(65536).rpartition(b"\r\n\r\n")[2] for client in clients]
                assert found == [b'{"output":%.1f}' % (100 * number + turn) for number in range(20)]
        for number, client in enumerate(clients):
            text = b"".join(iter(partial(client.recv, 65536), b""))
            outputs = [float(each) for each in re.findall(rb'"output":([0-9.]+)', text)]
            assert outputs == [100 * number + 4, 7, 3]
            assert text.count(b"HTTP/1.1 200 OK") == 4


def test_within_a_body_it_is_no_request(server: Server) -> None:
    inner = asked(12)
    outer = asked(0)[: -len(b'{"age": 0}')].replace(b"Content-Length: 10", b"Content-Length: %d" % len(inner))
    # Its body is no JSON, so there is one refusal, and no prediction from what only looks like a request.
    assert answers(server, outer, inner, asked(13)) == [13]


def test_within_a_head_it_is_no_request(server: Server) -> None:
    begun = b"GET /ping HTTP/1.1\r\nHost: a\r\nX-A: "
    assert answers(server, begun, asked(12)) == []


def test_after_the_last_request_of_a_connection_it_is_nothing(server: Server) -> None:
    last = asked(12, "Connection: close")
    for data in (last, last, last + asked(13)):
        assert server.raw(data).count(b'"output"') == 1


def test_a_head_that_asks_for_leave_gets_it_each_time(server: Server) -> None:
    for _ in range(2):
        answer = server.raw(asked(12, "Expect: 100-continue", "Connection: close"))
        assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_a_ping_has_a_head_and_nothing_else(server: Server) -> None:
    ping = b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n"
    assert server.raw(ping + ping + ping.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")).count(b"200 OK") == 3
    for _ in range(2):
        assert server.raw(ping.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")).count(b"200 OK") == 1
    assert answers(server, asked(12), ping, asked(13)) == [12, 13]


def test_a_request_without_a_body_is_refused_each_time(server: Server) -> None:
    empty = b"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        for _ in range(3):
            connection.sendall(empty)
            assert b" 400 " in connection.recv(65536).split(b"\r\n")[0]


def ask_and_ask(connection: socket.socket) -> None:
    for _ in range(4000):
        connection.sendall(asked(12) * 100)


def test_who_reads_nothing_is_not_heard_for_long(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with pytest.raises(TimeoutError):
            ask_and_ask(connection)
        # All that was heard is answered, in its order, once it is read.
        assert server.invoke(b'{"age": 31}').json == {"output": 31.0}
        connection.settimeout(60)
        text = b""
        while text.count(b'"output":12.0') < 1000:
            text += connection.recv(65536)
        assert b" 400 " not in text


def test_fields_are_limited_wherever_they_stand(server: Server) -> None:
    for headers in (["X-A: " + "a" * 20_000], ["X-A: b"] * 101, ["X-A: " + "a" * 9000, "X-A: b"]):
        answer = server.raw(asked(12) + asked(13, *headers))
        assert [answer.count(b'"output":12.0'), answer.count(b" 431 "), answer.count(b'"output":13.0')] == [1, 1, 0]


def test_of_two_headers_none_is_forgotten(server: Server) -> None:
    assert b" 415 " in server.raw(
        asked(12, "Content-Encoding: gzip", "Content-Encoding: identity", "Connection: close")
    )


def test_many_heads_are_forgotten_and_read_anew(server: Server) -> None:
    for number in range(600):
        assert server.invoke(b'{"age": 31}', **{"X-Number": str(number)}).json == {"output": 31.0}
    assert answers(server, asked(12), asked(13)) == [12, 13]
