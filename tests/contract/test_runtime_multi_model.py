"""The multi-model API, as SageMaker drives it: load, list, ask, unload, and what happens when the memory is short."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.runtime import MOODY_MODEL, Image, Reply, Server, in_background, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVERS = ("fast", "stock")


def make(folder: Path, server: str = "fast", source: str = MOODY_MODEL) -> Image:
    image = Image.make(folder, source)
    image.environ |= {"SAGEMAKER_MULTI_MODEL": "true", "SHAPEMAKER_SERVE_SERVER": server}
    image.environ["SHAPEMAKER_SERVE_RESERVE_MB"] = "1"
    for factor in range(1, 8):
        image.put(f"models/m{factor}/model/factor.txt", str(factor))
    return image


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Each test loads models of its own."""
    image = make(tmp_path_factory.mktemp("multi"), request.param)
    with image.serving() as running:
        yield running


def base(server: Server) -> Path:
    return server.log_file.parent


def load(server: Server, name: str) -> Reply:
    url = base(server) / "models" / name / "model"
    return server.request("POST", "/models", json.dumps({"model_name": name, "url": str(url)}))


def ask(server: Server, name: str, body: str = '{"age": 10}') -> Reply:
    return server.request("POST", f"/models/{name}/invoke", body, {"Content-Type": "application/json"})


def test_it_is_healthy_before_it_has_a_model(server: Server) -> None:
    assert server.request("GET", "/ping").status == 200


def test_each_model_answers_by_its_name(server: Server) -> None:
    for name in ("m1", "m2"):
        server.request("DELETE", f"/models/{name}")  # another test may have loaded it
        assert load(server, name).json == {
            "modelName": name,
            "modelUrl": str(base(server) / "models" / name / "model"),
        }
    assert [ask(server, name).json for name in ("m1", "m2")] == [{"output": 10.0}, {"output": 20.0}]
    assert ask(server, "m2", '{"instances": [[1], [2]]}').json == {"predictions": [2.0, 4.0]}


def test_a_loaded_model_is_not_loaded_twice(server: Server) -> None:
    assert [load(server, "m3").status for _ in range(2)] == [200, 409]
    assert ask(server, "m3").status == 200


def test_an_unloaded_model_is_gone_and_can_come_back(server: Server) -> None:
    assert load(server, "m4").status == 200
    assert server.request("GET", "/models/m4").json["modelName"] == "m4"
    assert server.request("DELETE", "/models/m4").status == 200
    assert ask(server, "m4").status == 404
    assert server.request("GET", "/models/m4").status == 404
    assert server.request("DELETE", "/models/m4").status == 404
    assert load(server, "m4").status == 200
    assert ask(server, "m4").json == {"output": 40.0}


def test_models_are_listed_in_pages(server: Server) -> None:
    for name in ("m5", "m6", "m7"):
        load(server, name)
    listed: list[str] = []
    token = ""
    while True:
        page = server.request("GET", f"/models?page_size=2&next_page_token={token}").json
        assert 0 < len(page["models"]) <= 2
        listed += [each["modelName"] for each in page["models"]]
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert listed == sorted(listed)
    assert {"m5", "m6", "m7"} <= set(listed)
    assert server.request("GET", "/models?page_size=0").status == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ("[]", 400),
        ('{"model_name": "x"}', 400),
        ('{"model_name": "", "url": "x"}', 400),
        ('{"model_name": 1, "url": "x"}', 400),
        ('{"model_name": "x", "url": "/etc"}', 400),
        ('{"model_name": "x", "url": "../../.."}', 400),
        ("[" * 100_000, 400),
    ],
)
def test_what_names_no_model_of_ours_is_refused(server: Server, body: str, status: int) -> None:
    reply = server.request("POST", "/models", body)
    assert (reply.status, list(reply.json)) == (status, ["error"])


def test_a_place_where_nothing_is_is_not_found(server: Server) -> None:
    assert load(server, "nothing").status == 404


def test_invocations_without_a_model_say_where_to_ask(server: Server) -> None:
    reply = server.invoke('{"age": 31}')
    assert (reply.status, reply.json) == (404, {"error": "this is a multi-model endpoint: POST /models/{name}/invoke"})


