"""Accelerated estimators: equal to their originals for random models and rows, and never in place of them silently."""

from __future__ import annotations

import copy
import pickle
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapemaker_runtime.acceleration import builtin, ensembles, place, rows, verify
from shapemaker_runtime.acceleration.kernel import Kernel, UnsupportedError
from shapemaker_runtime.acceleration.trees import Bits, Walk, together
from shapemaker_runtime.errors import SetupError
from sklearn.base import clone, is_regressor
from sklearn.cluster import KMeans
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, PolynomialFeatures, RobustScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.validation import check_is_fitted

if TYPE_CHECKING:
    from collections.abc import Iterator

FEATURES = 5
LINEAR = 1e-9
EXACT = 0.0

REGRESSORS: dict[str, Any] = {
    "linear": LinearRegression(),
    "ridge": Ridge(),
    "lasso": Lasso(0.01),
    "elastic net": ElasticNet(0.01),
    "forest": RandomForestRegressor(7, random_state=0),
    "flat forest": RandomForestRegressor(7, max_depth=3, random_state=0),
    "extra trees": ExtraTreesRegressor(7, random_state=0),
    "tree": DecisionTreeRegressor(random_state=0),
    "boosting": GradientBoostingRegressor(n_estimators=9, random_state=0),
    "boosting from zero": GradientBoostingRegressor(n_estimators=9, init="zero", random_state=0),
    "histograms": HistGradientBoostingRegressor(max_iter=9),
    "histograms of counts": HistGradientBoostingRegressor(max_iter=9, loss="poisson"),
    "histograms with large trees": HistGradientBoostingRegressor(max_iter=5, max_leaf_nodes=None, min_samples_leaf=1),
    "one stump": HistGradientBoostingRegressor(max_iter=1, max_leaf_nodes=2),
}
CLASSIFIERS: dict[str, Any] = {
    "logistic": LogisticRegression(),
    "ridge classifier": RidgeClassifier(),
    "forest": RandomForestClassifier(7, random_state=0),
    "extra trees": ExtraTreesClassifier(7, random_state=0),
    "tree": DecisionTreeClassifier(max_depth=4, random_state=0),
    "boosting": GradientBoostingClassifier(n_estimators=5, random_state=0),
    "histograms": HistGradientBoostingClassifier(max_iter=5),
}
STEPS: dict[str, list[Any]] = {
    "no": [],
    "standard": [StandardScaler()],
    "standard without mean": [StandardScaler(with_mean=False)],
    "min-max": [MinMaxScaler((-3, 2))],
    "max-abs": [MaxAbsScaler()],
    "robust": [RobustScaler()],
    "two": [RobustScaler(), "passthrough", MinMaxScaler()],
    "nested": [make_pipeline(MaxAbsScaler(), StandardScaler())],
    "imputed": [SimpleImputer(strategy="median"), StandardScaler()],
    "polynomial": [PolynomialFeatures(2), StandardScaler()],
    "identity": [PolynomialFeatures(1, include_bias=False), StandardScaler()],
}


@pytest.fixture(autouse=True)
def _no_advice() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def table(seed: int = 0, count: int = 200) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    inputs = random.normal(3, 2, (count, FEATURES))
    return inputs, inputs @ random.normal(size=FEATURES) + np.abs(inputs[:, 0])


def fitted(estimator: Any, *, classes: int = 0, outputs: int = 1, seed: int = 0) -> Any:
    inputs, targets = table(seed)
    if classes:
        ranked = np.digitize(targets, np.quantile(targets, np.linspace(0, 1, classes + 1)[1:-1]))
        targets = np.array(["low", "mid", "top"])[ranked]
    elif outputs > 1:
        targets = np.stack([targets * (number + 1) for number in range(outputs)], axis=1)
    else:
        targets = targets - targets.min()
    return clone(estimator).fit(inputs, targets)


def agrees(estimator: Any, tolerance: float) -> Kernel:
    """The kernel, after it has been compared on everything that a job would compare it on."""
    kernel = builtin.kernel(estimator)
    quick = place.accelerated(estimator, kernel)
    assert verify.largest_difference(estimator, quick, kernel, rows.samples(estimator, kernel, None), tolerance) >= 0
    return kernel


