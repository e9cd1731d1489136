"""A request to a serving container, its frames when streamed, and who gets it."""

from __future__ import annotations

import http.server
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from botocore.eventstream import EventStreamBuffer

from shapemaker_action.local.sagemaker import eventstream, runtime, runtime_errors
from shapemaker_action.local.sagemaker.fleet import Fleet
from shapemaker_action.local.sagemaker.instance import Instance, Site
from shapemaker_action.local.sagemaker.invocation import (
    BrokenError,
    Exchange,
    Invocation,
    RefusedConnectionError,
    TimedOutError,
)
from shapemaker_action.local.sagemaker.router import NoInstanceError, NoSuchVariantError, Router, Share
from shapemaker_action.local.sagemaker.store import Key, Record
from shapemaker_action.local.sagemaker.variant import Variant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Container(http.server.BaseHTTPRequestHandler):
    """Answers as the request's body says."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(self.server.ping)  # type: ignore[attr-defined]
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if body == b"sleep":
            time.sleep(1)
        if body == b"drip":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for _ in range(20):
                self.wfile.write(b"1\r\nx\r\n")
                time.sleep(0.05)
        self.send_response(200)
        self.send_header("Content-Length", "5" if body == b"cut" else "2")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"ok")
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    """Says nothing about clients that leave early."""

    ping = 200

    def handle_error(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), Container)
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def variant(name: str, weight: float = 1.0) -> Variant:
    config = {
        "VariantName": name,
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
        "InitialVariantWeight": weight,
    }
    return Variant.of(config, {"Image": "i"}, "i@sha256:0", 1.0)


def instance(server: Server | None, name: str = "A") -> Instance:
    made = Instance(no_site(), variant(name))
    made.host, made.port = "127.0.0.1", server.server_address[1] if server else 1
    return made


def no_site() -> Site:
    """Of an instance whose container is not started by itself."""
    return None  # type: ignore[return-value]


def ask(body: bytes, seconds: float = 5.0) -> Invocation:
    return Invocation(body=body, headers={}, variant="", seconds=seconds)


def test_an_answer_is_read_to_its_end(server: Server) -> None:
    exchange = Exchange(instance(server), ask(b"x"))
    assert (exchange.status, exchange.read_all()) == (200, b"ok")
    exchange.close()


# 91
def test_an_answer_that_takes_too_long_is_given_up(server: Server) -> None:
    with pytest.raises(TimedOutError):
        Exchange(instance(server), ask(b"sleep", seconds=0.2))
    dripping = Exchange(instance(server), ask(b"drip", seconds=0.2))
    with pytest.raises(TimedOutError):
        dripping.read_all()
    dripping.close()
    assert runtime.SECONDS == 60
    record = Record(
        kind="endpoint",
        region="eu-west-1",
        name="e",
        arn="arn:aws:sagemaker:eu-west-1:000000000000:endpoint/e",
        created=0,
        modified=0,
        request={},
    )
    error = runtime_errors.timed_out(record)
    assert (error.code, error.status, error.fields["OriginalStatusCode"]) == ("ModelError", 424, 0)
    assert error.message == (
        'Received server error (0) from primary with message "Your invocation timed out while waiting for a response '
        "from container primary. Review the latency metrics for each container in Amazon CloudWatch, resolve the "
        'issue, and try again."'
    )


def test_an_answer_shorter_than_announced_is_broken(server: Server) -> None:
    exchange = Exchange(instance(server), ask(b"cut"))
    with pytest.raises(BrokenError):
        exchange.read_all()
    exchange.close()


def test_a_container_that_takes_no_connection_has_not_seen_the_request() -> None:
    with pytest.raises(RefusedConnectionError):
        Exchange(instance(None), ask(b"x"))


# 78
def test_health_is_awaited_no_longer_than_allowed(server: Server) -> None:
    server.ping = 503
    sick = instance(server)
    assert not sick.await_health(0.2)
    assert not sick.ready
    server.ping = 200
    assert sick.await_health(5.0)
    assert sick.ready


def test_nobody_waits_for_a_container_that_has_ended() -> None:
    ended = instance(None)
    ended.ended.set()
    assert not ended.await_health(3600.0)


def fleet(tmp_path: Path, *variants: Variant, ready: int = 1, generation: str = "g") -> Fleet:
    site = Site(world=None, region="r", endpoint="e", labels={}, directory=tmp_path)  # type: ignore[arg-type]
    made = Fleet(site, Key("endpoint", "r", "e"), generation, variants)
    for each in variants:
        made.join(each.name, [instance(None, each.name) for _ in range(ready)])
    for joined in made.all():
        joined.ready = True
    return made


def shares(router: Router, number: int) -> Counter[str]:
    counted: Counter[str] = Counter()
    for _ in range(number):
        taken = router.acquire()
        counted[taken.variant.name] += 1
        router.release(taken)
    return counted


# 86
def test_weights_share_requests_out_exactly(tmp_path: Path) -> None:
    router = Router()
    router.route(Share(fleet(tmp_path, variant("A", 1), variant("B", 3)), 1.0))
    assert shares(router, 40) == {"A": 10, "B": 30}


def test_a_canary_gets_its_share(tmp_path: Path) -> None:
    router = Router()
    old = fleet(tmp_path, variant("old"), generation="1")
    new = fleet(tmp_path, variant("new"), generation="2")
    router.route(Share(new, 0.25), Share(old, 0.75))
    assert shares(router, 40) == {"new": 10, "old": 30}
    router.route(Share(new, 1.0), Share(old, 0.0))
    assert shares(router, 5) == {"new": 5}


def test_weights_of_zero_share_evenly_and_a_target_needs_no_weight(tmp_path: Path) -> None:
    router = Router()
    router.route(Share(fleet(tmp_path, variant("A", 0), variant("B", 0)), 1.0))
    assert shares(router, 10) == {"A": 5, "B": 5}
    router.route(Share(fleet(tmp_path, variant("A", 1), variant("B", 0)), 1.0))
    assert shares(router, 10) == {"A": 10}
    assert router.acquire("B").variant.name == "B"
    with pytest.raises(NoSuchVariantError):
        router.acquire("C")


def test_the_least_busy_instance_comes_next(tmp_path: Path) -> None:
    router = Router()
    router.route(Share(fleet(tmp_path, variant("A"), ready=3), 1.0))
    taken = [router.acquire() for _ in range(3)]
    assert len({each.id for each in taken}) == 3
    router.release(taken[1])
    assert router.acquire() is taken[1]


def test_instances_that_are_not_ready_or_have_just_failed_are_passed_over(tmp_path: Path) -> None:
    router = Router()
    made = fleet(tmp_path, variant("A"), ready=2)
    router.route(Share(made, 1.0))
    first, second = made.all()
    assert router.acquire(avoid=[first.id]) is second
    first.ready = second.ready = False
    with pytest.raises(NoInstanceError):
        router.acquire()


def test_draining_waits_for_the_last_answer(tmp_path: Path) -> None:
    router = Router()
    made = fleet(tmp_path, variant("A"))
    router.route(Share(made, 1.0))
    taken = router.acquire()
    done = threading.Event()

    def drain() -> None:
        router.drain(made.all(), 30.0)
        done.set()

    thread = threading.Thread(target=drain)
    thread.start()
    assert not done.wait(0.1)
    router.release(taken)
    assert done.wait(10)
    thread.join()


def test_an_instance_that_dies_is_told_at_once_and_a_sick_one_gets_no_requests() -> None:
    lost: list[Instance] = []
    dying = instance(None)
    dying.ready = True
    dying.doubt()
    assert not dying.ready
    told = threading.Event()

    def tell(which: Instance) -> None:
        lost.append(which)
        told.set()

    dying.watch(tell)
    dying.end()
    assert told.wait(10)
    assert lost == [dying]


# 94
def test_a_stream_that_takes_too_long_says_so(server: Server, tmp_path: Path) -> None:
    router = Router()
    router.route(Share(fleet(tmp_path, variant("A")), 1.0))
    taken = router.acquire()
    taken.port = server.server_address[1]
    frames = runtime.Frames(router, taken, Exchange(taken, ask(b"drip", seconds=0.2)))
    *parts, last = events(*frames)
    assert {part["body"] for part in parts} <= {b"x", b"xx"}
    assert last["headers"][":exception-type"] == "ModelStreamError"
    assert b"ModelInvocationTimeExceeded" in last["body"]
    assert taken.in_flight == 0
    frames.close()
    assert taken.in_flight == 0


def events(*frames: bytes) -> list[dict[str, Any]]:
    buffer = EventStreamBuffer()
    for frame in frames:
        buffer.add_data(frame)
    return [event.to_response_dict() for event in buffer]


# 94
def test_frames_are_what_clients_parse() -> None:
    part, error = events(
        eventstream.payload_part(b"\x00data"), eventstream.exception("ModelStreamError", "broke", "StreamBroken")
    )
    assert part["body"] == b"\x00data"
    assert part["headers"][":event-type"] == "PayloadPart"
    assert error["headers"][":exception-type"] == "ModelStreamError"
    assert b'"ErrorCode": "StreamBroken"' in error["body"]
