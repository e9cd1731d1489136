"""Forests and boosted trees of scikit-learn: their trees together, and what is made of the trees' values.

Only private members tell what boosted trees begin with and end in. What becomes of them in another version of
scikit-learn is found out where all accelerators are: by comparing predictions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from shapemaker_runtime.acceleration import kernel as kernels
from shapemaker_runtime.acceleration.kernel import Kernel, UnsupportedError
from shapemaker_runtime.acceleration.steps import takes_missing
from shapemaker_runtime.acceleration.trees import Tree, added, together

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shapemaker_runtime.acceleration.steps import Step
    from shapemaker_runtime.acceleration.trees import Array

    Values = Callable[[Array], Array | None]
    Maker = Callable[..., Kernel]

_LOOP_ROWS = 1000
"""More rows than this a forest predicts as quickly by itself."""


class Totals(Protocol):
    """What the trees of an ensemble make together: all added to where they begin, or their mean."""

    what: str
    """For people: how it is done."""
    ways: tuple[int, ...]
    """As a kernel's."""

    def __call__(self, rows: Array, *, has_missing: bool) -> Array:
        """Row by output, out of doubles in rows, which it may write on."""


def histogram_boosting(model: Any, steps: Sequence[Step], features: int, totals: Totals | None = None) -> Kernel:
    """HistGradientBoosting, regressor and classifier."""
    if getattr(model, "is_categorical_", None) is not None:
        raise UnsupportedError("it has categorical features")
    outputs = model.n_trees_per_iteration_
    trees = histogram_trees(model)
    totals = totals or _Sums(trees, outputs, model._baseline_prediction)  # noqa: SLF001
    kernel = _boosted(model, _values(steps, totals, np.float64, allows_missing=True), totals, features, tie=False)
    missing = takes_missing(steps, at_end=True)
    return replace(kernel, allows_missing=missing, thresholds=_thresholds(trees, steps))


def gradient_boosting(model: Any, steps: Sequence[Step], features: int, totals: Totals | None = None) -> Kernel:
    """GradientBoosting, regressor and classifier."""
    if model.init is not None and model.init != "zero":
        raise UnsupportedError("it begins with another estimator")
    outputs = model.estimators_.shape[1]
    rate = model.learning_rate
    trees = [plain_tree(each.tree_, scale=rate) for stage in model.estimators_ for each in stage]
    start = model._raw_predict_init(np.zeros((1, model.n_features_in_), dtype=np.float32))  # noqa: SLF001
    totals = totals or _Sums(trees, outputs, start)
    kernel = _boosted(model, _values(steps, totals, np.float32, allows_missing=False), totals, features, tie=True)
    missing = takes_missing(steps, at_end=False)
    return replace(kernel, allows_missing=missing, thresholds=_thresholds(trees, steps))


def forest(model: Any, steps: Sequence[Step], features: int, totals: Totals | None = None) -> Kernel:
    """RandomForest and ExtraTrees, regressor and classifier, and single trees."""
    members = getattr(model, "estimators_", None) or [model]
    if model.n_outputs_ > 1 and hasattr(model, "classes_"):
        raise UnsupportedError("it predicts several labels a row")
    allows_missing = _supports_missing(members[0])
    grown = [each.tree_ for each in members]
    trees = [plain_tree(each) for each in grown]
    totals = totals or _Means(trees, grown)
    values = _values(steps, totals, np.float32, allows_missing=allows_missing)
    methods = _votes(model, values) if hasattr(model, "classes_") else {"predict": _flat(model, values)}
    return Kernel(
        totals.what,
        methods,
        features,
        allows_missing=takes_missing(steps, at_end=allows_missing),
        ways=totals.ways,
        thresholds=_thresholds(trees, steps),
    )


MAKERS: dict[str, Maker] = {
    "HistGradientBoostingRegressor": histogram_boosting,
    "HistGradientBoostingClassifier": histogram_boosting,
    "GradientBoostingRegressor": gradient_boosting,
    "GradientBoostingClassifier": gradient_boosting,
    "RandomForestRegressor": forest,
    "RandomForestClassifier": forest,
    "ExtraTreesRegressor": forest,
    "ExtraTreesClassifier": forest,
    "DecisionTreeRegressor": forest,
    "DecisionTreeClassifier": forest,
}


def _flat(model: Any, values: Values) -> Values:
    def predict(rows: Array) -> Array | None:
        found = values(rows)
        return found.ravel() if found is not None and model.n_outputs_ == 1 else found

    return predict


def _votes(model: Any, chances: Values) -> dict[str, Values]:
    def predict(rows: Array) -> Array | None:
        found = chances(rows)
        return None if found is None else model.classes_.take(found.argmax(axis=1), axis=0)

    return {"predict": predict, "predict_proba": chances}


class _Sums:
    """Boosted trees in NumPy."""

    def __init__(self, trees: list[Tree], outputs: int, start: Array) -> None:
        self._quick = together(trees)
        self._outputs = outputs
        self._start = np.asarray(start, dtype=np.float64).reshape(-1)
        self.what = f"{len(trees)} trees together"
        self.ways: tuple[int, ...] = (self._quick.max_rows,)

    def __call__(self, rows: Array, *, has_missing: bool) -> Array:
        values = self._quick(rows, has_missing=has_missing).reshape(len(rows), -1, self._outputs)
        values[:, 0] += self._start
        return added(values)