def exactness(name: str) -> float:
    return LINEAR if name in ("linear", "ridge", "lasso", "elastic net", "logistic", "ridge classifier") else EXACT


@pytest.mark.parametrize("name", REGRESSORS)
def test_a_regressor_predicts_the_same(name: str) -> None:
    kernel = agrees(fitted(REGRESSORS[name]), exactness(name))
    assert kernel.methods.keys() == {"predict"}


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_predicts_the_same_classes_and_chances(name: str, classes: int) -> None:
    estimator = fitted(CLASSIFIERS[name], classes=classes)
    kernel = agrees(estimator, exactness(name))
    for method in ("predict", "predict_proba", "decision_function"):
        assert (method in kernel.methods) == hasattr(estimator, method)


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("name", ["ridge", "histograms", "forest"])
def test_a_pipeline_predicts_the_same(name: str, steps: str) -> None:
    agrees(fitted(make_pipeline(*STEPS[steps], REGRESSORS[name])), exactness(name))


def test_what_begins_with_nothing_takes_what_comes_next() -> None:
    for steps in (["passthrough"], ["passthrough", None, MinMaxScaler()]):
        agrees(fitted(make_pipeline(*steps, REGRESSORS["forest"])), EXACT)


@pytest.mark.parametrize("name", ["linear", "ridge", "forest", "extra trees", "tree"])
def test_several_outputs_stay_several(name: str) -> None:
    estimator = fitted(make_pipeline(StandardScaler(), REGRESSORS[name]), outputs=3)
    agrees(estimator, exactness(name))
    quick = place.accelerated(estimator, builtin.kernel(estimator))
    assert quick.predict(table()[0][:4]).shape == (4, 3)


@pytest.mark.parametrize(
    "estimator", [HistGradientBoostingRegressor(max_iter=9), RandomForestRegressor(7, random_state=0)]
)
def test_missing_values_go_where_training_saw_them_go(estimator: Any) -> None:
    inputs, targets = table()
    inputs[np.random.default_rng(1).random(inputs.shape) < 0.2] = np.nan
    kernel = agrees(estimator.fit(inputs, targets), EXACT)
    assert kernel.allows_missing
    assert kernel.methods["predict"](inputs[:5]) is not None


cells = st.one_of(
    st.floats(-1e3, 1e3),
    st.floats(allow_nan=True, allow_infinity=True, width=32),
    st.integers(-5, 5).map(float),
    st.just(float("nan")),
)


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(REGRESSORS)),
    steps=st.sampled_from(sorted(STEPS)),
    given_rows=st.lists(st.lists(cells, min_size=FEATURES, max_size=FEATURES), min_size=1, max_size=4),
    dtype=st.sampled_from(["f8", "f4", "f2", ">f8", "i8", "O"]),
)
def test_any_rows_get_the_same_answer_or_the_same_refusal(
    name: str, steps: str, given_rows: list[list[float]], dtype: str
) -> None:
    estimator = MADE.setdefault((name, steps), fitted(make_pipeline(*STEPS[steps], REGRESSORS[name])))
    quick = place.accelerated(estimator, builtin.kernel(estimator))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        asked = np.array(given_rows).astype(dtype)
        wanted, got = outcome(estimator, asked), outcome(quick, asked)
    if isinstance(wanted, str) or isinstance(got, str):
        assert wanted == got
    else:
        np.testing.assert_allclose(got, wanted, rtol=LINEAR, atol=LINEAR)


MADE: dict[tuple[str, str], Any] = {}


def outcome(estimator: Any, asked: Any) -> Any:
    try:
        return estimator.predict(asked)
    except (ValueError, TypeError) as error:
        return type(error).__name__ + str(error)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), leaves=st.integers(2, 64), count=st.integers(1, 12))
