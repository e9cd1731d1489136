"""Requests that nobody should send: each gets a clean refusal, and the next one an answer."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import struct
from typing import TYPE_CHECKING

import pytest

from tests.support.runtime import ECHO, Background, Image, Server, in_background, send

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = b"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
BODY = b'{"age": 31}'


@pytest.fixture(scope="module", params=["fast", "stock"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    image = Image.make(tmp_path_factory.mktemp("hostile"), ECHO)
    image.environ["SHAPEMAKER_SERVE_SERVER"] = request.param
    image.environ |= {"SHAPEMAKER_SERVE_WORKERS": "1", "SHAPEMAKER_SERVE_MAX_BODY_MB": "6"}
    with image.serving() as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def waiting(server: Server) -> list[Background]:
    """Requests that are never whole. All others are answered meanwhile."""
    requests = [
        HEAD + b"Content-Length: 100\r\n\r\n",
        HEAD + b"Content-Length: 100\r\n\r\n" + BODY,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
    ]
    return [in_background(server.raw, each) for each in requests]


@pytest.fixture(autouse=True)
def _goes_on(server: Server) -> Iterator[None]:
    yield
    assert server.invoke(BODY).json == {"output": 31.0}
    assert server.process.poll() is None


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


@pytest.mark.parametrize(
    ("name", "body", "content_type", "expected"),
    [
        ("S7 no content type", BODY, "", 415),
        ("S7 unknown content type", BODY, "text/plain", 415),
        ("S9 empty", b"", "application/json", 400),
        ("S10 no JSON", b"{", "application/json", 400),
        ("S10 trailing garbage", BODY + b"x", "application/json", 400),
        ("S11 deep", b"[" * 100_000, "application/json", 400),
        ("S11 deep objects", b'{"a":' * 100_000, "application/json", 400),
        ("S12 NaN", b'{"age": NaN}', "application/json", 400),
        ("S13 a name twice", b'{"age": 1, "age": 2}', "application/json", 400),
        ("S14 long integer", b'{"age": ' + b"9" * 5000 + b"}", "application/json", 400),
        ("S15 infinite", b'{"age": 1e999}', "application/json", 400),
        ("S16 half a surrogate pair", b'{"age": "\\ud800"}', "application/json", 400),
        ("S17 UTF-16", BODY.decode().encode("utf-16"), "application/json", 400),
        ("S18 ragged", b"1\n1,2\n", "text/csv", 400),
        ("S18 large field", b"x" * 200_000, "text/csv", 400),
        ("S18 NUL", b"1\n\0\n", "text/csv", 400),
        ("S19 underscore", b"1_0\n", "text/csv", 400),
        ("S19 other digits", "١٢\n".encode(), "text/csv", 400),
        ("S19 blank", b" 1\n", "text/csv", 400),
        ("S20 no array", b"\x93NUMPY\x01\x00", "application/x-npy", 400),
        ("S21 pickle", b"\x80\x04]", "application/python-pickle", 415),
        ("S22 a million rows", b"1\n" * 1_000_000, "text/csv", 413),
        ("wrong field", b'{"agee": 31}', "application/json", 400),
        ("wrong type", b'{"age": "31"}', "application/json", 400),
        ("array for an object", b"[[1, 2, 3]]", "application/json", 400),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bodies_that_are_no_request_are_the_callers_fault(
    server: Server, name: str, body: bytes, content_type: str, expected: int
) -> None:
    reply = server.request("POST", "/invocations", body, {"Content-Type": content_type} if content_type else {})
    assert (name, reply.status) == (name, expected)
    assert list(reply.json) == ["error"]


def test_a_refusal_quotes_nothing_of_the_body(server: Server) -> None:
    for body in (b'{"age": "password"}', b'{"age" password}', b"password", b'{"age": 1, "age": "password"}'):
        assert b"password" not in server.invoke(body).body


def test_s1_a_body_over_the_limit_leaves_the_connection_usable(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Content-Type": "application/json"}
    assert send(connection, "POST", "/invocations", b" " * 6_291_457, headers).status == 413
    assert send(connection, "POST", "/invocations", BODY, headers).status == 200
    connection.close()


def test_s8_a_type_that_is_not_offered_is_406(server: Server) -> None:
    reply = server.invoke(BODY, Accept="text/html")
    assert (reply.status, list(reply.json)) == (406, ["error"])


def test_s23_compressed_bodies_are_not_unpacked(server: Server) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    assert server.invoke(bomb, Content_Encoding="gzip").status == 415


def test_s25_attributes_that_could_split_a_header_are_refused(server: Server) -> None:
    for value in (b"\xe5", b"a" * 1025, b"a\x01"):
        head = (
            HEAD
            + b"Connection: close\r\nX-Amzn-SageMaker-Custom-Attributes: "
            + value
            + b"\r\nContent-Length: 11\r\n\r\n"
        )
        answer = server.raw(head + BODY)
        assert status(answer) == 400
        assert b"Custom-Attributes: " not in answer


@pytest.mark.parametrize(
    ("name", "request_bytes"),
    [
        ("S3 two lengths", HEAD + b"Content-Length: 11\r\nContent-Length: 12\r\n\r\n" + BODY),
        ("S3 length and chunks", HEAD + b"Content-Length: 11\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("S3 unknown coding", HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        ("S3 folded header", HEAD + b"X-A: 1\r\n 2\r\nContent-Length: 11\r\n\r\n" + BODY),
        ("S3 bare line feeds", HEAD.replace(b"\r\n", b"\n") + b"Content-Length: 11\n\n" + BODY),
        ("S3 NUL in a header", HEAD + b"X-A: \0\r\nContent-Length: 11\r\n\r\n" + BODY),
        ("S3 negative length", HEAD + b"Content-Length: -11\r\n\r\n" + BODY),
        ("S3 signed length", HEAD + b"Content-Length: +11\r\n\r\n" + BODY),
        ("S3 bad chunk size", HEAD + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\n12345\r\n0\r\n\r\n"),
        ("S3 blank before the colon", HEAD + b"Content-Length : 11\r\n\r\n" + BODY),
        ("S4 many headers", HEAD + b"".join(b"X-%d: 1\r\n" % n for n in range(101)) + b"\r\n"),
        ("S4 long header", HEAD + b"X-A: " + b"a" * 9000 + b"\r\n\r\n"),
        ("S4 long request line", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n"),
        ("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n"),
        ("no version", b"GET /ping\r\n\r\n"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_http_is_refused(server: Server, name: str, request_bytes: bytes) -> None:
    answer = server.raw(request_bytes)
    assert (name, status(answer) // 100) == (name, 4) or (name, status(answer)) == (name, 501)
    assert b"Traceback" not in answer


def test_s2_a_body_that_is_longer_than_it_says_is_no_second_request(server: Server) -> None:
    answer = server.raw(HEAD + b"Content-Length: 11\r\n\r\n" + BODY + b'{"age": 40}\r\n\r\n')
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 400 " in answer
    assert answer.count(b'"output"') == 1


def test_s2_a_body_that_ends_early_is_never_predicted_from(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n" + BODY)
        connection.shutdown(socket.SHUT_WR)
        assert b'"output"' not in connection.recv(65536)


def test_s26_clients_that_reset_their_connections_leave_no_trace(server: Server) -> None:
    for _ in range(200):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall(HEAD + b"Content-Length: 11\r\n\r\n" + BODY)
        connection.close()
    assert server.invoke(json.dumps({"age": 1})).status == 200
    assert "Traceback" not in server.log


def test_s5_s6_bodies_that_never_come_time_out_and_nobody_waits_for_them(
    server: Server, waiting: list[Background]
) -> None:
    assert server.invoke(BODY).status == 200
    assert [status(each.result()) for each in waiting] == [408, 408, 408]