def test_errors_of_a_request_are_those_of_any_endpoint(server: Server) -> None:
    load(server, "m1")
    assert ask(server, "m1", "{").status == 400
    assert ask(server, "m1", '{"age": 1, "fail": "x"}').status == 500
    assert ask(server, "m1", '{"age": 1, "fail": "unfit"}').status == 422
    assert ask(server, "m1").status == 200


def test_a_slow_model_keeps_only_its_own_callers_waiting(server: Server) -> None:
    load(server, "m1")
    load(server, "m2")
    slow = in_background(ask, server, "m1", '{"age": 1, "sleep": 2}')
    wait_until(lambda: "sleeps" in server.log)
    while slow.is_running:
        assert ask(server, "m2").status == 200
        assert server.request("GET", "/ping").status == 200
    assert slow.result().json == {"output": 1.0}


def test_what_was_asked_before_unloading_is_answered(tmp_path: Path) -> None:
    with make(tmp_path).serving() as server:
        load(server, "m2")
        asked = [in_background(ask, server, "m2", '{"age": 1, "sleep": 1}') for _ in range(3)]
        wait_until(lambda: "sleeps" in server.log)
        assert server.request("DELETE", "/models/m2").status == 200
        assert ask(server, "m2").status == 404
        assert {each.result().status for each in asked} <= {200, 404}
        assert asked[0].result().status == 200 or any(each.result().status == 200 for each in asked)


def test_a_model_that_does_not_fit_gets_507_and_leaves_the_others(tmp_path: Path) -> None:
    image = make(tmp_path)
    # Nothing is written: what counts is what the files would be in memory.
    with (image.ml / "models" / "m7" / "model" / "weights").open("wb") as file:
        file.truncate(1 << 43)
    with image.serving() as server:
        assert load(server, "m1").status == 200
        reply = load(server, "m7")
        assert (reply.status, list(reply.json)) == (507, ["error"])
        assert [ask(server, "m7").status, ask(server, "m1").status] == [404, 200]
        assert server.request("GET", "/models/m7").status == 404


def test_a_model_that_would_leave_too_little_is_let_go_again(tmp_path: Path) -> None:
    image = make(tmp_path)
    image.environ["SHAPEMAKER_SERVE_RESERVE_MB"] = "900000000"
    with image.serving() as server:
        assert load(server, "m1").status == 507
        assert server.request("GET", "/models").json == {"models": []}


BROKEN = """
import os
class Model:
    def load(self, directory):
        name = (directory / "factor.txt").read_text()
        if name == "1": raise ValueError("broken weights")
        if name == "2": raise SystemExit(3)
        if name == "3": raise MemoryError
    def predict(self, instances): return [1 for _ in instances]
"""


def test_a_model_that_cannot_be_loaded_ends_nobody(tmp_path: Path) -> None:
    with make(tmp_path, source=BROKEN).serving() as server:
        workers = server.workers()
        assert [load(server, f"m{number}").status for number in (1, 2, 3, 4)] == [500, 500, 507, 200]
        wait_until(lambda: "broken weights" in server.log)
        assert ask(server, "m4", "[[1]]").status == 200
        assert server.workers() == workers


def test_a_new_worker_goes_on_with_the_models_of_the_one_before(tmp_path: Path) -> None:
    with make(tmp_path).serving() as server:
        load(server, "m2")
        load(server, "m3")
        server.request("DELETE", "/models/m2")
        (before,) = server.workers()
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: server.workers() not in ([], [before]))
        server.wait_for_ping()
        assert ask(server, "m3").json == {"output": 30.0}
        assert ask(server, "m2").status == 404


def test_unloading_gives_the_memory_back(tmp_path: Path) -> None:
    source = """
class Model:
    def load(self, directory): self.weights = bytearray(b"x") * (200 << 20)
    def predict(self, instances): return [len(self.weights) for _ in instances]
"""
    with make(tmp_path, source=source).serving() as server:
        (worker,) = server.workers()

        def resident() -> int:
            with open(f"/proc/{worker}/statm") as file:  # noqa: PTH123 - of /proc
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20

        empty = resident()
        for _ in range(3):
            assert load(server, "m1").status == 200
            assert ask(server, "m1", "[[1]]").status == 200
            assert resident() > empty + 180
            assert server.request("DELETE", "/models/m1").status == 200
        wait_until(lambda: resident() < empty + 60)