def test_both_ways_through_trees_agree(seed: int, leaves: int, count: int) -> None:
    inputs, targets = table(seed)
    model = HistGradientBoostingRegressor(max_iter=count, max_leaf_nodes=leaves, min_samples_leaf=2).fit(
        inputs, targets
    )
    trees = ensembles.histogram_trees(model)
    asked = inputs[:9].copy()
    asked[::2, 1] = np.nan
    bits, walk = Bits(trees), Walk(trees)
    np.testing.assert_array_equal(bits(asked, has_missing=True), walk(asked, has_missing=True))
    np.testing.assert_array_equal(bits(inputs, has_missing=False), walk(inputs, has_missing=False))


def test_trees_of_many_leaves_are_walked() -> None:
    small, large = (fitted(DecisionTreeRegressor(max_leaf_nodes=leaves)) for leaves in (64, 65))
    assert isinstance(together([ensembles.plain_tree(small.tree_)]), Bits)
    assert isinstance(together([ensembles.plain_tree(large.tree_)]), Walk)


def test_an_accelerated_estimator_is_what_it_was_to_everybody_else() -> None:
    estimator = fitted(make_pipeline(StandardScaler(), Ridge()))
    quick = place.accelerated(estimator, builtin.kernel(estimator))
    assert isinstance(quick, type(estimator))
    assert is_regressor(quick)
    assert quick.steps is estimator.steps
    assert quick[-1].coef_ is estimator[-1].coef_
    check_is_fitted(quick)
    inputs = table()[0]
    for same in (pickle.loads(pickle.dumps(quick)), copy.deepcopy(quick)):  # noqa: S301 - our own
        assert type(same) is type(estimator)
        np.testing.assert_array_equal(same.predict(inputs), estimator.predict(inputs))


def test_frames_lists_and_what_is_wrong_are_judged_as_before() -> None:
    estimator = fitted(Ridge())
    quick = place.accelerated(estimator, builtin.kernel(estimator))
    assert quick.predict(table()[0][:2].tolist()) == pytest.approx(estimator.predict(table()[0][:2]))
    for wrong in ([[1.0]], [1.0, 2.0], [], [["a"] * FEATURES], None):
        with pytest.raises(ValueError, match=r".") as of_original:
            estimator.predict(wrong)
        with pytest.raises(ValueError, match=r".") as of_quick:
            quick.predict(wrong)
        assert str(of_quick.value) == str(of_original.value)


def test_a_hidden_offset_does_not_cancel_digits() -> None:
    inputs, targets = table()
    far = inputs + 1e7
    agrees(make_pipeline(StandardScaler(), LinearRegression()).fit(far, targets), 1e-7)


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (KMeans(2, n_init=1), "KMeans has no built-in accelerator"),
        (TransformedTargetRegressor(Ridge()), "TransformedTargetRegressor has no"),
        (make_pipeline(MinMaxScaler(clip=True), Ridge()), "clips"),
        (make_pipeline(SimpleImputer(add_indicator=True), Ridge()), "SimpleImputer"),
        (HistGradientBoostingRegressor(max_iter=2, categorical_features=[0]), "categorical"),
        (GradientBoostingRegressor(n_estimators=2, init=Ridge()), "begins with another"),
    ],
)
def test_what_has_no_quicker_form_says_why(estimator: Any, reason: str) -> None:
    inputs, targets = table()
    inputs[:, 0] = np.rint(np.abs(inputs[:, 0]))
    with pytest.raises(UnsupportedError, match=reason):
        builtin.kernel(estimator.fit(inputs, targets))


def test_an_estimator_that_is_not_fitted_is_refused() -> None:
    with pytest.raises((UnsupportedError, NotFittedError, AttributeError)):
        builtin.kernel(Ridge())


def test_a_disagreement_is_found_and_told() -> None:
    estimator = fitted(Ridge())
    kernel = builtin.kernel(estimator)
    wrong = Kernel(kernel.what, {"predict": lambda each: estimator.predict(each) + 0.5}, kernel.features)
    quick = place.accelerated(estimator, wrong)
    with pytest.raises(verify.DisagreementError, match=r"predict differs by .* the tolerance is 0.001"):
        verify.largest_difference(estimator, quick, wrong, rows.samples(estimator, wrong, None), 1e-3)


