"""Quick models predict on the event loop, and one that is suddenly slow does not hold it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.runtime import Image, Server, in_background, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODEL = """
import threading, time

class Model:
    def load(self, directory): ...
    def predict(self, age: float, *, sleep: float = 0, spin: float = 0) -> str:
        if sleep or spin:
            print("slow in", threading.current_thread().name, flush=True)
        end = time.monotonic() + spin
        while time.monotonic() < end:
            pass
        if sleep:
            try:
                time.sleep(sleep)
            except Exception:
                pass
        return threading.current_thread().name
"""


@pytest.fixture(params=["fast", "stock"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    image = Image.make(tmp_path_factory.mktemp("quick"), MODEL)
    image.environ |= {"SHAPEMAKER_SERVE_WORKERS": "1", "SHAPEMAKER_SERVE_TIMEOUT": "4"}
    image.environ["SHAPEMAKER_SERVE_SERVER"] = request.param
    with image.serving() as server:
        wait_until(lambda: any(asked(server) == "MainThread" for _ in range(100)))
        yield server


def asked(server: Server, **fields: float) -> str:
    """The thread that has predicted."""
    return str(server.invoke(json.dumps({"age": 1, **fields})).json["output"])


@pytest.mark.parametrize("how", ["sleep", "spin"])
def test_a_prediction_that_is_slow_for_once_goes_on_in_its_thread_and_a_ping_overtakes_it(
    server: Server, how: str
) -> None:
    slow = in_background(lambda: asked(server, **{how: 2.5}))
    wait_until(lambda: "slow in MainThread" in server.log)
    assert server.request("GET", "/ping").status == 200
    assert slow.is_running
    assert slow.result() == "predict"
    assert asked(server) == "predict"  # until it has proved itself again


def test_one_that_never_ends_is_answered_with_504_and_the_next_one_is_not(server: Server) -> None:
    assert server.invoke(json.dumps({"age": 1, "sleep": 3600})).status == 504
    wait_until(lambda: server.invoke('{"age": 1}').status == 200)
    assert "slow in MainThread" in server.log
    assert "slow in predict" in server.log


WRITER = """
import threading, time
import numpy as np

class Model:
    def load(self, directory): ...
    def predict(self, instances: np.ndarray) -> list:
        instances -= 1
        if instances[0, 0] == 30:
            print("slow in", threading.current_thread().name, flush=True)
            time.sleep(1.5)
        return [float(instances[0, 0]), threading.current_thread().name == "MainThread"]
"""


def test_what_is_predicted_again_is_what_was_sent(tmp_path: Path) -> None:
    image = Image.make(tmp_path, WRITER)
    image.environ["SHAPEMAKER_SERVE_WORKERS"] = "1"
    with image.serving() as server:
        wait_until(lambda: any(server.invoke("[[2]]").json["predictions"][1] for _ in range(100)))
        assert server.invoke("[[31]]").json["predictions"] == [30.0, False]
        assert "slow in MainThread" in server.log


IMPORTER = """
class Model:
    def load(self, directory): ...
    def predict(self, age: float) -> str:
        if age > 100:
            import slow_module
            return slow_module.NAME
        import threading
        return threading.current_thread().name
"""


def test_an_import_is_not_interrupted(tmp_path: Path) -> None:
    image = Image.make(tmp_path, IMPORTER)
    image.write("slow_module.py", "import time\nprint('begins', flush=True)\ntime.sleep(1.5)\nNAME = 'imported'\n")
    image.environ["SHAPEMAKER_SERVE_WORKERS"] = "1"
    with image.serving() as server:
        wait_until(lambda: any(asked(server) == "MainThread" for _ in range(100)))
        assert server.invoke('{"age": 101}').json == {"output": "imported"}
        assert server.log.count("begins") == 1


BUSY = """
import threading, time
from sklearn.utils import _openmp_helpers  # brings OpenMP along

class Model:
    example = {"age": 1}
    def load(self, directory):
        threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
    def predict(self, age: float) -> str:
        return threading.current_thread().name
"""


def test_threads_of_others_than_openmp_keep_no_model_off_the_event_loop(tmp_path: Path) -> None:
    image = Image.make(tmp_path, BUSY)
    image.environ["SHAPEMAKER_SERVE_WORKERS"] = "1"
    with image.serving() as server:
        wait_until(lambda: any(asked(server) == "MainThread" for _ in range(100)))
