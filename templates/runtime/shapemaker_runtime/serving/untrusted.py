"""What Arrow streams and Parquet files say of themselves, read before their library unpacks them.

Both are compressed inside, where a few bytes may stand for gigabytes. Arrow's own metadata (a FlatBuffer) and Parquet's
page headers (Thrift) tell how much will come out.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from shapemaker_runtime.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable

_CONTINUATION = 0xFFFFFFFF
_RECORD_BATCH, _DICTIONARY_BATCH = 3, 2
_COMPRESSION = 3

_MAX_FOOTER = 8 << 20
_MAX_PAGES = 20_000
_MAX_DEPTH = 8
_MAX_VARINT = 10
_MAX_FIELD = 32_767
"""Arrow keeps the number of a field in 16 bits, where a larger one becomes another."""
_MORE = 128
"""From here on a byte is not the last of its number."""
_SAFE_WRITER = (1, 2, 9)
_DELTA_BYTE_ARRAY = 7
"""Each value repeats the beginning of the one before it, so it is compression without saying so."""


def check_stream(body: bytes, max_messages: int) -> None:
    """Refuse a stream with compressed buffers (400) or with too many messages (413); `ValueError` if it is none."""
    position = messages = 0
    while position + 8 <= len(body):
        length, start = _frame(body, position)
        if length == 0:
            return
        kind, header, body_length = _message(body[start : start + length])
        if kind in (_RECORD_BATCH, _DICTIONARY_BATCH) and header:
            raise RequestError(400, "the Arrow stream must not be compressed")
        messages += 1
        if messages > max_messages:
            raise RequestError(413, f"more than {max_messages} batches")
        position = start + length + body_length


def _frame(body: bytes, position: int) -> tuple[int, int]:
    mark, length = struct.unpack_from("<II", body, position)
    return (length, position + 8) if mark == _CONTINUATION else (mark, position + 4)


def _message(data: bytes) -> tuple[int, bool, int]:
    """The type of a message, whether it holds compressed buffers, and the bytes of its body."""
    root = _at("<I", data, 0)
    kind = _scalar(data, root, 1, "<B")
    body_length = _scalar(data, root, 3, "<q")
    if body_length < 0:
        raise ValueError("a negative length")
    batch = _table(data, root, 2)
    if kind == _DICTIONARY_BATCH:
        batch = _table(data, batch, 1) if batch else 0
    return kind, bool(batch and _field(data, batch, _COMPRESSION)), body_length


def _field(data: bytes, table: int, index: int) -> int:
    """The place of a field of a FlatBuffer's table, or 0."""
    vtable = table - _at("<i", data, table)
    slot = 4 + 2 * index
    if slot + 2 > _at("<H", data, vtable):
        return 0
    offset = _at("<H", data, vtable + slot)
    return table + offset if offset else 0


def _table(data: bytes, table: int, index: int) -> int:
    place = _field(data, table, index)
    return place + _at("<I", data, place) if place else 0


def _scalar(data: bytes, table: int, index: int, layout: str) -> int:
    place = _field(data, table, index)
    return _at(layout, data, place) if place else 0


def _at(layout: str, data: bytes, place: int) -> int:
    if place < 0 or place + struct.calcsize(layout) > len(data):
        raise ValueError("it points out of itself")
    return int(struct.unpack_from(layout, data, place)[0])


class Footer(NamedTuple):
    """What a Parquet file says of itself at its end."""

    rows: int
    names: list[str]
    """Of the columns of the first row group; nested ones have dots."""
    groups: list[list[tuple[int, int]]]
    """Where the pages of each column of each row group begin and end."""


def footer(body: bytes) -> Footer:
    """Read it; `ValueError` or `LookupError` if it is none.

    By ourselves, since the library's own way to it (pyarrow 26) ends the process when a column's metadata are wrong.
    """
    if len(body) < 12 or body[-4:] != b"PAR1":  # noqa: PLR2004 - two magics and a length
        raise ValueError("no Parquet, or encrypted")
    (length,) = struct.unpack("<I", body[-8:-4])
    if length > len(body) - 8:
        raise ValueError("a footer longer than the file")
    if length > _MAX_FOOTER:
        raise RequestError(413, f"the footer of the Parquet file is larger than {_MAX_FOOTER} bytes")
    fields, _ = _read_footer(body[-8 - length : -8], 0, 0)
    _check_writer(fields.get(6, b""))
    rows, groups = _number(fields, 3), fields[4]
    if rows != sum(_number(group, 3) for group in groups):
        raise ValueError("its row groups are not the file's")
    columns = [[column[3] for column in group[1]] for group in groups]
    names = [b".".join(column[3]).decode() for column in columns[0]] if columns else []
    return Footer(rows, names, [[_extent(column, len(body)) for column in group] for group in columns])


