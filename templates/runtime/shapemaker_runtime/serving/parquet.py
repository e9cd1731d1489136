"""Parquet's metadata: what has to be known before a library unpacks a file, at a price that small requests can pay."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from shapemaker_runtime.serving.thrift import (
    BINARY,
    FLAT,
    I32,
    I64,
    INTEGER,
    PASSED_INTEGERS,
    PASSED_LONGS,
    PASSED_STRUCTS,
    PASSED_TEXTS,
    Field,
    list_of,
    struct_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapemaker_runtime.serving.formats import Body

# What we need, and every list that Arrow reads: it must end for both at the same byte.
_COLUMN = struct_of(
    {
        2: PASSED_INTEGERS,
        3: list_of(BINARY),
        7: I64,
        8: PASSED_STRUCTS,
        9: I64,
        11: I64,
        13: PASSED_STRUCTS,
        16: struct_of({2: PASSED_LONGS, 3: PASSED_LONGS}),
        17: struct_of({2: PASSED_INTEGERS}),
    }
)
CHUNK = struct_of({3: _COLUMN, 8: struct_of({2: struct_of({1: PASSED_TEXTS})})})


def _usual(pattern: bytes) -> Callable[[Body, int], re.Match[bytes] | None]:
    """Of a pattern where I is an integer, F a flat struct, N and L are lists of integers and of long ones, S sizes."""
    meanings = {
        b"S": rb"(?:\x16I(?:\x19L(?:\x19L)?|\x29L)?|\x29L(?:\x19L)?|\x39L)?",
        b"N": _list_of_integers(5),
        b"L": _list_of_integers(6),
        b"F": FLAT,
        b"I": INTEGER,
    }
    for name, meaning in meanings.items():
        pattern = pattern.replace(name, meaning)
    return re.compile(pattern, re.DOTALL).match


def _list_of_integers(kind: int) -> bytes:
    return b"(?:%b)" % b"|".join(b"\\x%x%d%b" % (count, kind, INTEGER * count) for count in range(9))


# Nearly all writers put the fields that we need into these orders, and a regular expression finds them three times as
# fast. What it does not match is no worse for it.
_BEFORE_NAME = _usual(rb"(?:\x26I\x1c|\x3c)\x15I\x19N\x19\x18[\x01-\x7f]")
_AFTER_NAME = _usual(
    rb"\x15I\x16I\x16I\x16(I)\x26(I)(?:\x26(I)\x1c|\x3c)F"  # its size, pages and statistics
    rb"(?:\x19(?:\x1cF|\x2cFF|\x3cFFF|\x4cFFFF)(?:\x3cS\x00)?)?\x00"
    rb"(?:[\x15\x16]I){0,4}\x00"
)
_USUAL_PAGE = _usual(
    rb"\x15I\x15(I)\x15(I)"
    rb"(?:(?:\x15I\x1c|\x2c)\x15I\x15[\x00-\x0d\x0f-\x7f]\x15I\x15I(?:\x1cF)?\x00|(?:\x15I\x3c|\x4c)F)\x00"
)


def read_chunk(data: Body, position: int, depth: int) -> tuple[dict[int, Any], int]:
    """A column of a row group, by number of field; where it ends."""
    before = _BEFORE_NAME(data, position)
    if before:
        start = before.end()
        end = start + data[start - 1]
        after = _AFTER_NAME(data, end)
        if after:
            column: dict[int, Any] = {3: [data[start:end]]}
            for group, field in ((1, 7), (2, 9), (3, 11)):
                if after.start(group) >= 0:
                    column[field], _ = I64.read(data, after.start(group), depth)
            return {3: column}, after.end()
    return CHUNK.read(data, position, depth)


def read_page_header(data: Body, position: int) -> tuple[dict[int, Any], int]:
    """In the same way; the encoding of its values is left out where it is harmless."""
    usual = _USUAL_PAGE(data, position)
    if usual is None:
        return PAGE_HEADER.read(data, position, 0)
    return {2: I32.read(data, usual.start(1), 0)[0], 3: I32.read(data, usual.start(2), 0)[0]}, usual.end()


_ROW_GROUP = struct_of({1: list_of(Field(12, read_chunk)), 3: I64, 4: PASSED_STRUCTS})
read_footer = struct_of(
    {2: PASSED_STRUCTS, 3: I64, 4: list_of(_ROW_GROUP), 5: PASSED_STRUCTS, 6: BINARY, 7: PASSED_STRUCTS}
).read
PAGE_HEADER = struct_of({2: I32, 3: I32, 5: struct_of({2: I32}), 8: struct_of({4: I32})})
