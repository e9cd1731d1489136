"""The steps of a pipeline before its estimator, without the checks around their arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from shapemaker_runtime.acceleration.kernel import UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shapemaker_runtime.acceleration.trees import Array


_NOTHING = (None, "passthrough")


@dataclass(frozen=True)
class Step:
    """A transformer, to the bit: in the order and the precision of scikit-learn."""

    apply: Callable[[Array], Array]
    allows_missing: bool = True
    fills: bool = False
    """Whether no NaN comes out."""
    center: Array | None = None
    """Only of a scaler: it is (x - center) * factor."""
    factor: Array | None = None

    @property
    def keeps_features(self) -> bool:
        """Whether each feature goes out where it came in, by itself."""
        return self.fills or self.center is not None


def split(estimator: Any) -> tuple[list[Step], Any]:
    """The steps of a pipeline, nested ones in line, and the estimator at its end."""
    if type(estimator).__name__ != "Pipeline":
        return [], estimator
    steps: list[Step] = []
    *before, (_, last) = estimator.steps
    for name, each in before:
        steps += _steps(name, each)
    inner, end = split(last)
    return [*steps, *inner], end


def features(estimator: Any) -> int:
    """How many an estimator takes; a pipeline that begins with nothing takes what its next step does."""
    if type(estimator).__name__ == "Pipeline":
        return features(next((each for _, each in estimator.steps if each not in _NOTHING), None))
    found = getattr(estimator, "n_features_in_", None)
    if found is None:
        raise UnsupportedError("it does not tell how many features it takes; is it fitted?")
    return int(found)


def takes_missing(steps: Sequence[Step], *, at_end: bool) -> bool:
    """Whether rows with NaN get through, to an estimator that takes them itself or not."""
    for step in steps:
        if step.fills or not step.allows_missing:
            return step.fills
    return at_end


def _steps(name: str, transformer: Any) -> list[Step]:
    if transformer in _NOTHING:
        return []
    kind = type(transformer).__name__
    if kind == "Pipeline":
        return [step for inner, each in transformer.steps for step in _steps(inner, each)]
    if kind not in _MAKERS or not type(transformer).__module__.startswith("sklearn."):
        raise UnsupportedError(f"its step {name} is a {kind}; known are {', '.join(_MAKERS)}")
    return [_MAKERS[kind](transformer)]


def _standard(scaler: Any) -> Step:
    mean = scaler.mean_ if scaler.with_mean else None
    scale = scaler.scale_ if scaler.with_std else None
    # It alone rounds its own numbers to single precision when the rows are.
    return _centered(mean, scale, scaler.n_features_in_, rounds=True)


def _robust(scaler: Any) -> Step:
    center = scaler.center_ if scaler.with_centering else None
    return _centered(center, scaler.scale_ if scaler.with_scaling else None, scaler.n_features_in_)


def _max_abs(scaler: Any) -> Step:
    if getattr(scaler, "clip", False):
        raise UnsupportedError("its MaxAbsScaler clips")
    return _centered(None, scaler.scale_, scaler.n_features_in_)


def _centered(center: Array | None, scale: Array | None, features: int, *, rounds: bool = False) -> Step:
    def apply(rows: Array) -> Array:
        rows = rows.astype(rows.dtype if rows.dtype.kind == "f" else np.float64)
        if center is not None:
            rows -= center.astype(rows.dtype) if rounds else center
        if scale is not None:
            rows /= scale.astype(rows.dtype) if rounds else scale
        return rows

    return Step(
        apply,
        center=np.zeros(features) if center is None else center,
        factor=np.ones(features) if scale is None else 1 / scale,
    )


def _min_max(scaler: Any) -> Step:
    if scaler.clip:
        raise UnsupportedError("its MinMaxScaler clips")

    def apply(rows: Array) -> Array:
        rows = rows.astype(rows.dtype if rows.dtype.kind == "f" else np.float64)
        rows *= scaler.scale_
        rows += scaler.min_
        return rows

    return Step(apply, center=-scaler.min_ / scaler.scale_, factor=scaler.scale_)


def _imputer(imputer: Any) -> Step:
    statistics = np.asarray(imputer.statistics_)
    is_missing_nan = isinstance(imputer.missing_values, float) and np.isnan(imputer.missing_values)
    if not is_missing_nan or imputer.add_indicator or statistics.dtype.kind != "f" or np.isnan(statistics).any():
        raise UnsupportedError("its SimpleImputer does more than to put numbers in the place of NaN")

    def apply(rows: Array) -> Array:
        rows = rows.astype(rows.dtype if rows.dtype.kind == "f" else np.float64)
        return np.where(np.isnan(rows), statistics.astype(rows.dtype), rows)

    return Step(apply, fills=True)


def _polynomial(features: Any) -> Step:
    powers = features.powers_
    if np.array_equal(powers, np.eye(features.n_features_in_)):
        return replace(_centered(None, None, features.n_features_in_), allows_missing=False)

    def apply(rows: Array) -> Array:
        rows = rows.astype(rows.dtype if rows.dtype.kind == "f" else np.float64)
        columns = np.ones((len(rows), len(powers)), dtype=rows.dtype)
        for feature, exponents in enumerate(powers.T):
            for exponent in range(int(exponents.max(initial=0))):
                columns[:, exponents > exponent] *= rows[:, feature, None]
        return columns

    return Step(apply, allows_missing=False)


_MAKERS: dict[str, Callable[[Any], Step]] = {
    "StandardScaler": _standard,
    "MinMaxScaler": _min_max,
    "MaxAbsScaler": _max_abs,
    "RobustScaler": _robust,
    "SimpleImputer": _imputer,
    "PolynomialFeatures": _polynomial,
}
