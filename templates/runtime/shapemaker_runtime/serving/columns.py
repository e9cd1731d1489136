"""Tables: made of rows, put in a model's order, and taken for rows, for a matrix or for a DataFrame."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, NoReturn

from shapemaker_runtime.errors import RequestError
from shapemaker_runtime.program import did_you_mean
from shapemaker_runtime.serving import arrays
from shapemaker_runtime.serving.formats import Columns

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

_NUMBERS = frozenset({int, float})
_MAYBE_NUMBERS = _NUMBERS | {type(None)}
_SHOWN = 60


def of_document(document: Mapping[str, object]) -> Columns:
    """The table of a JSON object of columns; a `RequestError` of status 400 names the one that is none."""
    lengths = set()
    for name, cells in document.items():
        if not isinstance(cells, list):
            raise RequestError(400, f"the column {_shown(name)} must be a list")
        lengths.add(len(cells))
    if len(lengths) != 1:
        raise RequestError(400, "the columns must be of one length" if lengths else "there are no columns")
    return Columns(tuple(document), list(document.values()))


def of_rows(rows: Any, order: tuple[str, ...]) -> Columns:
    """The table of instances. Rows without names take those of `order`, or numbers as names where there is none."""
    if arrays.is_array(rows):
        return _of_array(rows, order)
    if all(type(row) is dict for row in rows):
        names = order or tuple(rows[0])
        return Columns(names, _transposed(named_rows(rows, names), len(names)))
    cells = [row if isinstance(row, list) else [row] for row in rows]
    width = len(order or cells[0])
    for number, row in enumerate(cells, 1):
        check_width(len(row), order, width, f"row {number}: ")
    return Columns(order or _numbered(width), _transposed(cells, width))


def _of_array(array: Any, order: tuple[str, ...]) -> Columns:
    if array.ndim > 2:  # noqa: PLR2004 - what a table has
        raise RequestError(400, "the array must have rows and columns, and no third dimension")
    table = array.reshape(len(array), -1)
    width = table.shape[1]
    check_width(width, order, width, "row 1: ")
    return Columns(order or _numbered(width), [table[:, index] for index in range(width)])


def _numbered(width: int) -> Any:
    return tuple(range(width))  # as pandas names them


def _transposed(rows: list[Any], width: int) -> list[Any]:
    if width == 0:
        raise RequestError(400, "there are no columns")
    return [list(column) for column in zip(*rows, strict=True)]


def check_width(width: int, order: tuple[str, ...], default: int, where: str) -> None:
    """Refuse rows with more or fewer values than there are names, or than `default` where there are no names."""
    expected = len(order) or default
    if width != expected:
        names = f": {', '.join(order)}" if order else ""
        raise RequestError(400, f"{where}{width} values; {expected} are expected{names}")


def named_rows(rows: list[dict[str, object]], order: tuple[str, ...]) -> list[list[object]]:
    """The values of each row in the order of these names, all of which it must have, and no other."""
    found = []
    known = dict.fromkeys(order)
    for number, row in enumerate(rows, 1):
        if row.keys() != known.keys():
            _refuse_names(row, order, f"row {number}: ", "field")
        found.append([row[name] for name in order])
    return found


def ordered(table: Columns, order: tuple[str, ...]) -> Columns:
    """The table with exactly these columns, in their order; a `RequestError` of status 400 names what is not so."""
    if table.names == order:
        return table
    cells = dict(zip(table.names, table.values, strict=True))
    if cells.keys() != set(order):
        _refuse_names(cells, order, "", "column")
    return Columns(order, [cells[name] for name in order])


def _refuse_names(names: Mapping[str, object], order: tuple[str, ...], where: str, what: str) -> NoReturn:
    takes = f"the model takes: {', '.join(order)}"
    for name in names:
        if name not in order:
            raise RequestError(400, f"{where}unknown {what} {_shown(name)}{did_you_mean(name, order)}; {takes}")
    missing = next(name for name in order if name not in names)
    raise RequestError(400, f"{where}the {what} {missing} is missing; {takes}")


def _shown(name: str) -> str:
    return ascii(name)[:_SHOWN]


def to_rows(table: Columns) -> list[dict[str, Any]]:
    """One object a row."""
    cells = [column.tolist() if arrays.is_array(column) else column for column in table.values]
    return [dict(zip(table.names, row, strict=True)) for row in zip(*cells, strict=True)]


def to_lists(table: Columns) -> list[list[Any]]:
    """One list a row."""
    cells = [column.tolist() if arrays.is_array(column) else column for column in table.values]
    return [list(row) for row in zip(*cells, strict=True)]


def is_numeric(table: Columns) -> bool:
    """Whether NumPy is there, and every cell is a number."""
    return arrays.IS_AVAILABLE and all(map(_is_numeric, table.values))


def _is_numeric(column: Any) -> bool:
    return arrays.is_array(column) or _NUMBERS.issuperset(map(type, column))


def to_matrix(table: Columns) -> Any:
    """An array of floats with a row for each of the table; a `RequestError` of status 400 names a column of others."""
    for name, column in zip(table.names, table.values, strict=True):
        if not _is_numeric(column):
            raise RequestError(400, f"the column {_shown(name)} must be of numbers")
    return arrays.stack([arrays.from_lists(each) if isinstance(each, list) else each for each in table.values])


def settled(table: Columns) -> Columns:
    """The table as a DataFrame will have it: numbers are floats, null among them is NaN, and all else stays."""
    return Columns(table.names, [_settled(column) for column in table.values])


def _settled(column: Any) -> Any:
    if not isinstance(column, list) or not arrays.IS_AVAILABLE:
        return column
    kinds = set(map(type, column))
    if kinds <= _NUMBERS:
        return arrays.from_lists(column)
    if kinds <= _MAYBE_NUMBERS and len(kinds) > 1:
        return arrays.from_lists([float("nan") if cell is None else cell for cell in column])
    return arrays.of_bools(column) if kinds == {bool} else column


def to_frame(table: Columns) -> Any:
    """A pandas DataFrame that shares the columns' memory where that is possible."""
    pandas = importlib.import_module("pandas")
    return pandas.DataFrame(dict(zip(table.names, table.values, strict=True)), copy=False)


def from_frame(frame: Any) -> Columns:
    """The columns of a DataFrame: numbers and bools as arrays, all else as lists."""
    names = tuple(str(name) for name in frame.columns)
    columns = [frame.iloc[:, index].to_numpy() for index in range(len(names))]
    return Columns(names, [each if each.dtype.kind in "biuf" else each.tolist() for each in columns])


def family(table: Columns) -> Hashable:
    """Tables of one family can be joined: each column has one type in all of them."""
    kinds = (frozenset(map(type, each)) if isinstance(each, list) else each.dtype.str for each in table.values)
    return ("table", table.names, tuple(kinds))


def join(tables: Sequence[Columns]) -> Columns:
    """The rows of all, which are of one family."""
    values: list[Any] = []
    for parts in zip(*(table.values for table in tables), strict=True):
        if isinstance(parts[0], list):
            values.append([cell for part in parts for cell in part])
        else:
            values.append(arrays.concatenate(list(parts)))
    return Columns(tables[0].names, values)
