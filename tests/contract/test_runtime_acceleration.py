"""Acceleration from a training job to the answers of a server, and every way in which it must not happen silently."""

from __future__ import annotations

import json
import pickle
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.runtime import Image

if TYPE_CHECKING:
    from pathlib import Path

MODEL = """
import pickle
import numpy as np
from pathlib import Path
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

class Model:
    def train(self, *, kind: str = "ridge"):
        rows = np.random.default_rng(0).normal(size=(50, 3))
        kinds = {"ridge": Ridge(), "clusters": KMeans(2, n_init=1), "forest": RandomForestRegressor(5, max_depth=4)}
        last = kinds[kind]
        self.estimator = make_pipeline(StandardScaler(), last).fit(rows, rows @ [1, 2, 3])
        self.acceleration_rows = rows

    def save(self, directory: Path):
        (directory / "model.pickle").write_bytes(pickle.dumps(self.estimator))

    def load(self, directory: Path):
        self.estimator = pickle.loads((directory / "model.pickle").read_bytes())

    def predict(self, instances: np.ndarray):
        return self.estimator.predict(instances)

    def evaluate(self):
        return {}
"""


def trained(folder: Path, **environ: str) -> Image:
    made = Image.make(folder, dedent(MODEL))
    made.environ |= {"SHAPEMAKER_ACCELERATE": "builtin", **environ}
    return made


def report(made: Image) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((made.ml / "model" / "acceleration.json").read_text())
    return document


def reason(made: Image) -> str:
    return (made.ml / "output" / "failure").read_text()


def test_a_model_is_accelerated_from_training_to_serving(tmp_path: Path) -> None:
    made = trained(tmp_path)
    done = made.run("train")
    assert done.returncode == 0, done.stderr
    assert "estimator is accelerated" in done.stdout
    found = report(made)["estimators"]["estimator"]
    assert found["rows"] > 50
    assert found["largest_difference"] <= 1e-9
    assert found["seconds"].keys() == {"1", "64"}
    estimator = pickle.loads((made.ml / "model" / "model.pickle").read_bytes())  # noqa: S301 - the test's own
    with made.serving() as server:
        reply = server.invoke('{"instances": [[1, 2, 3], [0, 0.5, -7]]}')
        assert reply.json["predictions"] == pytest.approx(estimator.predict([[1, 2, 3], [0, 0.5, -7]]).tolist())
        assert "estimator is accelerated: a product with weights" in server.log


def test_without_the_setting_nothing_is_added(tmp_path: Path) -> None:
    made = trained(tmp_path, SHAPEMAKER_ACCELERATE="")
    assert made.run("train").returncode == 0
    assert [each.name for each in (made.ml / "model").iterdir()] == ["model.pickle"]
    with made.serving() as server:
        assert "accelerated" not in server.log


def test_what_cannot_be_accelerated_fails_the_training_job(tmp_path: Path) -> None:
    made = trained(tmp_path)
    made.put("input/config/hyperparameters.json", {"kind": "clusters"})
    assert made.run("train").returncode == 2
    assert "estimator: a KMeans has no built-in accelerator. With fallback: true" in reason(made)


def test_a_tolerance_that_is_exceeded_fails_the_training_job(tmp_path: Path) -> None:
    made = trained(tmp_path, SHAPEMAKER_ACCELERATE_TOLERANCE="0")
    assert made.run("train").returncode == 2
    assert "the tolerance is 0" in reason(made)


def test_a_fallback_is_told_at_every_start_and_only_if_allowed(tmp_path: Path) -> None:
    made = trained(tmp_path, SHAPEMAKER_ACCELERATE_FALLBACK="true")
    made.put("input/config/hyperparameters.json", {"kind": "clusters"})
    done = made.run("train")
    assert done.returncode == 0, done.stderr
    assert "it is served without" in done.stderr
    with made.serving() as server:
        assert "estimator is served without acceleration: serve.accelerate: builtin does not do" in server.log
    made.environ["SHAPEMAKER_ACCELERATE_FALLBACK"] = ""
    refused = made.run("serve")
    assert refused.returncode == 2
    assert "was trained to be served without" in refused.stderr


def test_no_attribute_of_that_name_fails_the_training_job(tmp_path: Path) -> None:
    made = trained(tmp_path, SHAPEMAKER_ACCELERATE_ATTRIBUTE="estimater")
    assert made.run("train").returncode == 2
    assert "no attribute estimater; it has: estimator" in reason(made)


