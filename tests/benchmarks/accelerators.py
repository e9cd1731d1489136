#!/usr/bin/env python3
"""How much quicker accelerated estimators are: `python tests/benchmarks/accelerators.py [NAME…]` prints a table.

Original and accelerated take turns, one thread, medians; the last column is the largest difference that training would
report. Estimators that the accelerator does not do for say why.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
sys.path.insert(0, str(Path(__file__).parents[2] / "templates" / "runtime"))

from shapemaker_runtime.acceleration import place, preparing, rows, verify  # noqa: E402 - needs the path above
from shapemaker_runtime.acceleration.kernel import UnsupportedError  # noqa: E402 - the same
from shapemaker_runtime.errors import SetupError  # noqa: E402 - the same
from sklearn.base import is_classifier  # noqa: E402 - needs the variables above
from sklearn.datasets import make_classification, make_regression  # noqa: E402 - the same
from sklearn.ensemble import (  # noqa: E402 - the same
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge  # noqa: E402 - the same
from sklearn.pipeline import make_pipeline  # noqa: E402 - the same
from sklearn.preprocessing import StandardScaler  # noqa: E402 - the same

SIZES = (1, 8, 64, 512)
ROUNDS = 15
TOLERANCE = 1e-3
ESTIMATORS: dict[str, Any] = {
    "ridge": make_pipeline(StandardScaler(), Ridge()),
    "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
    "histograms": make_pipeline(StandardScaler(), HistGradientBoostingRegressor()),
    "histograms, 3 classes": HistGradientBoostingClassifier(),
    "boosting": GradientBoostingRegressor(),
    "forest": RandomForestRegressor(100, random_state=0),
    "forest, 3 classes": RandomForestClassifier(100, random_state=0),
}


def main(names: list[str]) -> int:
    """Print the table."""
    warnings.simplefilter("ignore")
    say("estimator", "accelerator", *(f"{size} rows: µs, ratio" for size in SIZES), "difference")
    for name, estimator in ESTIMATORS.items():
        if not names or name in names:
            inputs, targets = data(estimator)
            estimator.fit(inputs, targets)
            for by in ("builtin", "onnx", "compiled"):
                say(name, by, *measured(estimator, by, inputs))
    return 0


def data(estimator: Any) -> tuple[Any, Any]:
    """2000 rows of 20 features."""
    if is_classifier(estimator):
        return make_classification(2000, 20, n_informative=8, n_classes=3, random_state=0)  # type: ignore[no-any-return]
    inputs, targets = make_regression(2000, 20, noise=1, random_state=0)
    return inputs, targets / 100


def measured(estimator: Any, by: str, inputs: Any) -> list[str]:
    """The cells of one line."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            kernel = preparing.prepare(by, estimator, Path(folder), "model")
            quick = place.accelerated(estimator, kernel)
            samples = rows.samples(estimator, kernel, inputs[:200])
            difference = verify.largest_difference(estimator, quick, kernel, samples, TOLERANCE)
        except (UnsupportedError, verify.DisagreementError, SetupError) as error:
            return [str(error)]
        return [*(compared(estimator, quick, inputs[:size]) for size in SIZES), f"{difference:.1e}"]


def compared(slow: Any, quick: Any, asked: Any) -> str:
    """Microseconds of the accelerated one, and how many times as long the original takes."""
    slow_seconds, quick_seconds = zip(*((timed(slow, asked), timed(quick, asked)) for _ in range(ROUNDS)), strict=True)
    ratio = median(before / after for before, after in zip(slow_seconds, quick_seconds, strict=True))
    return f"{median(quick_seconds) * 1e6:.0f}, {ratio:.1f} x"


def timed(estimator: Any, asked: Any) -> float:
    """Seconds of one prediction."""
    began = perf_counter()
    estimator.predict(asked)
    return perf_counter() - began


def say(*cells: str) -> None:
    """A line of the table."""
    sys.stdout.write("| " + " | ".join(cells) + " |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
