"""What training does for an accelerator, and serving never."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapemaker_runtime.acceleration import accelerators, compiled, compiling, onnx, report
from shapemaker_runtime.acceleration.steps import features, split

if TYPE_CHECKING:
    from pathlib import Path

    from shapemaker_runtime.acceleration.kernel import Kernel


def prepare(by: str, estimator: Any, directory: Path, name: str) -> Kernel:
    """Make what the accelerator needs beside the model artifacts; `UnsupportedError` says why it cannot be."""
    if by == "onnx":
        onnx.convert(estimator, directory, name)
    elif by == "compiled":
        _compile(estimator, directory, name)
    return accelerators.kernel(by, estimator, directory, name)


def _compile(estimator: Any, directory: Path, name: str) -> None:
    steps, last = split(estimator)
    # What NumPy's way finds to be unsupported is so here, and compiling takes long.
    compiled.maker(last)(last, steps, features(estimator))
    compiling.library(last, directory / report.FOLDER / name)
