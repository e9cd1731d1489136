"""Every accelerator, by its name in shapemaker.yml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapemaker_runtime.acceleration import builtin, onnx

if TYPE_CHECKING:
    from pathlib import Path

    from shapemaker_runtime.acceleration.kernel import Kernel


def prepare(by: str, estimator: Any, directory: Path, name: str) -> Kernel:
    """Make what the accelerator needs beside the model artifacts; `UnsupportedError` says why it cannot be."""
    if by == "onnx":
        onnx.convert(estimator, directory, name)
    return kernel(by, estimator, directory, name)


def kernel(by: str, estimator: Any, directory: Path, name: str) -> Kernel:
    """The kernel of an estimator, out of what has been prepared."""
    return onnx.kernel(estimator, directory, name) if by == "onnx" else builtin.kernel(estimator)
