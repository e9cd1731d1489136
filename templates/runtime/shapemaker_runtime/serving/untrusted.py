"""What Arrow streams and Parquet files say of themselves, read before their library unpacks them.

Both are compressed inside, where a few bytes may stand for gigabytes. Arrow's own metadata (a FlatBuffer) and Parquet's
page headers (Thrift) tell how much will come out.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from shapemaker_runtime.errors import RequestError
from shapemaker_runtime.serving.parquet import read_footer, read_page_header

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shapemaker_runtime.serving.formats import Body

_CONTINUATION = 0xFFFFFFFF
_RECORD_BATCH, _DICTIONARY_BATCH = 3, 2
_COMPRESSION = 3

_MAX_FOOTER = 8 << 20
_MAX_PAGES = 20_000
_SAFE_WRITER = (1, 2, 9)
_DELTA_BYTE_ARRAY = 7
"""Each value repeats the beginning of the one before it, so it is compression without saying so."""


def check_stream(body: Body, max_messages: int) -> None:
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


def _frame(body: Body, position: int) -> tuple[int, int]:
    mark, length = struct.unpack_from("<II", body, position)
    return (length, position + 8) if mark == _CONTINUATION else (mark, position + 4)


def _message(data: Body) -> tuple[int, bool, int]:
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


def _field(data: Body, table: int, index: int) -> int:
    """The place of a field of a FlatBuffer's table, or 0."""
    vtable = table - _at("<i", data, table)
    slot = 4 + 2 * index
    if slot + 2 > _at("<H", data, vtable):
        return 0
    offset = _at("<H", data, vtable + slot)
    return table + offset if offset else 0


def _table(data: Body, table: int, index: int) -> int:
    place = _field(data, table, index)
    return place + _at("<I", data, place) if place else 0


def _scalar(data: Body, table: int, index: int, layout: str) -> int:
    place = _field(data, table, index)
    return _at(layout, data, place) if place else 0


def _at(layout: str, data: Body, place: int) -> int:
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


def footer(body: Body) -> Footer:
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
    fields, _ = read_footer(bytes(body[-8 - length : -8]), 0, 0)
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


def check_pages(body: Body, extents: Iterable[tuple[int, int]], max_bytes: int) -> None:
    """Refuse pages that would become more than `max_bytes` (413); `ValueError` or `LookupError` if they are none."""
    total = pages = position = 0
    for start, end in sorted(extents):
        # Else a page could be read, and unpacked, once for each of many columns.
        if start < position:
            raise ValueError("columns over each other")
        position = start
        while position < end:
            header, position = read_page_header(body, position)
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
