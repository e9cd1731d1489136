"""Compiled trees: a shared library that training has made, called once for all rows.

The library is code out of the model artifacts, so it is trusted as much as a pickle there, which can run any code, too.
"""

from __future__ import annotations

import _ctypes
import ctypes
import platform
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from shapemaker_runtime.acceleration import ensembles, report
from shapemaker_runtime.acceleration.kernel import Kernel, UnsupportedError
from shapemaker_runtime.acceleration.steps import features, split
from shapemaker_runtime.errors import SetupError

if TYPE_CHECKING:
    from pathlib import Path

    from shapemaker_runtime.acceleration.trees import Array

_ROWS = 512
"""More the original predicts as quickly (measured): each row goes through all trees' code, which no cache holds."""


def kernel(estimator: Any, directory: Path, name: str) -> Kernel:
    """The methods of the estimator, its trees in the library."""
    steps, last = split(estimator)
    library = _Library(_file(directory / report.FOLDER, name), last.n_features_in_)
    return maker(last)(last, steps, features(estimator), library)


def maker(last: Any) -> ensembles.Maker:
    """What makes the kernel of such an ensemble; `UnsupportedError` says why nothing does."""
    kind = type(last).__name__
    if kind not in ensembles.MAKERS or not type(last).__module__.startswith("sklearn."):
        raise UnsupportedError(f"a {kind} has no trees to compile")
    return ensembles.MAKERS[kind]


def _file(folder: Path, name: str) -> Path:
    # A name has no hyphen.
    found = [each for each in folder.glob("*.so") if each.name.rpartition("-")[0] == name]
    if len(found) != 1:
        raise SetupError(f"{folder} has {len(found) or 'no'} compiled trees of {name}; train the model again")
    return found[0]


class _Library:
    """What the trees add up to, of rows that it may write on."""

    what = "compiled trees"
    ways: tuple[int, ...] = (_ROWS,)

    def __init__(self, file: Path, features: int) -> None:
        try:
            loaded = ctypes.CDLL(str(file))
            shape, self._predict = loaded.shapemaker_shape, loaded.shapemaker_predict
        except (OSError, AttributeError) as error:
            raise SetupError(
                f"the compiled trees cannot be loaded on this {platform.machine()}: {error}; train the model again"
            ) from None
        # Otherwise an endpoint of many models would keep the trees of all that it has ever had.
        weakref.finalize(loaded, _ctypes.dlclose, loaded._handle).atexit = False  # noqa: SLF001 - ctypes has no other way
        found = (ctypes.c_int32 * 2)()
        shape(found)
        if found[0] != features:
            raise SetupError(f"{file} takes {found[0]} features, and not {features}; train the model again")
        self._outputs = found[1]
        self._predict.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p]
        self._predict.restype = None

    def __call__(self, rows: Array, *, has_missing: bool) -> Array:  # noqa: ARG002 - it looks at each value itself
        rows = np.ascontiguousarray(rows)
        results = np.zeros((len(rows), self._outputs))
        self._predict(rows.ctypes.data, len(rows), results.ctypes.data)
        return results
