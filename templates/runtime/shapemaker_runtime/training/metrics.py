"""Metrics that a model class returns."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

from shapemaker_runtime.errors import ModelOutputError


def numbers(metrics: Any, origin: str) -> dict[str, float]:
    """Names and values as floats; `ModelOutputError` names what is no number. NumPy's scalars are numbers."""
    if not isinstance(metrics, Mapping):
        raise ModelOutputError(f"{origin} must return a mapping of names to numbers, got {type(metrics).__name__}")
    for name, value in metrics.items():
        if not isinstance(name, str) or not _is_number(value):
            raise ModelOutputError(f"{origin} returned {str(name)[:80]}={str(value)[:80]}, which is no number")
    return {name: float(value) for name, value in metrics.items()}


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
