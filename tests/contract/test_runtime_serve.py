"""`serve` as an endpoint meets it: real HTTP, real signals, models that are slow, stuck or broken."""

from __future__ import annotations

import http.client
import io
import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.support.runtime import MOODY_MODEL, Image, Server, children, in_background, send, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
HEAD = b"POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"


def make(folder: Path, source: str = MOODY_MODEL, **settings: object) -> Image:
    image = Image.make(folder, source, **settings)
    image.environ["SHAPEMAKER_SERVE_WORKERS"] = "1"
    image.put("model/factor.txt", "2")
    return image


@pytest.fixture(scope="module", params=["fast", "stock"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """For tests that leave it as they found it."""
    image = make(tmp_path_factory.mktemp("serve"))
    image.environ["SHAPEMAKER_SERVE_SERVER"] = request.param
    image.environ["SHAPEMAKER_SERVE_MAX_ROWS"] = "1000"
    image.ml.joinpath("model").chmod(0o555)
    with image.serving() as running:
        yield running


def test_ping_answers_200_with_an_empty_body(server: Server) -> None:
    reply = server.request("GET", "/ping")
    assert (reply.status, reply.body) == (200, b"")


def test_a_prediction_by_name_and_several(server: Server) -> None:
    assert server.invoke('{"age": 31}').json == {"output": 62.0}
    reply = server.invoke('{"instances": [{"age": 31}, [40], 50]}')
    assert (reply.json, reply.headers["content-type"]) == ({"predictions": [62.0, 80.0, 100.0]}, "application/json")


def test_answers_come_in_the_type_that_the_caller_accepts(server: Server) -> None:
    assert server.invoke("31\n40\n", "text/csv", Accept="text/csv").body == b"62.0\n80.0\n"
    assert server.invoke("31\n40\n", "application/jsonlines", Accept="application/jsonlines").body == b"62.0\n80.0\n"
    sent = io.BytesIO()
    np.save(sent, np.array([31.0, 40.0]))
    reply = server.invoke(sent.getvalue(), "application/x-npy", Accept="application/x-npy")
    assert reply.headers["content-type"] == "application/x-npy"
    assert np.load(io.BytesIO(reply.body)).tolist() == [62.0, 80.0]


def test_answers_say_their_length_and_keep_their_headers_small(server: Server) -> None:
    reply = server.invoke('{"age": 31}')
    assert reply.headers["content-length"] == str(len(reply.body))
    assert sum(len(name) + len(value) + 4 for name, value in reply.headers.items()) < 4096


def test_custom_attributes_come_back(server: Server) -> None:
    reply = server.invoke('{"age": 31}', **{"X-Amzn-SageMaker-Custom-Attributes": "trace=7; kind=a"})
    assert reply.headers["x-amzn-sagemaker-custom-attributes"] == "trace=7; kind=a"
    assert "x-amzn-sagemaker-custom-attributes" not in server.invoke('{"age": 31}').headers


def test_batch_transform_learns_what_suits(server: Server) -> None:
    assert server.request("GET", "/execution-parameters").json == {
        "MaxConcurrentTransforms": 1,
        "BatchStrategy": "MULTI_RECORD",
        "MaxPayloadInMB": 6,
    }


def test_the_scraper_of_metrics_gets_prometheus_text(server: Server) -> None:
    reply = server.request("GET", "/metrics")
    assert (reply.status, reply.headers["content-type"]) == (200, "text/plain; version=0.0.4")
    assert b"shapemaker_up 1\n" in reply.body


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/docs", 404),
        ("GET", "/invocations", 405),
        ("POST", "/ping", 405),
        ("DELETE", "/ping", 405),
        ("TRACE", "/ping", 405),
        ("GET", "//ping", 404),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/%2e%2e/etc/passwd", 404),
        ("BREW", "/ping", 400),
    ],
)
def test_other_paths_and_methods_are_refused_in_json(server: Server, method: str, path: str, status: int) -> None:
    reply = server.request(method, path)
    assert reply.status == status
    assert list(reply.json) == ["error"]


@pytest.mark.parametrize(
    ("fail", "status", "error"),
    [
        ("secret", 500, "the model raised ValueError; the traceback is in the log"),
        ("exit", 500, "the model raised RuntimeError; the traceback is in the log"),
        ("nan", 500, "the model's answer holds NaN or infinity, which JSON can't express"),
        ("unfit", 422, "too young to have a salary"),
    ],
)
def test_a_model_that_fails_answers_with_an_error_and_lives_on(
    server: Server, fail: str, status: int, error: str
) -> None:
    reply = server.invoke(json.dumps({"age": 31, "fail": fail}))
    assert (reply.status, reply.json) == (status, {"error": error})
    assert server.invoke('{"age": 31}').status == 200


