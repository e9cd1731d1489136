"""NumPy where the image has it; without it the same requests work, as lists."""

from __future__ import annotations

import io
import math
from typing import Any

from shapemaker_runtime.errors import ModelOutputError, RequestError

try:
    import numpy as np
except ImportError:
    np = None  # type: ignore[assignment]

IS_AVAILABLE = np is not None

_NUMBERS = frozenset({int, float})
_NUMERIC_KINDS = "biuf"
_HEADERS = {(1, 0): "read_array_header_1_0", (2, 0): "read_array_header_2_0"}


def is_array(value: object) -> bool:
    """Whether this is an ndarray."""
    return IS_AVAILABLE and isinstance(value, np.ndarray)


def is_matrix(rows: object) -> bool:
    """Whether rows are lists of numbers, all of one length; `true` is no number."""
    if not isinstance(rows, list) or not all(type(row) is list for row in rows):
        return False
    # Checked before NumPy sees it: among texts it would make every cell as wide as the widest.
    return len({len(row) for row in rows}) == 1 and all(_NUMBERS.issuperset(map(type, row)) for row in rows)


def from_lists(rows: list[Any]) -> Any:
    """An array of floats from numbers or nested lists of them; a `RequestError` of status 400 if they are not that."""
    if not _is_numeric(rows):
        raise RequestError(400, "the instances must be numbers, or lists of numbers of one shape")
    try:
        return np.asarray(rows, dtype=float)
    except (ValueError, OverflowError):
        raise RequestError(400, "the instances must be of one shape, with numbers in the range of a double") from None


def _is_numeric(value: object) -> bool:
    if type(value) is not list:
        return type(value) in _NUMBERS
    return _NUMBERS.issuperset(map(type, value)) or all(_is_numeric(item) for item in value)


def from_npy(body: bytes) -> Any:
    """The array of a .npy file. Its header is untrusted: nothing is allocated before the size is known to be true."""
    stream = io.BytesIO(body)
    try:
        version = np.lib.format.read_magic(stream)
        if version not in _HEADERS:
            raise RequestError(400, "only .npy versions 1.0 and 2.0 are read")
        shape, is_fortran, dtype = getattr(np.lib.format, _HEADERS[version])(stream)
    except (ValueError, EOFError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise RequestError(400, "not a .npy file") from None
    if dtype.kind not in _NUMERIC_KINDS:
        raise RequestError(400, "the array must be of numbers; objects are never unpickled")
    content = stream.getbuffer()[stream.tell() :]
    if not shape or min(shape) < 0 or math.prod(shape) * dtype.itemsize != len(content):
        raise RequestError(400, "the .npy header and the size of the body disagree")
    array = np.frombuffer(content, dtype=dtype.newbyteorder("=") if dtype.isnative else dtype)
    return array.reshape(shape, order="F" if is_fortran else "C").astype(dtype.newbyteorder("="))


def to_npy(value: object) -> bytes:
    """A .npy file of numbers or texts; `ModelOutputError` when an array would have to hold objects."""
    stream = io.BytesIO()
    try:
        np.save(stream, np.asarray(value), allow_pickle=False)
    except ValueError:
        raise ModelOutputError("the model's answer does not fit into an array") from None
    return stream.getvalue()
