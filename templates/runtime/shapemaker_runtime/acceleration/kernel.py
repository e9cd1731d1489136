"""What takes the place of a fitted estimator's methods."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shapemaker_runtime.acceleration.trees import Array

_DTYPES = frozenset(map(np.dtype, ("f4", "f8", "i4", "i8")))


class UnsupportedError(Exception):
    """The estimator has no quicker form; the text says why, to go after its name."""


@dataclass(frozen=True)
class Kernel:
    """Functions from rows to what an estimator's methods return; None for rows that they leave to the original."""

    what: str
    """For people: how it is done."""
    methods: Mapping[str, Callable[[Array], Array | None]]
    features: int
    allows_missing: bool = False
    """Whether the original takes NaN."""
    ways: tuple[int, ...] = (1 << 62,)
    """The most rows that each of its ways takes, ascending; larger batches the original answers as quickly."""
    thresholds: Mapping[int, Array] = field(default_factory=dict)
    """By feature, where trees branch: rows near there tell whether two ways agree."""


def rows_of(given: Any, columns: Any, features: int) -> Array | None:
    """Numbers in rows; None for what only the original can judge: other types or shapes, frames with other columns."""
    if not isinstance(given, np.ndarray):
        if isinstance(given, list):
            given = _from_list(given)
        elif hasattr(given, "columns") and hasattr(given, "to_numpy"):
            if columns is None or list(given.columns) != list(columns):
                return None
            given = given.to_numpy()
        if not isinstance(given, np.ndarray):
            return None
    is_fit = given.ndim == 2 and given.shape[1] == features and len(given) > 0 and given.dtype in _DTYPES  # noqa: PLR2004
    return given if is_fit else None


def _from_list(rows: list[Any]) -> Array | None:
    try:
        return np.asarray(rows)
    except ValueError:
        return None


def missing(rows: Array, *, allows: bool) -> bool | None:
    """Whether there is NaN; None when the original has to refuse the rows, for NaN or infinity."""
    finite = np.isfinite(rows)
    if finite.all():
        return False
    if not allows or np.isinf(rows).any():
        return None
    return True