def _check_writer(name: bytes) -> None:
    # Of those before 1.2.9 (2013), Arrow reads each column's pages up to 100 bytes beyond its end.
    if b"parquet-mr" in name.lower():
        version = re.match(rb"parquet-mr version (\d+)\.(\d+)\.(\d+)\b", name)
        if version is None or tuple(map(int, version.groups())) < _SAFE_WRITER:
            raise ValueError("a writer that told wrong lengths")


def _extent(column: dict[int, Any], size: int) -> tuple[int, int]:
    start = _number(column, 9)
    if 11 in column and 0 < _number(column, 11) < start:  # noqa: PLR2004 - the dictionary's page
        start = _number(column, 11)
    end = start + _number(column, 7)
    if not 0 < start <= end <= size:
        raise ValueError("a column out of the file")
    return start, end


def _number(fields: dict[int, Any], index: int) -> int:
    value: int = fields[index]
    if value < 0:
        raise ValueError("less than nothing")
    return value


def check_pages(body: bytes, extents: Iterable[tuple[int, int]], max_bytes: int) -> None:
    """Refuse pages that would become more than `max_bytes` (413); `ValueError` or `LookupError` if they are none."""
    total = pages = position = 0
    for start, end in sorted(extents):
        # Else a page could be read, and unpacked, once for each of many columns.
        if start < position:
            raise ValueError("columns over each other")
        position = start
        while position < end:
            header, position = _read_page_header(body, position, 0)
            total += _number(header, 2)
            pages += 1
            if total > max_bytes or pages > _MAX_PAGES:
                raise RequestError(
                    413, f"the Parquet file becomes larger than {max_bytes} bytes, or has too many pages"
                )
            if _DELTA_BYTE_ARRAY in (header.get(5, {}).get(2), header.get(8, {}).get(4)):
                raise RequestError(400, "the Parquet file must not have texts in delta encoding")
            position += _number(header, 3)
        if position > end:
            raise ValueError("a page out of its column")


_Read = Callable[[bytes, int, int], "tuple[Any, int]"]
"""Of the bytes, a place in them and the depth: the value there, and where it ends."""


class _Field(NamedTuple):
    kind: int
    """As Thrift's compact protocol numbers them. Arrow passes over a field that is of another; we refuse it."""
    read: _Read


def _struct(fields: dict[int, _Field]) -> _Field:
    """A struct of Thrift's compact protocol: the values of these fields by number; the others are passed over."""

    def read(data: bytes, position: int, depth: int) -> tuple[dict[int, Any], int]:
        if depth > _MAX_DEPTH:
            raise ValueError("nested too deep")
        found: dict[int, Any] = {}
        number = 0
        while head := data[position]:
            position += 1
            if head > 15:  # noqa: PLR2004 - the distance to the last one
                number += head >> 4
            else:
                number, position = _far(data, position, number)
            if number not in fields:
                position = _SKIPS[head & 15](data, position, depth)
                continue
            kind, read_value = fields[number]
            if kind != head & 15:
                raise ValueError("a field of another type")
            found[number], position = read_value(data, position, depth + 1)
        if number > _MAX_FIELD:
            raise ValueError("no such field")
        return found, position + 1

    return _Field(12, read)


def _far(data: bytes, position: int, last: int) -> tuple[int, int]:
    """The number of a field that is not told by its distance to the `last`: it must be beyond it, so none is twice."""
    number, position = _integer(data, position, 0)
    if number <= last:
        raise ValueError("a field twice, or out of order")
    return number, position