def test_serving_refuses_a_model_that_was_trained_without(tmp_path: Path) -> None:
    made = trained(tmp_path, SHAPEMAKER_ACCELERATE="")
    assert made.run("train").returncode == 0
    made.environ["SHAPEMAKER_ACCELERATE"] = "builtin"
    refused = made.run("serve")
    assert refused.returncode == 2
    assert "trained without accelerate: builtin; train it again" in refused.stderr
    made.environ["SHAPEMAKER_ACCELERATE_FALLBACK"] = "true"
    with made.serving() as server:
        assert "served without acceleration" in server.log


def test_serving_refuses_artifacts_that_are_not_those_that_were_verified(tmp_path: Path) -> None:
    made = trained(tmp_path)
    assert made.run("train").returncode == 0
    with (made.ml / "model" / "model.pickle").open("ab") as stream:
        stream.write(b" ")
    refused = made.run("serve")
    assert refused.returncode == 2
    assert "are not those of acceleration.json" in refused.stderr


def test_serving_refuses_another_scikit_learn_than_the_model_was_verified_with(tmp_path: Path) -> None:
    made = trained(tmp_path)
    assert made.run("train").returncode == 0
    document = report(made)
    document["versions"]["scikit-learn"] = "0.1"
    (made.ml / "model" / "acceleration.json").write_text(json.dumps(document))
    refused = made.run("serve")
    assert refused.returncode == 2
    assert "verified with scikit-learn 0.1, and this image has" in refused.stderr
    assert "pin scikit-learn==0.1 in the requirements" in refused.stderr
    made.environ["SHAPEMAKER_ACCELERATE_FALLBACK"] = "true"
    with made.serving() as server:
        assert "served without acceleration: the model was verified with" in server.log


def test_an_accelerator_whose_packages_are_not_there_names_them(tmp_path: Path) -> None:
    made = trained(tmp_path, SHAPEMAKER_ACCELERATE="onnx")
    made.write("skl2onnx.py", "raise ImportError('No module named skl2onnx')")
    assert made.run("train").returncode == 2
    assert "onnx needs skl2onnx in the training image" in reason(made)


def forest(folder: Path, **environ: str) -> Image:
    made = trained(folder, SHAPEMAKER_ACCELERATE="compiled", **environ)
    made.put("input/config/hyperparameters.json", {"kind": "forest"})
    return made


def test_trees_are_compiled_in_training_and_served_without_a_compiler(tmp_path: Path) -> None:
    made = forest(tmp_path)
    done = made.run("train")
    assert done.returncode == 0, done.stderr
    assert "estimator is accelerated (compiled trees)" in done.stdout
    assert report(made)["estimators"]["estimator"]["largest_difference"] <= 1e-9
    assert {"treelite", "tl2cgen"} <= report(made)["versions"].keys()
    estimator = pickle.loads((made.ml / "model" / "model.pickle").read_bytes())  # noqa: S301 - the test's own
    made.environ["PATH"] = str(tmp_path / "nothing")
    for module in ("treelite", "tl2cgen"):
        made.write(f"{module}.py", "raise ImportError")
    with made.serving() as server:
        reply = server.invoke('{"instances": [[1, 2, 3], [0, 0.5, -7]]}')
        assert reply.json["predictions"] == pytest.approx(estimator.predict([[1, 2, 3], [0, 0.5, -7]]).tolist())
        assert "estimator is accelerated: compiled trees" in server.log

    (library,) = (made.ml / "model" / "acceleration").iterdir()
    library.write_bytes(library.read_bytes()[:5000])
    refused = made.run("serve")
    assert refused.returncode == 2
    assert "are not those of acceleration.json" in refused.stderr


def test_without_a_compiler_training_says_where_it_belongs(tmp_path: Path) -> None:
    made = forest(tmp_path, PATH=str(tmp_path / "nothing"))
    assert made.run("train").returncode == 2
    assert "there is no C compiler" in reason(made)
    assert "gcc and libc6-dev" in reason(made)


@pytest.mark.parametrize(
    ("name", "value"),
    [("SHAPEMAKER_ACCELERATE", "magic"), ("SHAPEMAKER_ACCELERATE_TOLERANCE", "-1")],
)
def test_a_setting_that_cannot_be_is_named(tmp_path: Path, name: str, value: str) -> None:
    made = trained(tmp_path, **{name: value})
    refused = made.run("train")
    assert refused.returncode == 2
    assert name in refused.stderr
