"""What Arrow streams and Parquet files say of themselves, read before their library unpacks them.

Both are compressed inside, where a few bytes may stand for gigabytes. Arrow's own metadata (a FlatBuffer) and Parquet's
page headers (Thrift) tell how much will come out.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from shapemaker_runtime.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_CONTINUATION = 0xFFFFFFFF
_RECORD_BATCH, _DICTIONARY_BATCH = 3, 2
_COMPRESSION = 3

_MAX_PAGES = 20_000
_MAX_DEPTH = 8
_MAX_VARINT = 10
_MORE = 128
"""From here on a byte is not the last of its number."""
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
    fields, _ = _thrift(body[-8 - length : -8], 0, 0)
    rows, groups = _number(fields, 3), fields[4]
    if rows != sum(_number(group, 3) for group in groups):
        raise ValueError("its row groups are not the file's")
    columns = [[column[3] for column in group[1]] for group in groups]
    names = [b".".join(column[3]).decode() for column in columns[0]] if columns else []
    return Footer(rows, names, [[_extent(column, len(body)) for column in group] for group in columns])


def _extent(column: dict[int, Any], size: int) -> tuple[int, int]:
    start = _number(column, 9)
    if 11 in column and 0 < _number(column, 11) < start:  # noqa: PLR2004 - the dictionary's page
        start = _number(column, 11)
    end = start + _number(column, 7)
    if not 0 < start <= end <= size:
        raise ValueError("a column out of the file")
    return start, end


def _number(fields: dict[int, Any], index: int) -> int:
    value = fields[index]
    if type(value) is not int or value < 0:
        raise ValueError("no number")
    return value


def check_pages(body: bytes, extents: Iterable[tuple[int, int]], max_bytes: int) -> None:
    """Refuse pages that would become more than `max_bytes` (413); `ValueError` or `LookupError` if they are none."""
    total = pages = 0
    for position, end in extents:
        while position < end:
            header, start = _thrift(body, position, 0)
            total += _number(header, 2)
            pages += 1
            if total > max_bytes or pages > _MAX_PAGES:
                raise RequestError(
                    413, f"the Parquet file becomes larger than {max_bytes} bytes, or has too many pages"
                )
            if _encoding(header) == _DELTA_BYTE_ARRAY:
                raise RequestError(400, "the Parquet file must not have texts in delta encoding")
            position = start + _number(header, 3)  # noqa: PLW2901 - on to the next page


def _encoding(header: dict[int, Any]) -> object:
    # Of a DataPageHeaderV2 or a DataPageHeader.
    for number, encoding in ((8, 4), (5, 2)):
        part = header.get(number)
        if isinstance(part, dict):
            return part.get(encoding)
    return None


def _thrift(data: bytes, position: int, depth: int) -> tuple[dict[int, Any], int]:
    """A struct of Thrift's compact protocol: its fields by number, and where it ends."""
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deep")
    fields: dict[int, Any] = {}
    number = 0
    while head := data[position]:
        position += 1
        if head >> 4:
            number += head >> 4
        else:
            number, position = _integer(data, position, depth)
        fields[number], position = _READERS[head & 15](data, position, depth)
    return fields, position + 1


def _true(_data: bytes, position: int, _depth: int) -> tuple[bool, int]:
    return True, position


def _false(_data: bytes, position: int, _depth: int) -> tuple[bool, int]:
    return False, position


def _byte(_data: bytes, position: int, _depth: int) -> tuple[None, int]:
    return None, position + 1


def _double(_data: bytes, position: int, _depth: int) -> tuple[None, int]:
    return None, position + 8


def _integer(data: bytes, position: int, _depth: int) -> tuple[int, int]:
    value = data[position]
    if value < _MORE:  # as most are
        position += 1
    else:
        value, position = _varint(data, position)
    return (value >> 1) ^ -(value & 1), position


def _binary(data: bytes, position: int, _depth: int) -> tuple[bytes, int]:
    length, position = _varint(data, position)
    return data[position : position + length], position + length


def _list(data: bytes, position: int, depth: int) -> tuple[list[Any], int]:
    head = data[position]
    position += 1
    count, kind = head >> 4, head & 15
    if count == 15:  # noqa: PLR2004 - then it follows
        count, position = _varint(data, position)
    if count > len(data) - position or depth > _MAX_DEPTH:
        raise ValueError("a list longer than the file")
    if not count:
        return [], position
    # In a list a bool takes a byte.
    read = _byte if kind in (1, 2) else _READERS[kind]
    found = []
    for _ in range(count):
        value, position = read(data, position, depth + 1)
        found.append(value)
    return found, position


def _struct(data: bytes, position: int, depth: int) -> tuple[dict[int, Any], int]:
    return _thrift(data, position, depth + 1)


_READERS: dict[int, Callable[[bytes, int, int], tuple[Any, int]]] = {
    1: _true,
    2: _false,
    3: _byte,
    4: _integer,
    5: _integer,
    6: _integer,
    7: _double,
    8: _binary,
    9: _list,
    12: _struct,
}


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(_MAX_VARINT):
        byte = data[position]
        position += 1
        value |= (byte & 127) << (7 * shift)
        if byte < _MORE:
            return value, position
    raise ValueError("a number without end")
