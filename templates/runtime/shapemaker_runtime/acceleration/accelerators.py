"""Every accelerator, by its name in shapemaker.yml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapemaker_runtime.acceleration import builtin, compiled, onnx

if TYPE_CHECKING:
    from pathlib import Path

    from shapemaker_runtime.acceleration.kernel import Kernel


def kernel(by: str, estimator: Any, directory: Path, name: str) -> Kernel:
    """The kernel of an estimator, out of what has been prepared; `UnsupportedError` says why there is none."""
    if by == "compiled":
        return compiled.kernel(estimator, directory, name)
    return onnx.kernel(estimator, directory, name) if by == "onnx" else builtin.kernel(estimator)
