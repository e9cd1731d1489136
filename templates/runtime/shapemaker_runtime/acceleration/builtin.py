"""The accelerator that needs nothing but NumPy: from a fitted estimator of scikit-learn to its kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapemaker_runtime.acceleration import ensembles, linear
from shapemaker_runtime.acceleration.kernel import Kernel, UnsupportedError
from shapemaker_runtime.acceleration.steps import features, split

if TYPE_CHECKING:
    from collections.abc import Callable

_MAKERS: dict[str, Callable[..., Kernel]] = {
    **dict.fromkeys(linear.REGRESSORS, linear.regressor),
    **dict.fromkeys(linear.CLASSIFIERS, linear.classifier),
    **ensembles.MAKERS,
}


def kernel(estimator: Any) -> Kernel:
    """The kernel of an estimator or a pipeline; `UnsupportedError` says why there is none."""
    steps, last = split(estimator)
    kind = type(last).__name__
    if kind not in _MAKERS or not type(last).__module__.startswith("sklearn."):
        raise UnsupportedError(f"a {kind} has no built-in accelerator")
    return _MAKERS[kind](last, steps, features(estimator))