def test_the_traceback_of_a_failed_prediction_is_in_the_log(server: Server) -> None:
    server.invoke('{"age": 31, "fail": "find me"}')
    wait_until(lambda: "ValueError: find me" in server.log)
    assert "usermodel.py" in server.log


@pytest.mark.parametrize("how", ["sleep", "spin"])
def test_ping_answers_while_predictions_are_slow(server: Server, how: str) -> None:
    slow = [in_background(server.invoke, json.dumps({"age": 31, how: 1})) for _ in range(3)]
    pings = 0
    while any(each.is_running for each in slow):
        assert server.request("GET", "/ping").status == 200
        pings += 1
    assert [each.result().status for each in slow] == [200, 200, 200]
    assert pings > 3


def test_kept_connections_carry_bodies_of_any_size(server: Server) -> None:
    def client(size: int) -> list[int]:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        body = json.dumps({"instances": [[31]]}).ljust(size)
        headers = {"Content-Type": "application/json"}
        statuses = [send(connection, "POST", "/invocations", body, headers).status for _ in range(10)]
        connection.close()
        return statuses

    clients = [in_background(client, size) for size in (150_000, 210_000, 1_000_000, 6_000_000)]
    assert [each.result() for each in clients] == [[200] * 10] * 4


def test_chunked_and_pipelined_requests_are_answered_in_order(server: Server) -> None:
    one = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    two = HEAD + b"Content-Length: 11\r\n"
    body = b'6\r\n{"age"\r\n5\r\n: 31}\r\n0\r\n\r\n'
    answer = server.raw(one + body + two + b'Connection: close\r\n\r\n{"age": 40}')
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert answer.index(b'{"output":62.0}') < answer.index(b'{"output":80.0}')


def test_a_client_that_waits_for_leave_to_send_gets_it(server: Server) -> None:
    head = HEAD + b"Expect: 100-continue\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(head + b"Content-Length: 11\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b'{"age": 31}')
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_25_mb_are_accepted_and_a_byte_more_is_not(server: Server) -> None:
    limit = 25 * 2**20
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Content-Type": "application/json"}
    assert send(connection, "POST", "/invocations", '{"age": 31}'.ljust(limit), headers).json == {"output": 62.0}
    for size in (limit + 1, limit + 5 * 2**20):
        reply = send(connection, "POST", "/invocations", b" " * size, headers)
        assert (reply.status, list(reply.json)) == (413, ["error"])
    # The connection has survived both.
    assert send(connection, "POST", "/invocations", '{"age": 31}', headers).status == 200
    connection.close()


def test_a_body_that_is_far_too_large_is_refused_before_it_is_sent(server: Server) -> None:
    head = HEAD + b"Content-Length: 99999999999\r\n\r\n"
    assert server.raw(head).startswith(b"HTTP/1.1 413 ")


def test_idle_and_slow_connections_keep_nobody_else_waiting(server: Server) -> None:
    beginnings = [b"", b"POST /invoc", b"POST /invocations HTTP/1.1\r\nContent-Length: 100\r\n\r\n{"]
    idle = [socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(120)]
    for number, connection in enumerate(idle):
        connection.sendall(beginnings[number % 3])
    assert server.invoke('{"age": 31}').status == 200
    assert server.request("GET", "/ping").status == 200
    for connection in idle:
        connection.close()


def test_many_clients_that_leave_leave_nothing_behind(server: Server) -> None:
    def hasty(_number: int) -> None:
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            head = HEAD + b"Content-Length: 27\r\n\r\n"
            connection.sendall(head + b'{"age": 31, "sleep": 0.002}')

    worker = children(server.process.pid)[0]
    before = len(list(Path(f"/proc/{worker}/fd").iterdir()))
    for each in [in_background(hasty, number) for number in range(300)]:
        each.result()
    wait_until(lambda: server.invoke('{"age": 31}').status == 200)
    wait_until(lambda: len(list(Path(f"/proc/{worker}/fd").iterdir())) <= before + 2)
    assert children(server.process.pid) == [worker]


def test_the_sample_serves_its_requests(tmp_path: Path) -> None:
    image = Image(tmp_path / "program", tmp_path / "ml", {"SHAPEMAKER_SERVE_WORKERS": "1"})
    image.write("runtime.json", '{"model": "modelpkg.model:Model"}')
    (image.program / "modelpkg").symlink_to(ROOT / "modelpkg")
    image.put("input/data/train/salaries.csv", (ROOT / "modelpkg/data/train/salaries.csv").read_bytes())
    image.put("input/config/hyperparameters.json", {"degree": "2"})
    trained = image.run("train")
    assert trained.returncode == 0, trained.stderr
    with image.serving() as server:
        one = server.invoke((ROOT / "modelpkg/requests/one.json").read_bytes())
        assert 46_000 < one.json["output"] < 47_000
        many = server.invoke((ROOT / "modelpkg/requests/many.json").read_bytes())
        assert many.json["predictions"][1] == one.json["output"]
