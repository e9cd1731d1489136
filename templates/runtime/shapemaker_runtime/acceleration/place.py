"""Where the estimators of a model are, and how an accelerated one takes its place."""

from __future__ import annotations

import copy
from functools import reduce
from typing import TYPE_CHECKING, Any

from shapemaker_runtime.acceleration.kernel import rows_of
from shapemaker_runtime.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapemaker_runtime.acceleration.kernel import Kernel
    from shapemaker_runtime.acceleration.trees import Array


def estimators(model: object, attribute: str) -> dict[str, Any]:
    """Fitted scikit-learn estimators by attribute: the one that is named, else all that predict."""
    if attribute:
        try:
            return {attribute: reduce(getattr, attribute.split("."), model)}
        except AttributeError:
            raise SetupError(
                f"serve.accelerate: the loaded model has no attribute {attribute}; it has: {', '.join(_names(model))}"
            ) from None
    found = {name: value for name, value in _attributes(model).items() if _is_estimator(value)}
    if not found:
        raise SetupError(
            "serve.accelerate: no attribute of the loaded model is a scikit-learn estimator; "
            f"it has: {', '.join(_names(model))}"
        )
    return found


def put(model: object, attribute: str, value: object) -> None:
    """Set the attribute, behind dots too."""
    *path, name = attribute.split(".")
    setattr(reduce(getattr, path, model), name, value)


def accelerated(original: Any, kernel: Kernel) -> Any:
    """The estimator with quicker methods: of a class made from its own, sharing its state, so it is as before to all.

    What the kernel leaves, by its kind or by the values, the original answers: frames of other columns, sparse rows,
    more arguments, and whatever has to be refused.
    """
    columns = getattr(original, "feature_names_in_", None)
    methods: dict[str, Any] = {
        name: _method(original, name, quick, kernel, columns)
        for name, quick in kernel.methods.items()
        if hasattr(original, name)
    }
    kind = type(original)
    # A copy, in another process say, is plain again: this class exists nowhere else.
    methods["__reduce_ex__"] = lambda _self, _protocol: (copy.copy, (original,))
    made: Any = object.__new__(type(kind.__name__, (kind,), {"__module__": kind.__module__, **methods}))
    made.__dict__ = original.__dict__
    return made


def _method(
    original: Any, name: str, quick: Callable[[Array], Array | None], kernel: Kernel, columns: object
) -> Callable[..., Any]:
    slow = getattr(original, name)
    max_rows = kernel.ways[-1]

    def method(_self: object, X: object, *more: object, **options: object) -> Any:  # noqa: N803 - scikit-learn's name
        if not more and not options:
            rows = rows_of(X, columns, kernel.features)
            if rows is not None and len(rows) <= max_rows:
                answer = quick(rows)
                if answer is not None:
                    return answer
        return slow(X, *more, **options)

    method.__name__ = name
    return method


def _attributes(model: object) -> dict[str, Any]:
    return dict(getattr(model, "__dict__", {}))


def _names(model: object) -> list[str]:
    return sorted(_attributes(model)) or ["none"]


def _is_estimator(value: object) -> bool:
    # By name, so that nothing is imported that the model itself has not.
    kinds = {f"{kind.__module__}.{kind.__name__}" for kind in type(value).__mro__}
    return "sklearn.base.BaseEstimator" in kinds and callable(getattr(value, "predict", None))
