"""Arrow streams and Parquet, where the image has pyarrow: what they may hold is known before anything is unpacked."""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from shapemaker_runtime.errors import ModelOutputError, RequestError
from shapemaker_runtime.serving import arrays
from shapemaker_runtime.serving.formats import Body, Columns

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

IS_AVAILABLE = arrays.IS_AVAILABLE and importlib.util.find_spec("pyarrow") is not None

_MAX_COLUMNS = 10_000
_MAX_PARTS = 4096
"""Batches of a stream, or row groups of a file."""
_MAX_BYTES = 200 << 20
"""What a body may become; without compression it would be eight of the largest that the platform sends."""
_CELL_BYTES = 8
_SAFE_VERSION = 15
"""Before it, reading a schema could run code that the schema named."""

_FAULTS = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    OSError,
    MemoryError,
    NotImplementedError,
)


@cache
def _pyarrow() -> Any:
    found = importlib.import_module("pyarrow")
    if int(found.__version__.partition(".")[0]) < _SAFE_VERSION:
        raise RequestError(
            415, f"this image's pyarrow is older than {_SAFE_VERSION}, so it reads no Arrow and no Parquet"
        )
    return found


@cache
def _untrusted() -> ModuleType:
    """Imported when it is needed: its patterns take longer to compile than all else that a start does."""
    return importlib.import_module("shapemaker_runtime.serving.untrusted")


def from_stream(body: Body, max_rows: int) -> Columns:
    """The table of an Arrow IPC stream: 400 if it is none, or has types we don't take; 413 if it is too large."""
    return _guarded("Arrow stream", _read_stream, body, max_rows)


def from_parquet(body: Body, max_rows: int) -> Columns:
    """The table of a Parquet file, in the same way."""
    return _guarded("Parquet file", _read_parquet, body, max_rows)


def _guarded(what: str, read: Callable[[Any, Body, int], Columns], body: Body, max_rows: int) -> Columns:
    pyarrow = _pyarrow()
    try:
        return read(pyarrow, body, max_rows)
    except (pyarrow.ArrowException, *_FAULTS):
        raise RequestError(400, f"not {'an' if what[0] == 'A' else 'a'} {what}") from None


def _read_stream(pyarrow: Any, body: Body, max_rows: int) -> Columns:
    _untrusted().check_stream(body, _MAX_PARTS)
    ipc = importlib.import_module("pyarrow.ipc")
    batches: list[Any] = []
    rows = size = 0
    with ipc.open_stream(pyarrow.py_buffer(body)) as reader:
        _check_schema(pyarrow, reader.schema)
        texts = [n for n, field in enumerate(reader.schema) if not pyarrow.types.is_primitive(field.type)]
        for batch in reader:
            rows += batch.num_rows
            _check_size(rows, len(reader.schema), max_rows)
            batch.validate()  # or its size would be read from anywhere
            # Columns may share their memory, and batches a dictionary, but not the work and the cells that they become.
            size += sum(batch.column(n).nbytes for n in texts)  # of numbers, the cells are counted
            if size > _MAX_BYTES:
                raise RequestError(413, f"the Arrow stream becomes larger than {_MAX_BYTES} bytes")
            # Offsets and indices are the caller's: unchecked, they would read any memory.
            batch.validate(full=True)
            batches.append(batch)
        return _columns(pyarrow, pyarrow.Table.from_batches(batches, reader.schema))


def _read_parquet(pyarrow: Any, body: Body, max_rows: int) -> Columns:
    parquet = importlib.import_module("pyarrow.parquet")
    untrusted = _untrusted()
    footer = untrusted.footer(body)
    _check_size(footer.rows, len(footer.names), max_rows)
    if len(footer.groups) > _MAX_PARTS:
        raise RequestError(413, f"more than {_MAX_PARTS} row groups")
    untrusted.check_pages(body, chain.from_iterable(footer.groups), _MAX_BYTES)
    # Texts stay in their dictionaries: a long one that stands in every row would fill the memory.
    file = parquet.ParquetFile(pyarrow.BufferReader(body), read_dictionary=footer.names)
    _check_schema(pyarrow, file.schema_arrow)
    table = file.read(use_threads=False)
    table.validate(full=True)
    return _columns(pyarrow, table)


