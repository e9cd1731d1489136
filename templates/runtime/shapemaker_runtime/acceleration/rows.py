"""Rows to compare predictions on: the model's own if it shows some, and those where two ways are likely to differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from shapemaker_runtime.acceleration.kernel import rows_of

if TYPE_CHECKING:
    from shapemaker_runtime.acceleration.kernel import Kernel
    from shapemaker_runtime.acceleration.trees import Array

_COUNT = 256
_SEED = 20
_NEAR = (0.0, 1e-3, -1e-3)


def samples(estimator: Any, kernel: Kernel, own: object) -> list[Array]:
    """Arrays of rows, each for one comparison.

    Synthesised: normal rows of the training data's centre and spread where the estimator knows them; rows whose cells
    are at thresholds of trees, next to them and near them; extremes; all again in single precision; with NaN where it
    is allowed. They are the same each time.
    """
    random = np.random.default_rng(_SEED)
    center, spread = _moments(estimator, kernel.features)
    usual = center + spread * random.standard_normal((_COUNT, kernel.features))
    wide = center + 100 * spread * random.standard_normal((_COUNT // 4, kernel.features))
    rows = np.concatenate([usual, wide, *_near_thresholds(kernel, usual, random), _extremes(center, spread)])
    found = [rows, rows.astype(np.float32), np.rint(np.clip(usual, -1e9, 1e9)).astype(np.int64)]
    if kernel.allows_missing:
        gone = rows.copy()
        gone[random.random(rows.shape) < 0.3] = np.nan  # noqa: PLR2004 - some of each row
        gone[0] = np.nan
        found += [gone, gone.astype(np.float32)]
    given = rows_of(own, getattr(estimator, "feature_names_in_", None), kernel.features)
    return found if given is None else [given, *found]


def _moments(estimator: Any, features: int) -> tuple[Array, Array]:
    first = estimator.steps[0][1] if hasattr(estimator, "steps") else None
    for center, spread in (("mean_", "scale_"), ("center_", "scale_"), ("data_min_", "data_range_")):
        found = getattr(first, center, None), getattr(first, spread, None)
        if all(isinstance(each, np.ndarray) and each.shape == (features,) for each in found):
            return found
    return np.zeros(features), np.ones(features)


def _near_thresholds(kernel: Kernel, usual: Array, random: np.random.Generator) -> list[Array]:
    if not kernel.thresholds:
        return []
    found = []
    for step in (*_NEAR, "up", "down", "single"):
        rows = usual.copy()
        for feature, thresholds in kernel.thresholds.items():
            finite = thresholds[np.isfinite(thresholds)]
            if len(finite):
                rows[:, feature] = _moved(random.choice(finite, len(rows)), step)
        found.append(rows)
    return found


def _moved(values: Array, step: float | str) -> Array:
    if step == "up":
        return np.nextafter(values, np.inf)
    if step == "down":
        return np.nextafter(values, -np.inf)
    if step == "single":
        return values.astype(np.float32).astype(np.float64)
    return values + float(step) * np.maximum(1, np.abs(values))


def _extremes(center: Array, spread: Array) -> Array:
    ones = np.ones_like(center)
    return np.stack([0 * ones, ones, -ones, center, center + 1e6 * spread, center - 1e6 * spread, 1e12 * ones])
