"""Bodies of requests: bytes to a payload, or the reason why not. Knows nothing of HTTP servers."""

from __future__ import annotations

import codecs
import csv
import io
import math
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from shapemaker_runtime import strict_json
from shapemaker_runtime.errors import RequestError
from shapemaker_runtime.serving import arrays, arrow, columns, hooks
from shapemaker_runtime.serving.formats import (
    ARROW,
    CSV,
    JSON,
    JSON_LINES,
    NPY,
    PARQUET,
    Body,
    Columns,
    Fields,
    Instances,
    Payload,
    parse,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_CHARSETS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "iso-8859-1": "latin-1",
    "utf-16": "utf-16",
}
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_PLAIN_NUMBERS = b"0123456789eE+-.,\r\n"
_IN_A_CELL = b"0123456789eE+-."
_MINUS_ZERO = re.compile(rb"-0(?<![eE]-0)(?![.eE0-9])")

_MANY = 512
"""Bytes of a body from which on it pays to look for a matrix."""
_ONE_TEXT = 2
"""Quotation marks around it."""
_LONG_NUMBER = 16
_LONG_NUMBERS = re.compile(rb"[0-9]{%d}" % _LONG_NUMBER)
_IN_A_ROW = b"0123456789eE+-., \t\r\n"
# Searched for in what this makes of a body: a regular expression would take longer than all the parsing.
_SHAPE = bytes.maketrans(b"123456789[- \t\r\n", b"0" * 9 + b"," * 6)
_LONG_INTEGER = b"," + b"0" * 19
"""It may not fit into the 64 bits that the fast parser has for it."""
_AROUND_ROWS = ((b"[", b"]"), (b'{"instances":['.translate(None, _IN_A_ROW), b"]}"))


def decode(content_type: str, body: Body, max_rows: int, of_model: hooks.Hooks = hooks.NONE) -> Payload:
    """Read a body. `RequestError`: 415 for a media type that is not ours, 400 if the body isn't of it, 413 for rows.

    What the model's own decoders raise passes.
    """
    media_type, parameters = parse(content_type)
    if of_model.decoders and media_type in of_model.decoders:
        return hooks.check_count(of_model.decode(media_type, body), max_rows)
    reader = _DECODERS.get(media_type)
    if reader is None:
        raise RequestError(415, f"the content type must be one of {', '.join(accepted(of_model))}")
    if not body or body.isspace():
        raise RequestError(400, "the body is empty")
    payload = reader(body, parameters, max_rows)
    return payload if type(payload) is Fields else hooks.check_count(payload, max_rows)


def accepted(of_model: hooks.Hooks = hooks.NONE) -> list[str]:
    """Media types of bodies."""
    return list(dict.fromkeys((*_DECODERS, *of_model.decoders)))


def _utf8(body: Body, parameters: Mapping[str, str]) -> bytes:
    charset = _CHARSETS.get(parameters.get("charset", "utf-8"))
    if charset is None:
        raise RequestError(415, f"the charset must be one of {', '.join(_CHARSETS)}")
    try:
        return bytes(body) if charset == "utf-8" else body.decode(charset).encode()
    except UnicodeError:
        raise RequestError(400, "the body is not in the charset that it names") from None


def _from_json(body: Body, parameters: Mapping[str, str], _max_rows: int) -> Payload:
    text = _utf8(body, parameters) if parameters else bytes(body)
    document = _quickly(text)
    is_matrix = document is not None and len(text) >= _MANY
    document = document if document is not None else _strictly(text)
    if isinstance(document, list):
        return Instances(document, is_matrix)
    if not isinstance(document, dict):
        raise RequestError(400, "the JSON document must be an object or a list")
    if "instances" not in document:
        is_table = "columns" in document and len(document) == 1 and isinstance(document["columns"], dict)
        return columns.of_document(document["columns"]) if is_table else Fields(document)
    if len(document) > 1:
        raise RequestError(400, 'an object with "instances" takes no other name')
    if not isinstance(document["instances"], list):
        raise RequestError(400, '"instances" must be a list')
    return Instances(document["instances"], is_matrix)