def _check_size(rows: int, columns: int, max_rows: int) -> None:
    if rows > max_rows:
        raise RequestError(413, f"more than {max_rows} instances in one request")
    if columns > _MAX_COLUMNS or rows * columns * _CELL_BYTES > _MAX_BYTES:
        raise RequestError(413, "the table has too many columns, or too many cells")


def _check_schema(pyarrow: Any, schema: Any) -> None:
    if len(set(schema.names)) < len(schema.names):
        raise RequestError(400, "a name stands twice among the columns")
    if len(schema) > _MAX_COLUMNS:
        raise RequestError(413, f"more than {_MAX_COLUMNS} columns")
    for number, field in enumerate(schema, 1):
        kind = field.type.value_type if pyarrow.types.is_dictionary(field.type) else field.type
        if not _is_plain(pyarrow.types, kind):
            raise RequestError(400, f"column {number} must be of numbers, texts or bools")


def _is_plain(types: Any, kind: Any) -> bool:
    return bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_boolean(kind)
        or types.is_string(kind)
        or types.is_large_string(kind)
    )


def _columns(pyarrow: Any, table: Any) -> Columns:
    return Columns(tuple(table.column_names), [_column(pyarrow, each) for each in table.columns])


def _column(pyarrow: Any, column: Any) -> Any:
    if pyarrow.types.is_dictionary(column.type):
        return _from_dictionaries(pyarrow, column)
    if column.null_count or pyarrow.types.is_string(column.type) or pyarrow.types.is_large_string(column.type):
        return column.to_pylist()
    return column.to_numpy()  # of one chunk, and not of bits: the body's own memory


def _from_dictionaries(pyarrow: Any, column: Any) -> Any:
    # Each row refers to its text, which is there once.
    cells: list[Any] = []
    for chunk in column.chunks:
        cells.extend(map(_words(chunk).__getitem__, chunk.indices.to_pylist()))
    value_type = column.type.value_type
    is_text = pyarrow.types.is_string(value_type) or pyarrow.types.is_large_string(value_type)
    return cells if is_text or None in cells else pyarrow.array(cells, value_type).to_numpy(zero_copy_only=False)


def _words(chunk: Any) -> dict[int | None, Any]:
    if len(chunk.dictionary) <= len(chunk):
        return {None: None, **dict(enumerate(chunk.dictionary.to_pylist()))}
    # Only those in use: all may be many more than there are rows.
    used = chunk.indices.unique()
    return dict(zip(used.to_pylist(), chunk.dictionary.take(used).to_pylist(), strict=True))


def to_stream(name: str, value: object) -> bytes:
    """The Arrow IPC stream of an answer; `ModelOutputError` if it is no table, nor can be one."""
    table = _table(name, value)
    sink = _pyarrow().BufferOutputStream()
    with importlib.import_module("pyarrow.ipc").new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def to_parquet(name: str, value: object) -> bytes:
    """The same as a Parquet file."""
    table = _table(name, value)
    sink = _pyarrow().BufferOutputStream()
    importlib.import_module("pyarrow.parquet").write_table(table, sink)
    return bytes(sink.getvalue())


def _table(name: str, value: Any) -> Any:
    """Frames and objects by their names; a matrix by the numbers of its columns; all else as one column, `name`."""
    pyarrow = _pyarrow()
    try:
        if hasattr(value, "iloc") and hasattr(value, "columns"):
            return pyarrow.Table.from_pandas(value, preserve_index=False).replace_schema_metadata()
        if hasattr(value, "tolist") and getattr(value, "ndim", 1) == 2:  # noqa: PLR2004 - a matrix
            return pyarrow.table({str(index): value[:, index] for index in range(value.shape[1])})
        if hasattr(value, "to_numpy"):
            value = value.to_numpy()
        rows = value if _is_many(value) else [value]
        if len(rows) and isinstance(rows[0], dict):
            return pyarrow.Table.from_pylist(list(rows))
        return pyarrow.table({name: pyarrow.array(rows)})
    except (pyarrow.ArrowException, *_FAULTS):
        raise ModelOutputError("the model's answer does not fit into a table") from None


def _is_many(value: Any) -> bool:
    return isinstance(value, (list, tuple)) or (arrays.is_array(value) and value.ndim > 0)