class _Means:
    """Forests in NumPy, or for many rows in the loop over its trees that scikit-learn has around too much."""

    def __init__(self, trees: list[Tree], grown: list[Any]) -> None:
        self._quick = together(trees)
        self._grown = grown
        self._outputs = trees[0].value.shape[1]
        self.what = f"{len(trees)} trees together"
        self.ways: tuple[int, ...] = tuple(sorted({self._quick.max_rows, max(_LOOP_ROWS, self._quick.max_rows)}))

    def __call__(self, rows: Array, *, has_missing: bool) -> Array:
        if len(rows) <= self._quick.max_rows:
            total = added(self._quick(rows, has_missing=has_missing))
        else:
            single = rows.astype(np.float32)
            total = np.zeros((len(rows), self._outputs))
            for tree in self._grown:
                total += tree.predict(single).reshape(total.shape)
        # A single tree divides by nothing, and x / 1 is x.
        return total / len(self._grown)


def _values(steps: Sequence[Step], totals: Totals, dtype: type, *, allows_missing: bool) -> Values:
    """Totals after the steps, of rows in the precision that the trees were grown in."""

    def values(rows: Array) -> Array | None:
        rows = rows.astype(dtype)
        has_missing = kernels.missing(rows, allows=allows_missing)
        return None if has_missing is None else totals(rows.astype(np.float64, copy=False), has_missing=has_missing)

    return _chained(steps, values)


def _chained(steps: Sequence[Step], values: Values) -> Values:
    if not steps:
        return values

    def chained(rows: Array) -> Array | None:
        has_missing = kernels.missing(rows, allows=True)
        if has_missing is None:
            return None
        for step in steps:
            if has_missing and not step.allows_missing and np.isnan(rows).any():
                return None
            rows = step.apply(rows)
        return values(rows)

    return chained


def _boosted(model: Any, values: Values, totals: Totals, features: int, *, tie: bool) -> Kernel:
    methods = _classes(model, values, tie=tie) if hasattr(model, "classes_") else {"predict": _linked(model, values)}
    return Kernel(totals.what, methods, features, ways=totals.ways)


def _linked(model: Any, values: Values) -> Values:
    # GradientBoosting has no link: it predicts what its trees add up to.
    link = model._loss.link if type(model).__name__.startswith("Hist") else None  # noqa: SLF001

    def predict(rows: Array) -> Array | None:
        found = values(rows)
        if found is None:
            return None
        return found.ravel() if link is None else link.inverse(found.ravel())

    return predict


def _classes(model: Any, values: Values, *, tie: bool) -> dict[str, Values]:
    chances = getattr(model._loss, "predict_proba", None)  # noqa: SLF001
    if chances is None:
        raise UnsupportedError("scikit-learn is too old for it")

    def decision(rows: Array) -> Array | None:
        found = values(rows)
        return found.ravel() if found is not None and found.shape[1] == 1 else found

    def predict(rows: Array) -> Array | None:
        found = decision(rows)
        if found is None:
            return None
        if found.ndim == 1:
            return model.classes_[(found >= 0 if tie else found > 0).astype(int)]
        return model.classes_[found.argmax(axis=1)]

    def predict_proba(rows: Array) -> Array | None:
        found = values(rows)
        return None if found is None else chances(np.asfortranarray(found))

    return {"predict": predict, "predict_proba": predict_proba, "decision_function": decision}


def histogram_trees(model: Any) -> list[Tree]:
    """The trees of HistGradientBoosting."""
    return [_histogram_tree(each.nodes) for iteration in model._predictors for each in iteration]  # noqa: SLF001


def _histogram_tree(nodes: Array) -> Tree:
    is_leaf = nodes["is_leaf"].astype(bool)
    return Tree(
        feature=nodes["feature_idx"],
        threshold=nodes["num_threshold"],
        left=np.where(is_leaf, -1, nodes["left"].astype(np.intp)),
        right=np.where(is_leaf, -1, nodes["right"].astype(np.intp)),
        missing_left=nodes["missing_go_to_left"].astype(bool),
        value=nodes["value"][:, None],
    )


def plain_tree(tree: Any, *, scale: float = 1) -> Tree:
    """A tree of any other kind, its values multiplied."""
    nodes = tree.__getstate__()["nodes"]
    has_missing = "missing_go_to_left" in (nodes.dtype.names or ())
    return Tree(
        feature=tree.feature,
        threshold=tree.threshold,
        left=tree.children_left,
        right=tree.children_right,
        missing_left=nodes["missing_go_to_left"].astype(bool) if has_missing else np.zeros(len(nodes), dtype=bool),
        value=scale * tree.value.reshape(len(nodes), -1),
    )


def _supports_missing(tree: Any) -> bool:
    supports = getattr(tree, "_support_missing_values", None)
    return supports is not None and bool(supports(np.zeros((1, 1))))


def _thresholds(trees: Sequence[Tree], steps: Sequence[Step]) -> dict[int, Array]:
    """Where the trees branch, for each feature as it comes in; empty if steps do more than to scale and to fill."""
    if not all(step.keeps_features for step in steps):
        return {}
    inner = [tree.left >= 0 for tree in trees]
    feature = np.concatenate([tree.feature[each] for tree, each in zip(trees, inner, strict=True)])
    threshold = np.concatenate([tree.threshold[each] for tree, each in zip(trees, inner, strict=True)])
    for step in reversed(steps):
        if step.center is not None and step.factor is not None:
            threshold = threshold / step.factor[feature] + step.center[feature]
    return {int(each): np.unique(threshold[feature == each]) for each in np.unique(feature)}