def off(kernel: Kernel, where: Any) -> Kernel:
    """The kernel, wrong for the rows where `where` is true."""
    right = kernel.methods["predict"]

    def predict(asked: Any) -> Any:
        answer: Any = right(asked)
        return None if answer is None else answer + where(asked)

    return replace(kernel, methods={"predict": predict})


SABOTAGED = {
    "trees of few leaves": HistGradientBoostingRegressor(max_iter=9),
    "trees of many leaves": HistGradientBoostingRegressor(max_iter=15, max_leaf_nodes=None, min_samples_leaf=1),
    "forest": RandomForestRegressor(7, max_depth=3, random_state=0),
}


@pytest.mark.parametrize("name", SABOTAGED)
def test_a_kernel_that_is_off_somewhere_is_refused(name: str) -> None:
    inputs, targets = table()
    inputs[np.random.default_rng(1).random(inputs.shape) < 0.2] = np.nan
    estimator = clone(SABOTAGED[name]).fit(inputs, targets)
    kernel = builtin.kernel(estimator)
    samples = rows.samples(estimator, kernel, None)
    places = {
        "at thresholds": lambda asked: np.isin(asked[:, 0], kernel.thresholds[0]),
        "where values are missing": lambda asked: np.isnan(asked).any(axis=1),
        "in one row": lambda asked: (asked == samples[0][1111]).all(axis=1),
        "in large batches": lambda asked: len(asked) >= kernel.ways[0],
        "in the larger batches of two ways": lambda asked: len(asked) > min(kernel.ways[0], kernel.ways[-1] - 1),
    }
    for where in places.values():
        wrong = off(kernel, where)
        with pytest.raises(verify.DisagreementError, match="predict differs"):
            verify.largest_difference(estimator, place.accelerated(estimator, wrong), wrong, samples, 1e-3)


@pytest.mark.parametrize("steps", [name for name in STEPS if name != "no"])
def test_rows_at_thresholds_are_there_behind_scalers_too(steps: str) -> None:
    pipeline = fitted(make_pipeline(*STEPS[steps], SABOTAGED["forest"]))
    found = builtin.kernel(pipeline).thresholds
    if steps == "polynomial":
        assert not found
        return
    for feature, thresholds in builtin.kernel(pipeline[-1]).thresholds.items():
        inputs = np.ones((len(thresholds), FEATURES))
        inputs[:, feature] = found[feature]
        np.testing.assert_allclose(np.sort(pipeline[:-1].transform(inputs)[:, feature]), thresholds, rtol=1e-12)


def test_other_classes_are_a_disagreement_unless_the_scores_are_as_good_as_equal() -> None:
    estimator = fitted(LogisticRegression(), classes=2)
    kernel = builtin.kernel(estimator)
    turned = {"predict": lambda each: np.where(kernel.methods["predict"](each) == "low", "mid", "low")}
    wrong = Kernel(kernel.what, turned, kernel.features)
    quick = place.accelerated(estimator, wrong)
    with pytest.raises(verify.DisagreementError, match="other classes"):
        verify.largest_difference(estimator, quick, wrong, rows.samples(estimator, wrong, None), 1e-3)
    assert verify.largest_difference(estimator, quick, wrong, rows.samples(estimator, wrong, None), 0.5) == 0


class Holder:
    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)


def test_estimators_are_found_among_the_attributes_or_by_name() -> None:
    ridge, scaler = Ridge(), StandardScaler()
    model = Holder(ridge=ridge, scaler=scaler, inner=Holder(deep=ridge), name="x")
    assert place.estimators(model, "") == {"ridge": ridge}
    assert place.estimators(model, "inner.deep") == {"inner.deep": ridge}
    place.put(model, "inner.deep", 3)
    assert model.inner.deep == 3  # type: ignore[attr-defined]
    with pytest.raises(SetupError, match="no attribute rigde; it has: inner, name, ridge, scaler"):
        place.estimators(model, "rigde")
    with pytest.raises(SetupError, match="no attribute of the loaded model is a scikit-learn estimator"):
        place.estimators(Holder(weights=[1]), "")
