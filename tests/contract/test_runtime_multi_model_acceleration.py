"""Accelerated models among the many of one server: loaded, refused and let go one by one."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from tests.support.runtime import Image, Reply, Server, wait_until

if TYPE_CHECKING:
    from pathlib import Path

MODEL = """
import pickle
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge

class Model:
    def train(self, *, kind: str = "ridge"):
        rows = np.random.default_rng(0).normal(size=(50, 3))
        self.estimator = {"ridge": Ridge(), "forest": RandomForestRegressor(5, max_depth=4)}[kind]
        self.estimator.fit(rows, rows @ [1, 2, 3])
        self.acceleration_rows = rows

    def save(self, directory: Path):
        (directory / "model.pickle").write_bytes(pickle.dumps(self.estimator))

    def load(self, directory: Path):
        self.estimator = pickle.loads((directory / "model.pickle").read_bytes())
        if (directory.parent / "heavy").exists():
            self.estimator.ballast = bytearray(b"x") * (200 << 20)

    def predict(self, instances: np.ndarray):
        return self.estimator.predict(instances)
"""
ROWS = [[1, 2, 3], [0, 0.5, -7]]


def train(image: Image, name: str, kind: str, accelerate: str = "builtin") -> None:
    """A model of its own below models/."""
    image.environ["SHAPEMAKER_ACCELERATE"] = accelerate
    image.put("input/config/hyperparameters.json", {"kind": kind})
    done = image.run("train")
    assert done.returncode == 0, done.stderr
    (image.ml / "models" / name).mkdir(parents=True)
    shutil.move(image.ml / "model", image.ml / "models" / name / "model")


@pytest.fixture
def image(tmp_path: Path) -> Image:
    """Two accelerated models and a plain one."""
    made = Image.make(tmp_path, dedent(MODEL))
    train(made, "plain", "ridge", accelerate="")
    train(made, "ridge", "ridge")
    train(made, "forest", "forest")
    made.environ |= {"SAGEMAKER_MULTI_MODEL": "true", "SHAPEMAKER_SERVE_RESERVE_MB": "1"}
    return made


def load(server: Server, name: str) -> Reply:
    wanted = {"model_name": name, "url": f"/opt/ml/models/{name}/model"}
    return server.request("POST", "/models", json.dumps(wanted))


def ask(server: Server, name: str) -> Reply:
    body = json.dumps({"instances": ROWS})
    return server.request("POST", f"/models/{name}/invoke", body, {"Content-Type": "application/json"})


def known(image: Image, name: str) -> list[float]:
    """What scikit-learn itself answers."""
    data = (image.ml / "models" / name / "model" / "model.pickle").read_bytes()
    answers: list[float] = pickle.loads(data).predict(ROWS).tolist()  # noqa: S301 - the test's own
    return answers


def test_accelerated_and_plain_models_answer_beside_each_other(image: Image) -> None:
    image.environ["SHAPEMAKER_ACCELERATE_FALLBACK"] = "true"
    with image.serving() as server:
        assert [load(server, name).status for name in ("ridge", "plain", "forest")] == [200, 200, 200]
        for name in ("ridge", "plain", "forest"):
            assert ask(server, name).json["predictions"] == pytest.approx(known(image, name))
        wait_until(lambda: server.log.count("estimator is accelerated: ") == 2)
        assert server.log.count("the model is served without acceleration: ") == 1


@pytest.mark.parametrize("server_kind", ["fast", "stock"])
def test_a_model_that_is_not_what_was_verified_is_refused_and_the_others_serve_on(
    image: Image, server_kind: str
) -> None:
    image.environ["SHAPEMAKER_SERVE_SERVER"] = server_kind
    tampered = image.ml / "models" / "forest" / "model" / "model.pickle"
    tampered.write_bytes(tampered.read_bytes() + b" ")
    with image.serving() as server:
        workers = server.workers()
        assert load(server, "ridge").status == 200
        for name, reason in (("forest", "are not those of acceleration.json"), ("plain", "trained without accelerate")):
            reply = load(server, name)
            assert reply.status == 500, "507 would have SageMaker unload the others"
            assert reason in reply.json["error"]
            wait_until(lambda reason=reason: reason in server.log)
            assert (ask(server, name).status, server.request("GET", f"/models/{name}").status) == (404, 404)
        assert "Traceback" not in server.log
        assert ask(server, "ridge").json["predictions"] == pytest.approx(known(image, "ridge"))
        assert [each["modelName"] for each in server.request("GET", "/models").json["models"]] == ["ridge"]
        assert server.workers() == workers


def test_an_accelerated_model_that_is_unloaded_is_gone(image: Image) -> None:
    (image.ml / "models" / "forest" / "heavy").touch()
    with image.serving() as server:
        (worker,) = server.workers()

        def resident() -> int:
            with open(f"/proc/{worker}/statm") as file:  # noqa: PTH123 - of /proc
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20

        assert load(server, "ridge").status == 200
        assert load(server, "forest").status == 200
        assert ask(server, "forest").status == 200
        loaded = resident()
        assert server.request("DELETE", "/models/forest").status == 200
        assert ask(server, "forest").status == 404
        assert ask(server, "ridge").json["predictions"] == pytest.approx(known(image, "ridge"))
        assert load(server, "plain").status == 500  # gives back what unloaded models had
        wait_until(lambda: resident() < loaded - 150, lambda: f"{resident()} of {loaded} MB")
