"""What shapemaker.yml says about acceleration, as the containers get it: the same in training and serving."""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shapemaker_runtime.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Mapping

TOLERANCES = {"builtin": 1e-9, "onnx": 1e-3, "compiled": 1e-9}
"""By accelerator: ONNX Runtime computes in single precision."""


@dataclass(frozen=True)
class Acceleration:
    """One accelerator for the estimators of a model."""

    by: str
    """`$SHAPEMAKER_ACCELERATE`: none, builtin, onnx or compiled."""
    attribute: str
    """`$SHAPEMAKER_ACCELERATE_ATTRIBUTE` of the model, dots allowed; empty for all that are estimators."""
    tolerance: float
    """`$SHAPEMAKER_ACCELERATE_TOLERANCE`: the largest difference, relative to values above 1."""
    fallback: bool
    """`$SHAPEMAKER_ACCELERATE_FALLBACK`: whether the model may be trained and served without."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Acceleration:
        """`SetupError` names the variable that cannot be."""
        by = environ.get("SHAPEMAKER_ACCELERATE", "").strip() or "none"
        if by != "none" and by not in TOLERANCES:
            raise SetupError(f"SHAPEMAKER_ACCELERATE must be one of none, {', '.join(TOLERANCES)}, got {by[:40]!r}")
        return cls(
            by=by,
            attribute=environ.get("SHAPEMAKER_ACCELERATE_ATTRIBUTE", "").strip(),
            tolerance=_tolerance(environ.get("SHAPEMAKER_ACCELERATE_TOLERANCE", "").strip(), by),
            fallback=environ.get("SHAPEMAKER_ACCELERATE_FALLBACK", "").strip() == "true",
        )

    @property
    def is_wanted(self) -> bool:
        """Whether there is anything to do."""
        return self.by != "none"


def machinery(module: str) -> Any:
    """A module that works with NumPy: imported where it is wanted, since a model may do without both."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise SetupError(f"serve.accelerate needs {error.name}, which is not in this image") from None


def _tolerance(text: str, by: str) -> float:
    if not text:
        return TOLERANCES.get(by, 0)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise SetupError(f"SHAPEMAKER_ACCELERATE_TOLERANCE must be a number from 0, got {text[:40]!r}")
    return value
