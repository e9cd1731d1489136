"""After a model is saved: make the quicker forms of its estimators, and prove on rows that they agree."""

from __future__ import annotations

import sys
from importlib.metadata import distributions
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from shapemaker_runtime import program as programs
from shapemaker_runtime.acceleration import place, preparing, report, rows, verify
from shapemaker_runtime.acceleration.kernel import UnsupportedError
from shapemaker_runtime.acceleration.verify import DisagreementError
from shapemaker_runtime.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shapemaker_runtime.acceleration.settings import Acceleration

ROWS = "acceleration_rows"
"""Attribute or method of the model class: rows of the training data, as its estimator takes them."""

_RUNS = 5
_SIZES = (1, 64)
_PACKAGES = ("numpy", "scikit-learn", "skl2onnx", "onnxruntime", "treelite", "tl2cgen")


def accelerate(program: programs.Program, trained: object, directory: Path, wanted: Acceleration) -> None:
    """Write `acceleration.json` and what serving needs beside it.

    The model is loaded from what has been saved, because that is what serving will have.

    Raises:
        SetupError: an estimator cannot be accelerated or does not agree, and that must not be.
    """
    for taken in (report.NAME, report.FOLDER):
        if (directory / taken).exists():
            raise SetupError(f"Model.save wrote {taken}, which is the name of what acceleration adds; rename it")
    model = programs.new_model(program, ("load",))
    model.load(directory)
    own = _own_rows(trained or model)
    verified: dict[str, object] = {}
    skipped: dict[str, str] = {}
    for name, estimator in place.estimators(model, wanted.attribute).items():
        found = _attempt(estimator, name, directory, wanted, own)
        if isinstance(found, str):
            skipped[name] = found
        else:
            verified[name] = found
    document = {"by": wanted.by, "tolerance": wanted.tolerance, "versions": _versions()}
    report.write(directory, {**document, "estimators": verified, "skipped": skipped})


def _attempt(estimator: Any, name: str, directory: Path, wanted: Acceleration, own: object) -> dict[str, object] | str:
    """What the report says of one estimator, or the reason why it is served as it is."""
    try:
        return _verified(estimator, name, directory, wanted, own)
    except (UnsupportedError, DisagreementError) as error:
        reason = f"serve.accelerate: {wanted.by} does not do for {name}: {error}"
    if not wanted.fallback:
        raise SetupError(f"{reason}. With fallback: true the model is served without")
    sys.stderr.write(f"{reason}; it is served without\n")
    return reason


def _own_rows(model: object) -> object:
    rows = getattr(model, ROWS, None)
    return rows() if callable(rows) else rows


def _verified(estimator: Any, name: str, directory: Path, wanted: Acceleration, own: object) -> dict[str, object]:
    kernel = preparing.prepare(wanted.by, estimator, directory, name)
    quick = place.accelerated(estimator, kernel)
    samples = rows.samples(estimator, kernel, own)
    difference = verify.largest_difference(estimator, quick, kernel, samples, wanted.tolerance)
    seconds = {
        str(size): {
            "before": _seconds(estimator.predict, samples[0][:size]),
            "after": _seconds(quick.predict, samples[0][:size]),
        }
        for size in _SIZES
    }
    count = sum(len(each) for each in samples)
    ratio = seconds["1"]["before"] / seconds["1"]["after"]
    sys.stdout.write(
        f"{name} is accelerated ({kernel.what}): one row {ratio:.1f} times as fast; "
        f"{count} rows differ by at most {difference:.3g}\n"
    )
    return {
        "what": kernel.what,
        "methods": sorted(kernel.methods),
        "rows": count,
        "largest_difference": difference,
        "seconds": seconds,
    }


def _seconds(predict: Callable[[Any], object], rows: Any) -> float:
    def once() -> float:
        began = perf_counter()
        predict(rows)
        return perf_counter() - began

    once()
    return median(once() for _ in range(_RUNS))


def _versions() -> dict[str, str]:
    installed = {each.metadata["Name"]: each.version for each in distributions()}
    return {name: installed[name] for name in _PACKAGES if name in installed}