def _strictly(text: bytes) -> object:
    try:
        return strict_json.loads(text)
    except strict_json.JsonError as error:
        raise RequestError(400, f"not JSON: {error}") from None


def _quickly(text: bytes) -> object:
    """The document, if the fast parser can be trusted with it; None if it can't, or if there is none.

    It would take a name that stands twice, and a long integer for a float. So it gets what has no long number and no
    name within a name, or is rows of numbers.
    """
    if len(text) < _MANY:
        is_deep = text.count(b"[") + text.count(b"{") > strict_json.MAX_DEPTH
        if is_deep or b"\\" in text or (len(text) >= _LONG_NUMBER and _LONG_NUMBERS.search(text)):
            return None
        document = _parsed(text)
        quotation_marks = text.count(b'"')
        is_sure = quotation_marks <= _ONE_TEXT or _names_each_once(document, quotation_marks)
        return document if is_sure else None
    if not _is_of_rows(text) or _LONG_INTEGER in text.translate(_SHAPE):
        return None
    document = _parsed(text)
    rows = document.get("instances") if isinstance(document, dict) else document
    return document if arrays.is_table(rows) else None


def _is_of_rows(text: bytes) -> bool:
    """Whether it holds nothing but lists of numbers in one list, if it is JSON at all."""
    brackets = text.translate(None, _IN_A_ROW)
    for before, after in _AROUND_ROWS:
        count = (len(brackets) - len(before) - len(after)) // 2
        if brackets == before + b"[]" * count + after:
            return True
    return False


def _names_each_once(document: object, quotation_marks: int) -> bool:
    """Whether all texts of the body are in the document: a name that stands twice is there but once."""
    if type(document) is not dict:
        return False
    kinds = list(map(type, document.values()))
    is_flat = dict not in kinds and list not in kinds
    return is_flat and quotation_marks == _ONE_TEXT * (len(document) + kinds.count(str))


def _parsed(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None  # the strict parser says why


def _from_json_lines(body: Body, parameters: Mapping[str, str], max_rows: int) -> Payload:
    lines = _utf8(body, parameters).rstrip().split(b"\n")
    hooks.check_most(len(lines), max_rows)
    return Instances([_line(number, line) for number, line in enumerate(lines, 1)])


def _line(number: int, line: bytes) -> object:
    try:
        return strict_json.loads(line)
    except strict_json.JsonError as error:
        raise RequestError(400, f"row {number} is not JSON: {error}") from None


def _from_csv(body: Body, parameters: Mapping[str, str], max_rows: int) -> Payload:
    # Spreadsheets put the mark before what they save.
    content = _utf8(body, parameters).removeprefix(codecs.BOM_UTF8)
    if not content or content.isspace():
        raise RequestError(400, "the body is empty")
    has_header = parameters.get("header") == "present"
    is_plain = not content.translate(None, _PLAIN_NUMBERS)
    if is_plain and not has_header and arrays.is_loaded() and (array := _array(content, max_rows)) is not None:
        return Instances(array)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestError(400, f"not UTF-8 at byte {error.start}") from None
    if is_plain and not has_header and (rows := _plain_matrix(text, max_rows)) is not None:
        return Instances(rows, is_matrix=True)
    table = _table(text, max_rows + 1 + has_header)
    names = table.pop(0) if has_header else []
    if len(set(names)) < len(names):
        raise RequestError(400, "a name stands twice in the header")
    if has_header:
        cells = zip(*table, strict=True) if table else [[] for _ in names]
        return Columns(tuple(names), [_column(index, list(each), 2) for index, each in enumerate(cells)])
    return Instances(_plain_numbers(table) if is_plain else _typed(table, 1))


def _array(text: bytes, max_rows: int) -> Any:
    """Rows of numbers by the fast parser; None if a cell is none of JSON's numbers, or there are no such rows."""
    lines = text.rstrip(b"\r\n").replace(b"\r\n", b"\n")
    commas = lines.translate(None, _IN_A_CELL)
    row, count = commas.partition(b"\n")[0], commas.count(b"\n") + 1
    width = len(row) + 1
    # The sizes first: one long row and many short ones would make the product far larger than the body.
    if count > max_rows or len(commas) + 1 != width * count or commas + b"\n" != (row + b"\n") * count:
        return None
    # Beside a comma the parser would take a carriage return for a space.
    cells = None if b"\r" in row else _parsed(b"[%b]" % lines.replace(b"\n", b","))
    if cells is None or len(cells) != width * count:
        return None
    array = arrays.of_cells(cells, width)
    has_zeros = any(type(cells[place]) is int for place in arrays.zeros(array))
    # -0 is a whole number to JSON, so it loses its sign.
    return None if has_zeros and _MINUS_ZERO.search(lines) else array


def _plain_matrix(text: str, max_rows: int) -> list[list[float]] | None:
    """Rows of numbers by a longer way; None when the longest one has to say what is wrong with them."""
    lines = text.rstrip("\r\n").splitlines()
    width = lines[0].count(",") + 1
    if len(lines) > max_rows or any(line.count(",") + 1 != width for line in lines):
        return None
    try:
        cells = list(map(float, ",".join(lines).split(",")))
    except ValueError:
        return None
    if not all(map(math.isfinite, cells)):
        return None
    return [cells[start : start + width] for start in range(0, len(cells), width)]


def _table(text: str, most: int) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text.rstrip("\r\n"), newline=""), strict=True)
    try:
        table = list(islice(reader, most))
    except csv.Error as error:
        raise RequestError(400, f"row {reader.line_num} is not CSV: {error}") from None
    for number, row in enumerate(table, 1):
        if len(row) != len(table[0]):
            raise RequestError(400, f"row {number} has {len(row)} values, and row 1 has {len(table[0])}")
        if "\0" in "".join(row):
            raise RequestError(400, f"row {number} holds a NUL character")
    return table


