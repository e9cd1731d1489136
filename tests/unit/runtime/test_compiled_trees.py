"""Compiled trees: the same predictions as scikit-learn, bounded compiling, and libraries that are none."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from shapemaker_runtime.acceleration import accelerators, compiling, place, preparing, rows, verify
from shapemaker_runtime.acceleration.kernel import UnsupportedError
from shapemaker_runtime.errors import SetupError
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeRegressor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shapemaker_runtime.acceleration.kernel import Kernel

FEATURES = 5
FOREST = RandomForestRegressor(3, max_depth=3, random_state=0)
REGRESSORS: dict[str, Any] = {
    "forest": make_pipeline(StandardScaler(), FOREST),
    "histograms of counts": make_pipeline(
        PolynomialFeatures(2), HistGradientBoostingRegressor(loss="poisson", max_iter=5)
    ),
}
CLASSIFIERS: dict[str, Any] = {
    "extra trees": ExtraTreesClassifier(3, max_depth=3, random_state=0),
    "boosting": GradientBoostingClassifier(n_estimators=3, random_state=0),
    "histograms": HistGradientBoostingClassifier(max_iter=5),
}


@pytest.fixture(autouse=True)
def _no_advice() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def table() -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    inputs = random.normal(3, 2, (200, FEATURES))
    return inputs, np.abs(inputs @ random.normal(size=FEATURES))


def agrees(estimator: Any, directory: Path) -> Kernel:
    """The kernel, after it has been compared on everything that a job would compare it on."""
    kernel = preparing.prepare("compiled", estimator, directory, "model")
    quick = place.accelerated(estimator, kernel)
    samples = rows.samples(estimator, kernel, None)
    assert verify.largest_difference(estimator, quick, kernel, samples, 1e-12) >= 0
    assert kernel.methods["predict"](samples[0]) is not None
    return kernel


@pytest.mark.parametrize("name", REGRESSORS)
def test_a_regressor_predicts_the_same(name: str, tmp_path: Path) -> None:
    agrees(REGRESSORS[name].fit(*table()), tmp_path)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_predicts_the_same_classes_and_chances(name: str, classes: int, tmp_path: Path) -> None:
    inputs, targets = table()
    labels = np.array(["low", "mid", "top"])[np.minimum(targets.astype(int) // 2, classes - 1)]
    assert "predict_proba" in agrees(CLASSIFIERS[name].fit(inputs, labels), tmp_path).methods


@pytest.mark.parametrize("estimator", [FOREST, HistGradientBoostingRegressor(max_iter=5)])
def test_missing_values_go_where_training_saw_them_go(estimator: Any, tmp_path: Path) -> None:
    inputs, targets = table()
    inputs[np.random.default_rng(1).random(inputs.shape) < 0.2] = np.nan
    assert agrees(estimator.fit(inputs, targets), tmp_path).allows_missing


def test_several_outputs_stay_several(tmp_path: Path) -> None:
    inputs, targets = table()
    kernel = agrees(FOREST.fit(inputs, np.stack([targets, -targets, targets**2], axis=1)), tmp_path)
    assert kernel.methods["predict"](inputs[:4]).shape == (4, 3)  # type: ignore[union-attr]


def test_a_number_just_below_a_short_one_is_not_taken_for_missing(tmp_path: Path) -> None:
    inputs, targets = table()
    whole = np.rint(inputs)
    whole[::5, 0] = np.nan
    estimator = HistGradientBoostingRegressor(max_iter=5).fit(whole, targets)
    kernel = agrees(estimator, tmp_path)
    below = np.nextafter(np.rint(inputs), -np.inf)
    got: Any = kernel.methods["predict"](below)
    np.testing.assert_allclose(got, estimator.predict(below))


def test_what_begins_with_nothing_takes_what_comes_next(tmp_path: Path) -> None:
    agrees(make_pipeline("passthrough", FOREST).fit(*table()), tmp_path)


@pytest.mark.parametrize("missing", [False, True])
def test_a_library_that_is_off_somewhere_is_refused(tmp_path: Path, *, missing: bool) -> None:
    inputs, targets = table()
    inputs[::5, 0] = np.nan
    estimator = HistGradientBoostingRegressor(max_iter=5).fit(inputs, targets)
    kernel = agrees(estimator, tmp_path)
    samples = rows.samples(estimator, kernel, None)
    right = kernel.methods["predict"]

    def predict(asked: Any) -> Any:
        answer: Any = right(asked)
        return answer + (np.isnan(asked[:, 0]) if missing else (asked == samples[0][1111]).all(axis=1))

    wrong = replace(kernel, methods={"predict": predict})
    with pytest.raises(verify.DisagreementError, match="predict differs"):
        verify.largest_difference(estimator, place.accelerated(estimator, wrong), wrong, samples, 1e-3)


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (Ridge(), "a Ridge has no trees to compile"),
        (DecisionTreeRegressor(), "treelite cannot read it: .*DecisionTreeRegressor"),
        (HistGradientBoostingRegressor(max_iter=2, categorical_features=[0]), "categorical"),
    ],
)
def test_what_cannot_be_compiled_says_why(estimator: Any, reason: str, tmp_path: Path) -> None:
    inputs, targets = table()
    inputs[:, 0] = np.rint(np.abs(inputs[:, 0]))
    with pytest.raises(UnsupportedError, match=reason):
        preparing.prepare("compiled", estimator.fit(inputs, targets), tmp_path, "model")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("limit", "reason"), [({"nodes": 9}, "nodes, and more than 9"), ({"seconds": 0}, "too long")])
def test_compiling_is_bounded(limit: dict[str, int], reason: str, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=reason):
        compiling.library(FOREST.fit(*table()), tmp_path / "model", **limit)


def test_a_compiler_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = tmp_path / "compiler"
    compiler.write_text("#!/bin/sh\necho 'x.c:1: fatal error: stdio.h: No such file' >&2\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CC", str(compiler))
    with pytest.raises(UnsupportedError, match=r"libc6-dev.* installed\?\): .*stdio.h: No such file"):
        compiling.library(FOREST.fit(*table()), tmp_path / "model")


def test_libraries_that_are_none_are_refused_with_a_remedy(tmp_path: Path) -> None:
    forest = FOREST.fit(*table())
    agrees(forest, tmp_path)
    (file,) = (tmp_path / "acceleration").iterdir()
    wider = RandomForestRegressor(1).fit(np.ones((3, FEATURES + 1)), [1, 2, 3])
    with pytest.raises(SetupError, match=r"takes 5 features, and not 6; train the model again"):
        accelerators.kernel("compiled", wider, tmp_path, "model")
    for content in (b"", b"MZ not ours", file.read_bytes()[:100]):
        (file.parent / "text-1.so").write_bytes(content)
        with pytest.raises(SetupError, match=r"cannot be loaded on this \w+: .*; train the model again"):
            accelerators.kernel("compiled", forest, tmp_path, "text")
    with pytest.raises(SetupError, match="no compiled trees of other; train the model again"):
        accelerators.kernel("compiled", forest, tmp_path, "other")
