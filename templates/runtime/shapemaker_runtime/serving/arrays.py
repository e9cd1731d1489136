"""NumPy where the image has it, imported once it is needed; without it the same requests work, as lists."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import io
import math
import struct
import sys
from itertools import starmap
from typing import TYPE_CHECKING, Any

from shapemaker_runtime.errors import ModelOutputError, RequestError, SetupError

if TYPE_CHECKING:
    import numpy as np

    from shapemaker_runtime.serving.formats import Body
else:

    class _OnceNeeded:
        """NumPy: a third of the time of a start, which not every model needs."""

        def __getattr__(self, name: str) -> Any:
            value = getattr(importlib.import_module("numpy"), name)
            setattr(self, name, value)  # found without this method from now on
            return value

    np = _OnceNeeded()

IS_AVAILABLE = importlib.util.find_spec("numpy") is not None

_NUMBERS = frozenset({int, float})
_NUMERIC_KINDS = "biuf"
_MAGIC = b"\x93NUMPY"
_MAX_HEADER = 4096
_SINGLE = 4
_DOUBLE = 8


def load() -> None:
    """Import NumPy now, if the image has it, rather than at the first request."""
    if IS_AVAILABLE:
        try:
            importlib.import_module("numpy")
        except ImportError as error:
            raise SetupError(f"this image's NumPy cannot be imported: {error}") from None


def is_array(value: object) -> bool:
    """Whether this is an ndarray."""
    return is_loaded() and isinstance(value, np.ndarray)


def is_loaded() -> bool:
    """Whether NumPy has been imported. Until then it has made nothing, and nobody has asked for it."""
    return "numpy" in sys.modules


def from_tensor(value: Any) -> Any:
    """A tensor of torch, wherever it is, as an array, and a list of them as a list; anything else as it is."""
    tensor = getattr(sys.modules.get("torch"), "Tensor", ())
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], tensor):
        return [from_tensor(each) for each in value]
    if not isinstance(value, tensor):
        return value
    there = value.detach().cpu()
    if value.is_floating_point() and there.element_size() < _SINGLE:
        there = there.float()  # NumPy has no bfloat16
    # By force, because what is negated or conjugated may only be marked as such.
    return there.numpy(force=True) if IS_AVAILABLE and there.ndim else there.tolist()


def is_matrix(rows: object) -> bool:
    """Whether rows are lists of numbers, all of one length; `true` is no number."""
    if not isinstance(rows, list) or not all(type(row) is list for row in rows):
        return False
    # Checked before NumPy sees it: among texts it would make every cell as wide as the widest.
    return len({len(row) for row in rows}) == 1 and all(_NUMBERS.issuperset(map(type, row)) for row in rows)


def is_table(rows: object) -> bool:
    """Whether rows are lists, all of one length, whatever they hold."""
    return isinstance(rows, list) and set(map(type, rows)) == {list} and len(set(map(len, rows))) == 1


def are_finite(value: Any) -> bool:
    """Whether it is an array of numbers that all are."""
    return is_array(value) and value.dtype.kind in _NUMERIC_KINDS and bool(np.isfinite(value).all())


def concatenate(parts: list[Any]) -> Any:
    """The rows of several arrays as one."""
    return np.concatenate(parts)


def stack(columns: list[Any]) -> Any:
    """A matrix of floats from columns of numbers; of single floats if they all are."""
    are_single = all(column.dtype == np.float32 for column in columns)
    matrix = np.empty((len(columns), len(columns[0])), dtype=np.float32 if are_single else np.float64)
    for index, column in enumerate(columns):
        matrix[index] = column
    return matrix.T  # columns stay columns in memory, which is several times as fast as to interleave them


def of_bools(cells: list[bool]) -> Any:
    """An array."""
    return np.array(cells, dtype=bool)


def from_lists(rows: list[Any]) -> Any:
    """An array of floats from numbers or nested lists of them; a `RequestError` of status 400 if they are not that."""
    if not _is_numeric(rows):
        raise RequestError(400, "the instances must be numbers, or lists of numbers of one shape")
    try:
        array = np.asarray(rows, dtype=float)
    except (ValueError, OverflowError):
        raise RequestError(400, "the instances must be of one shape, with numbers in the range of a double") from None
    _refuse_empty_rows(array.shape)
    return array


def of_matrix(rows: list[Any]) -> Any:
    """An array of floats from what `is_matrix`; a `RequestError` when a number is out of range."""
    _refuse_empty_rows((len(rows), len(rows[0])))
    # Several times as fast as NumPy, which looks at each number twice to find a type for all.
    pack = struct.Struct(f"{len(rows[0])}d").pack
    try:
        memory = bytearray().join(starmap(pack, rows))
    except (struct.error, OverflowError):
        raise RequestError(400, "the instances must be numbers in the range of a double") from None
    return np.ndarray((len(rows), len(rows[0])), dtype=float, buffer=memory)


def of_cells(cells: list[float], width: int) -> Any:
    """An array of floats with so wide rows."""
    memory = bytearray(len(cells) * _DOUBLE)
    struct.pack_into(f"{len(cells)}d", memory, 0, *cells)
    return np.ndarray((len(cells) // width, width), dtype=float, buffer=memory)


def zeros(array: Any) -> list[int]:
    """Where they are among all cells, row by row."""
    found: list[int] = np.flatnonzero(array == 0).tolist()
    return found


def _refuse_empty_rows(shape: tuple[int, ...]) -> None:
    if 0 in shape[1:]:
        raise RequestError(400, "there are no values")


def _is_numeric(value: object) -> bool:
    if type(value) is not list:
        return type(value) in _NUMBERS
    return _NUMBERS.issuperset(map(type, value)) or all(_is_numeric(item) for item in value)


def from_npy(body: Body) -> Any:
    """The array of a .npy file. Its header is untrusted: nothing is allocated before the size is known to be true."""
    try:
        dtype, is_fortran, shape, start = _header(body)
    except (ValueError, TypeError, KeyError, SyntaxError, RecursionError, MemoryError, OverflowError, struct.error):
        raise RequestError(400, "not a .npy file") from None
    if dtype.kind not in _NUMERIC_KINDS:
        raise RequestError(400, "the array must be of numbers; objects are never unpickled")
    if not shape or min(shape) < 0 or math.prod(shape) * dtype.itemsize != len(body) - start:
        raise RequestError(400, "the .npy header and the size of the body disagree")
    _refuse_empty_rows(shape)
    array = np.frombuffer(body, dtype=dtype, offset=start)
    try:
        array = array.reshape(shape, order="F" if is_fortran else "C")
        # A model may write into its input, and libraries ask for numbers at whole addresses.
        is_fit = array.flags.writeable and array.flags.aligned
        return array.astype(dtype.newbyteorder("="), copy=not is_fit)
    except (ValueError, OverflowError):
        raise RequestError(400, "no array can have the shape in the .npy header") from None


def _header(body: Body) -> tuple[np.dtype[Any], bool, tuple[int, ...], int]:
    # Read here, not by NumPy, whose reader mends old headers with Python's tokenizer and fails in as many ways.
    if body[:6] != _MAGIC:
        raise ValueError("no magic")
    length_format = "<H" if body[6:7] == b"\x01" else "<I"
    start = 8 + struct.calcsize(length_format)
    (length,) = struct.unpack_from(length_format, body, 8)
    if length > _MAX_HEADER:
        raise ValueError("no header of numbers is that long")
    fields = ast.literal_eval(body[start : start + length].decode("latin-1").strip())
    shape = fields["shape"]
    if not isinstance(shape, tuple) or not all(type(size) is int for size in shape):
        raise TypeError("no shape")
    return np.dtype(fields["descr"]), bool(fields["fortran_order"]), shape, start + length


def to_npy(value: object) -> bytes:
    """A .npy file of numbers or texts; `ModelOutputError` when an array would have to hold objects."""
    stream = io.BytesIO()
    try:
        np.save(stream, np.asarray(value), allow_pickle=False)
    except ValueError:
        raise ModelOutputError("the model's answer does not fit into an array") from None
    return stream.getvalue()
