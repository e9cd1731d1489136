"""How `serve` starts and ends: models that do not load, hang or die, signals, and applications of the user's own."""

from __future__ import annotations

import http.client
import io
import json
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

from tests.support.runtime import MOODY_MODEL, Image, Server, children, in_background, wait_until

both = pytest.mark.parametrize("kind", ["fast", "stock"])


def make(folder: Path, source: str = MOODY_MODEL, kind: str = "fast", **settings: object) -> Image:
    image = Image.make(folder, source, **settings)
    image.environ["SHAPEMAKER_SERVE_SERVER"] = kind
    image.environ["SHAPEMAKER_SERVE_WORKERS"] = "1"
    image.put("model/factor.txt", "2")
    return image


@both
def test_sigterm_lets_open_requests_finish(tmp_path: Path, kind: str) -> None:
    with make(tmp_path, kind=kind).serving() as server:
        slow = in_background(server.invoke, '{"age": 31, "sleep": 1}')
        wait_until(lambda: "sleeps 1" in server.log)
        assert server.stop() == 0
        assert slow.result().json == {"output": 62.0}


@both
def test_a_prediction_that_hangs_is_given_up_and_its_worker_replaced(tmp_path: Path, kind: str) -> None:
    image = make(tmp_path, kind=kind)
    image.environ["SHAPEMAKER_SERVE_TIMEOUT"] = "1"
    with image.serving() as server:
        stuck = in_background(server.invoke, '{"age": 31, "sleep": 3600}')
        wait_until(lambda: "sleeps 3600" in server.log)
        behind = in_background(server.invoke, '{"age": 31}')
        assert (stuck.result().status, stuck.result().json) == (504, {"error": "the model took longer than 1 seconds"})
        assert behind.result().status == 200
        wait_until(lambda: ping(server) == 200)
        assert server.invoke('{"age": 31}').json == {"output": 62.0}
        assert server.process.poll() is None


def ping(server: Server) -> int:
    try:
        return server.request("GET", "/ping").status
    except OSError:
        return 0


CURIOUS = """
import sys

class Model:
    def load(self, directory): ...

    def predict(self, module: str) -> bool:
        return module in sys.modules
"""


def loaded(server: Server, *modules: str) -> list[str]:
    asked = [{"module": module} for module in modules]
    answers = server.invoke(json.dumps({"instances": asked})).json["predictions"]
    return [module for module, is_loaded in zip(modules, answers, strict=True) if is_loaded]


def test_a_start_imports_only_what_serving_needs(tmp_path: Path) -> None:
    with make(tmp_path, CURIOUS).serving() as server:
        dear = ("numpy", "pandas", "pyarrow", "falcon", "fastjsonschema", "urllib.request", "multiprocessing")
        assert loaded(server, *dear) == []
        for path in ("/metrics", "/execution-parameters", "/openapi.json"):
            assert server.request("GET", path).status == 200
        assert loaded(server, *dear) == []
        assert server.request("GET", "/nowhere").json == {"error": "404 Not Found"}
        assert loaded(server, "falcon") == ["falcon"]
        sent = io.BytesIO()
        np.save(sent, np.array([31.0, 40.0]))
        assert server.invoke(sent.getvalue(), "application/x-npy").status == 400  # numbers, where it takes texts
        assert loaded(server, "numpy", "pyarrow") == ["numpy"]


def test_stock_workers_share_the_routes_of_the_master(tmp_path: Path) -> None:
    with make(tmp_path, CURIOUS, "stock").serving() as server:
        assert loaded(server, "falcon", "numpy") == ["falcon"]


@pytest.mark.parametrize(
    ("takes", "is_loaded"),
    [("instances", True), ("instances: 'np.ndarray'", True), ("instances: list", False), ("a: float, b: float", False)],
)
def test_numpy_is_there_before_the_first_request_of_a_model_that_may_need_it(
    tmp_path: Path, takes: str, *, is_loaded: bool
) -> None:
    source = f"""
        import sys

        class Model:
            def load(self, directory): ...

            def predict(self, {takes}):
                return [WAS_THERE]

            def warm_up(self):
                global WAS_THERE
                WAS_THERE = "numpy" in sys.modules
        """
    with make(tmp_path, dedent(source)).serving() as server:
        reply = server.invoke('[{"a": 1, "b": 2}]' if "," in takes else "[[1]]")
        assert (reply.status, b"true" in reply.body) == (200, is_loaded)


@both
def test_a_worker_that_dies_is_replaced(tmp_path: Path, kind: str) -> None:
    with make(tmp_path, kind=kind).serving() as server:
        with pytest.raises((OSError, http.client.HTTPException)):
            server.invoke('{"age": 31, "fail": "kill"}')
        wait_until(lambda: ping(server) == 200)
        assert server.invoke('{"age": 31}').status == 200


