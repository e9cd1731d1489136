"""Linear models: the scalers before them are folded into the weights, so that a prediction is one product."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from shapemaker_runtime.acceleration.kernel import Kernel, UnsupportedError
from shapemaker_runtime.acceleration.steps import takes_missing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shapemaker_runtime.acceleration.steps import Step
    from shapemaker_runtime.acceleration.trees import Array

    Scores = Callable[[Array], Array | None]

REGRESSORS = frozenset(
    {
        *(
            "LinearRegression",
            "Ridge",
            "RidgeCV",
            "Lasso",
            "LassoCV",
            "ElasticNet",
            "ElasticNetCV",
            "Lars",
            "LassoLars",
        ),
        *("HuberRegressor", "TheilSenRegressor", "OrthogonalMatchingPursuit", "MultiTaskLasso", "MultiTaskElasticNet"),
    }
)
CLASSIFIERS = frozenset({"LogisticRegression", "LogisticRegressionCV", "RidgeClassifier", "RidgeClassifierCV"})


def regressor(model: Any, steps: Sequence[Step], features: int) -> Kernel:
    """`predict` of a linear regression."""
    scores = _scores(model, steps)
    return Kernel(_what(steps), {"predict": scores}, features, allows_missing=takes_missing(steps, at_end=False))


def classifier(model: Any, steps: Sequence[Step], features: int) -> Kernel:
    """`predict`, `decision_function` and, of a logistic regression, `predict_proba`."""
    scores, classes = _scores(model, steps), model.classes_
    if str(getattr(getattr(model, "_label_binarizer", None), "y_type_", "")).startswith("multilabel"):
        raise UnsupportedError("it predicts several labels a row")
    is_binary = len(classes) == 2  # noqa: PLR2004

    def decision(rows: Array) -> Array | None:
        found = scores(rows)
        return found.ravel() if found is not None and is_binary else found

    def predict(rows: Array) -> Array | None:
        found = decision(rows)
        if found is None:
            return None
        return classes[(found > 0).astype(np.intp) if is_binary else found.argmax(axis=1)]

    methods: dict[str, Callable[[Array], Array | None]] = {"predict": predict, "decision_function": decision}
    if hasattr(model, "predict_proba"):
        chances = _binary_chances if is_binary else _softmax

        def predict_proba(rows: Array) -> Array | None:
            found = decision(rows)
            return None if found is None else chances(found)

        methods["predict_proba"] = predict_proba
    return Kernel(_what(steps), methods, features, allows_missing=takes_missing(steps, at_end=False))


def _scores(model: Any, steps: Sequence[Step]) -> Scores:
    weights = model.coef_.T if model.coef_.ndim == 2 else model.coef_  # noqa: PLR2004
    if not isinstance(weights, np.ndarray):
        raise UnsupportedError("its weights are sparse")
    intercept = model.intercept_
    before, center, folded = _fold(steps, weights)

    def scores(rows: Array) -> Array | None:
        if rows.dtype == np.float32:
            # In single precision the folded product would round otherwise than the scalers do.
            found = _applied(rows, steps)
            found = None if found is None else found @ weights
        else:
            found = _applied(rows, before)
            if found is not None:
                found = (found if center is None else found - center) @ folded
        if found is None:
            return None
        found = found + intercept
        # Whatever is not finite here was not so in the rows, or would not be for the original: it has words for that.
        return found if np.isfinite(found).all() else None

    return scores


def _fold(steps: Sequence[Step], weights: Array) -> tuple[list[Step], Array | None, Array]:
    """The steps that stay, and what the scalers at the end become.

    The centre stays apart from the weights: inside the intercept it would cancel digits where values are far from zero.
    """
    before, center, factor = list(steps), None, None
    while before and before[-1].factor is not None:
        step = before.pop()
        # f2 * (f1 * (x - c1) - c2) = f2 * f1 * (x - (c1 + c2 / f1))
        center = step.center if center is None else step.center + center / step.factor
        factor = step.factor if factor is None else step.factor * factor
    if factor is None:
        return before, None, weights
    return before, center, (weights.T * factor).T


def _applied(rows: Array, steps: Sequence[Step]) -> Array | None:
    for step in steps:
        if not step.allows_missing and np.isnan(rows).any():
            return None
        rows = step.apply(rows)
    return rows


def _what(steps: Sequence[Step]) -> str:
    return "a product with weights, the scalers folded in" if steps else "a product with weights"


def _binary_chances(scores: Array) -> Array:
    # Only logistic regressions need SciPy, and have imported it.
    chance = importlib.import_module("scipy.special").expit(scores)
    return np.vstack([1 - chance, chance]).T


def _softmax(scores: Array) -> Array:
    scores = np.exp(scores - scores.max(axis=1)[:, None])
    return scores / scores.sum(axis=1)[:, None]
