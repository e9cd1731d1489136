"""Whether an accelerated estimator agrees with its original."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shapemaker_runtime.acceleration.kernel import Kernel
    from shapemaker_runtime.acceleration.trees import Array

_ALONE = 8
_FEW = 7


class DisagreementError(Exception):
    """The two ways differ by more than the tolerance; the text says where and by how much."""


def largest_difference(original: Any, quick: Any, kernel: Kernel, samples: Sequence[Array], tolerance: float) -> float:
    """Over all methods and rows: by each way of the kernel, a few rows at once, rows alone, and too many for it.

    Classes must be the same, but for rows whose scores are nearer to each other than the tolerance.

    Raises:
        DisagreementError: it is more than `tolerance`.
    """
    largest = 0.0
    names = [name for name in kernel.methods if hasattr(original, name)]
    for part, sizes in _parts(samples, kernel.ways):
        for name in names:
            wanted = np.asarray(getattr(original, name)(part))
            for size in sizes:
                got = _in_slices(getattr(quick, name), part, size)
                largest = max(largest, _difference(original, name, part, wanted, got, tolerance))
    return largest


def _parts(samples: Sequence[Array], ways: Sequence[int]) -> Iterator[tuple[Array, Sequence[int]]]:
    """Rows, and in slices of which sizes the quick way gets them."""
    for rows in samples:
        yield rows, _sizes(ways, len(rows))
        yield rows[:_FEW], (_FEW,)
        yield rows[:1], (1,)
    for number in range(1, min(_ALONE, len(samples[0]))):
        yield samples[0][number : number + 1], (1,)
    yield samples[0], (len(samples[0]),)


def _sizes(ways: Sequence[int], count: int) -> list[int]:
    """For each way a size that goes it: in larger slices the original would answer, and be compared with itself."""
    return [min(most, max(count, before + 1)) for before, most in zip((0, *ways), ways, strict=False)]


def _in_slices(method: Callable[[Array], Any], rows: Array, size: int) -> Array:
    # All are full, with rows from the beginning once more: the rest alone would go the way of fewer rows.
    filled = np.resize(rows, (-(-len(rows) // size) * size, rows.shape[1]))
    return np.concatenate([method(each) for each in np.split(filled, len(filled) // size)])[: len(rows)]


def _difference(original: Any, name: str, rows: Array, wanted: Array, got: Array, tolerance: float) -> float:
    if wanted.shape != got.shape or wanted.dtype.kind != got.dtype.kind:
        raise DisagreementError(f"{name} gives {got.dtype}{got.shape} in place of {wanted.dtype}{wanted.shape}")
    if name == "predict" and hasattr(original, "classes_"):
        differing = rows[np.reshape(wanted != got, (len(rows), -1)).any(axis=1)]
        if len(differing) and not _are_close_calls(original, differing, tolerance):
            raise DisagreementError(f"predict gives other classes for {len(differing)} of {len(rows)} rows")
        return 0.0
    scale = np.maximum(1, np.abs(np.where(np.isfinite(wanted), wanted, 1)))
    with np.errstate(invalid="ignore"):
        apart = np.where((wanted == got) | (np.isnan(wanted) & np.isnan(got)), 0, np.abs(wanted - got) / scale)
    largest = float(np.max(apart, initial=0))
    if not largest <= tolerance:
        where = int(np.argmax(np.nan_to_num(apart, nan=np.inf).reshape(len(rows), -1).max(axis=1)))
        raise DisagreementError(
            f"{name} differs by {largest:.3g} for row {where} of {len(rows)} ({rows.dtype}); "
            f"the tolerance is {tolerance:g}"
        )
    return largest


def _are_close_calls(original: Any, rows: Array, tolerance: float) -> bool:
    name = "predict_proba" if hasattr(original, "predict_proba") else "decision_function"
    scores = np.asarray(getattr(original, name)(rows))
    if scores.ndim == 1:
        return bool((np.abs(scores) <= 2 * tolerance).all())
    first = np.sort(scores, axis=1)[:, -2:]
    return bool((first[:, 1] - first[:, 0] <= 2 * tolerance).all())
