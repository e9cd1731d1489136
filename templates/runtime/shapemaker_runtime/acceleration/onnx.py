"""ONNX Runtime: estimators that skl2onnx has converted in training. Single precision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from shapemaker_runtime.acceleration import report
from shapemaker_runtime.acceleration.kernel import Kernel, UnsupportedError, missing
from shapemaker_runtime.acceleration.steps import features
from shapemaker_runtime.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shapemaker_runtime.acceleration.trees import Array


def convert(estimator: Any, directory: Path, name: str) -> None:
    """Write the estimator as an ONNX file."""
    try:
        import skl2onnx  # type: ignore[import-not-found]  # noqa: PLC0415 - only in images that ask for it
        from skl2onnx.common.data_types import FloatTensorType  # type: ignore[import-not-found]  # noqa: PLC0415
    except ImportError as error:
        raise SetupError(f"serve.accelerate: onnx needs skl2onnx in the training image: {error}") from None
    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "predict_proba") else None
    kind = [("rows", FloatTensorType([None, features(estimator)]))]
    try:
        made = skl2onnx.convert_sklearn(estimator, initial_types=kind, options=options)
    # What the converters raise is not of one family; RuntimeError is what they derive from when they know the reason.
    except (RuntimeError, ValueError, TypeError, AttributeError, KeyError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UnsupportedError(f"skl2onnx cannot convert it: {reason[:200]}") from None
    file = _file(directory, name)
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(made.SerializeToString())


def kernel(estimator: Any, directory: Path, name: str) -> Kernel:
    """The methods of the converted estimator."""
    try:
        import onnxruntime  # type: ignore[import-not-found]  # noqa: PLC0415 - only in images that ask for it
    except ImportError as error:
        raise SetupError(f"serve.accelerate: onnx needs onnxruntime in this image: {error}") from None
    file = _file(directory, name)
    if not file.is_file():
        raise SetupError(f"{file} is not there; train the model again")
    options = onnxruntime.SessionOptions()
    # Workers share the cores already; threads of a library would also be lost in a fork.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(file.read_bytes(), options, providers=["CPUExecutionProvider"])
    return Kernel("ONNX Runtime", _methods(estimator, session), features(estimator))


def _methods(estimator: Any, session: Any) -> dict[str, Callable[[Array], Array | None]]:
    outputs = [each.name for each in session.get_outputs()]

    def run(output: str, rows: Array) -> Array | None:
        single = rows.astype(np.float32)
        if missing(single, allows=False) is None:
            return None
        return session.run([output], {"rows": single})[0]

    if not hasattr(estimator, "predict_proba"):
        flat = not hasattr(estimator, "n_outputs_") or estimator.n_outputs_ == 1

        def predict(rows: Array) -> Array | None:
            found = run(outputs[0], rows)
            return None if found is None else (found.ravel() if flat else found).astype(np.float64)

        return {"predict": predict}

    def label(rows: Array) -> Array | None:
        found = run(outputs[0], rows)
        return None if found is None else np.asarray(found).astype(estimator.classes_.dtype)

    def predict_proba(rows: Array) -> Array | None:
        found = run(outputs[1], rows)
        return None if found is None else found.astype(np.float64)

    return {"predict": label, "predict_proba": predict_proba}


def _file(directory: Path, name: str) -> Path:
    return directory / report.FOLDER / f"{name}.onnx"