def _plain_numbers(table: list[list[str]]) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for number, cells in enumerate(table, 1):
        try:
            row = list(map(float, cells))
        except ValueError:
            raise RequestError(400, f"row {number} has a value that is no number") from None
        if not all(map(math.isfinite, row)):
            raise RequestError(400, f"row {number} has a number that is out of range")
        rows.append(row)
    return rows


def _typed(table: list[list[str]], first: int) -> list[list[Any]]:
    """Columns of numbers where every cell is one, else of text."""
    columns = [_column(index, [row[index] for row in table], first) for index in range(len(table[0]) if table else 0)]
    return [list(row) for row in zip(*columns, strict=True)]


def _column(index: int, cells: list[str], first: int) -> list[Any]:
    are_numbers = [_NUMBER.fullmatch(cell) is not None for cell in cells]
    if all(are_numbers):
        return [row[0] for row in _plain_numbers([[cell] for cell in cells])]
    for offset, cell in enumerate(cells):
        # What only Python takes for a number (1_0, nan, other scripts' digits) is a slip, not a text.
        if not are_numbers[offset] and (_is_python_number(cell) or (any(are_numbers) and not cell)):
            raise RequestError(400, f"row {offset + first}, column {index + 1}: no plain decimal number")
    return list(cells)


def _is_python_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _from_npy(body: Body, _parameters: Mapping[str, str], _max_rows: int) -> Payload:
    return Instances(arrays.from_npy(body))


def _from_arrow(body: Body, _parameters: Mapping[str, str], max_rows: int) -> Payload:
    return arrow.from_stream(body, max_rows)


def _from_parquet(body: Body, _parameters: Mapping[str, str], max_rows: int) -> Payload:
    return arrow.from_parquet(body, max_rows)


_DECODERS: dict[str, Callable[[Body, Mapping[str, str], int], Payload]] = {
    JSON: _from_json,
    JSON_LINES: _from_json_lines,
    CSV: _from_csv,
    **({NPY: _from_npy} if arrays.IS_AVAILABLE else {}),
    **({ARROW: _from_arrow, PARQUET: _from_parquet} if arrow.IS_AVAILABLE else {}),
}