def _list(item: _Field) -> _Field:
    def read(data: bytes, position: int, depth: int) -> tuple[list[Any], int]:
        count, kind, position = _list_head(data, position)
        # Arrow reads the items as what they should be, whatever they are said to be.
        if count and kind != item.kind:
            raise ValueError("a list of another type")
        found = []
        for _ in range(count):
            value, position = item.read(data, position, depth)
            if value is not None:
                found.append(value)
        return found, position

    return _Field(9, read)


def _list_head(data: bytes, position: int) -> tuple[int, int, int]:
    head = data[position]
    count, position = head >> 4, position + 1
    if count == 15:  # noqa: PLR2004 - then it follows
        count, position = _varint(data, position)
    if count > len(data) - position:
        raise ValueError("a list longer than the file")
    return count, head & 15, position


def _integer(data: bytes, position: int, _depth: int, bits: int = 32) -> tuple[int, int]:
    value = data[position]
    if value < _MORE:  # as most are
        position += 1
    else:
        value, position = _varint(data, position)
        if value >> bits:
            raise ValueError("a number too large")  # which Arrow would cut off
    return (value >> 1) ^ -(value & 1), position


def _long(data: bytes, position: int, depth: int) -> tuple[int, int]:
    return _integer(data, position, depth, 64)


def _binary(data: bytes, position: int, _depth: int) -> tuple[bytes, int]:
    length, position = _varint(data, position)
    return data[position : position + length], position + length


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(_MAX_VARINT):
        byte = data[position]
        position += 1
        value |= (byte & 127) << (7 * shift)
        if byte < _MORE:
            return value, position
    raise ValueError("a number without end")


def _skip_bool(_data: bytes, position: int, _depth: int) -> int:
    return position


def _skip_byte(_data: bytes, position: int, _depth: int) -> int:
    return position + 1


def _skip_integer(data: bytes, position: int, _depth: int) -> int:
    while data[position] >= _MORE:
        position += 1
    return position + 1


def _skip_double(_data: bytes, position: int, _depth: int) -> int:
    return position + 8


def _skip_binary(data: bytes, position: int, _depth: int) -> int:
    length, position = _varint(data, position)
    return position + length


def _skip_list(data: bytes, position: int, depth: int) -> int:
    count, kind, position = _list_head(data, position)
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deep")
    if kind in (1, 2, 3):  # a bool takes a byte here
        return position + count
    for _ in range(count):
        position = _SKIPS[kind](data, position, depth + 1)
    return position


def _skip_struct(data: bytes, position: int, depth: int) -> int:
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deep")
    while head := data[position]:
        position += 1
        if head <= 15:  # noqa: PLR2004 - the number follows
            position = _skip_integer(data, position, depth)
        position = _SKIPS[head & 15](data, position, depth + 1)
    return position + 1


_SKIPS: dict[int, Callable[[bytes, int, int], int]] = {
    1: _skip_bool,
    2: _skip_bool,
    3: _skip_byte,
    4: _skip_integer,
    5: _skip_integer,
    6: _skip_integer,
    7: _skip_double,
    8: _skip_binary,
    9: _skip_list,
    12: _skip_struct,
}

_ANY = _Field(12, lambda data, position, depth: (None, _skip_struct(data, position, depth)))
_I32, _I64, _BINARY = _Field(5, _integer), _Field(6, _long), _Field(8, _binary)

# What we need, and every list that Arrow reads: it must end for both at the same byte.
_COLUMN = _struct(
    {
        2: _list(_I32),
        3: _list(_BINARY),
        7: _I64,
        8: _list(_ANY),
        9: _I64,
        11: _I64,
        13: _list(_ANY),
        16: _struct({2: _list(_I64), 3: _list(_I64)}),
        17: _struct({2: _list(_I32)}),
    }
)
_COLUMN_CHUNK = _struct({3: _COLUMN, 8: _struct({2: _struct({1: _list(_BINARY)})})})
_ROW_GROUP = _struct({1: _list(_COLUMN_CHUNK), 3: _I64, 4: _list(_ANY)})
_read_footer = _struct({2: _list(_ANY), 3: _I64, 4: _list(_ROW_GROUP), 5: _list(_ANY), 6: _BINARY, 7: _list(_ANY)}).read
_read_page_header = _struct({2: _I32, 3: _I32, 5: _struct({2: _I32}), 8: _struct({4: _I32})}).read