@both
def test_without_its_supervisor_nothing_keeps_serving(tmp_path: Path, kind: str) -> None:
    with make(tmp_path, kind=kind).serving() as server:
        workers = children(server.process.pid)
        server.process.kill()
        assert server.process.wait() != 0
        wait_until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))


WARM = MOODY_MODEL.replace("class Model:", 'class Model:\n    example = {"age": 31, "fail": "cold"}')


@pytest.mark.parametrize(
    ("source", "code", "reason"),
    [
        (
            MOODY_MODEL.replace('float((directory / "factor', 'float((directory / "factr'),
            1,
            "FileNotFoundError: [Errno 2] No such",
        ),
        (MOODY_MODEL.replace("self.directory = directory", "raise SystemExit(0)"), 1, "the code called sys.exit(0)"),
        (WARM, 1, "ValueError: cold"),
        (WARM.replace('"age": 31, "fail"', '"fail"'), 2, "Model.example is no instance that predict takes"),
        (MOODY_MODEL + "\nimport nowhere", 1, "ModuleNotFoundError: No module named 'nowhere'"),
        (MOODY_MODEL.replace("def predict", "def predikt"), 2, "usermodel:Model lacks predict()"),
        (
            MOODY_MODEL.replace('(self, age: float, *, sleep: float = 0, spin: float = 0, fail: str = "")', "(self)"),
            2,
            "Model.predict takes no arguments",
        ),
    ],
    ids=range(7),
)
def test_a_model_that_does_not_load_ends_the_container_and_says_why_first(
    tmp_path: Path, source: str, code: int, reason: str
) -> None:
    with make(tmp_path, source).serving(until_ping=False) as server:
        assert server.process.wait(60) == code
        assert server.log.startswith(reason)


def test_sigterm_while_loading_ends_at_once(tmp_path: Path) -> None:
    image = make(
        tmp_path, MOODY_MODEL.replace("self.directory = directory", 'print("loading", flush=True); time.sleep(60)')
    )
    with image.serving(until_ping=False) as server:
        wait_until(lambda: "loading" in server.log)
        assert server.stop() == 143


def test_a_model_in_the_image_needs_no_model_directory(tmp_path: Path) -> None:
    image = make(tmp_path)
    (image.ml / "model" / "factor.txt").unlink()
    (image.ml / "model").rmdir()
    with image.serving() as server:
        assert server.invoke('{"age": 31}').json == {"output": 31.0}


@both
def test_several_workers_share_the_port(tmp_path: Path, kind: str) -> None:
    image = make(tmp_path, kind=kind)
    image.environ["SHAPEMAKER_SERVE_WORKERS"] = "2"
    with image.serving() as server:
        wait_until(lambda: len(children(server.process.pid)) == 2)
        replies = [in_background(server.invoke, '{"age": 31, "sleep": 0.1}') for _ in range(8)]
        assert [each.result().status for each in replies] == [200] * 8


APPS = """
import json

def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"wsgi " + environ["PATH_INFO"].encode() + b" " + environ["wsgi.input"].read()]

async def asgi(scope, receive, send):
    if scope["type"] != "http":
        return
    body = (await receive()).get("body", b"")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"asgi " + body})

async def failing(scope, receive, send):
    assert scope["type"] == "lifespan"
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})
"""


def app_image(folder: Path, serve_app: str) -> Image:
    image = make(folder, "", serve_app=serve_app)
    image.write("myapp/__init__.py", APPS)
    return image


@pytest.mark.parametrize(
    ("serve_app", "answer"),
    [
        ("myapp:wsgi", b"wsgi /invocations hello"),
        ("wsgi:myapp:wsgi", b"wsgi /invocations hello"),
        ("myapp:asgi", b"asgi hello"),
    ],
)
def test_an_application_of_the_users_own_serves(tmp_path: Path, serve_app: str, answer: bytes) -> None:
    with app_image(tmp_path, serve_app).serving() as server:
        assert server.invoke("hello").body == answer
        assert server.stop() == 0


@pytest.mark.parametrize(
    ("serve_app", "code", "reason"),
    [
        ("myapp:nothing", 2, "myapp has no nothing"),
        ("nowhere:app", 1, "ModuleNotFoundError: No module named 'nowhere'"),
        ("myapp:failing", 3, "no database"),
    ],
)
def test_an_application_that_does_not_start_ends_the_container(
    tmp_path: Path, serve_app: str, code: int, reason: str
) -> None:
    with app_image(tmp_path, serve_app).serving(until_ping=False) as server:
        assert server.process.wait(60) == code
        assert reason in server.log
