"""Thrift's compact protocol, in which Parquet's metadata are written: the fields that are asked for, and past the rest.

Arrow reads the same bytes once more, so what it might read in another way is refused. All of it is untrusted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from shapemaker_runtime.serving.formats import Body

_MAX_DEPTH = 8
_MAX_VARINT = 10
_MAX_FIELD = 32_767
"""Arrow keeps the number of a field in 16 bits, where a larger one becomes another."""
_MORE = 128
"""From here on a byte is not the last of its number."""

Read = Callable[[Body, int, int], "tuple[Any, int]"]
"""Of the bytes, a place in them and the depth: the value there, and where it ends."""


class Field(NamedTuple):
    """How a value is read. All raise `ValueError` or `LookupError` for what is none."""

    kind: int
    """As the protocol numbers them. Arrow passes over a field that is of another; we refuse it."""
    read: Read


def struct_of(fields: dict[int, Field]) -> Field:
    """A struct: the values of these fields by number; the others are passed over."""
    wanted = fields.get

    def read(data: Body, position: int, depth: int) -> tuple[dict[int, Any], int]:
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
            field = wanted(number)
            if field is None:
                position = _SKIPS[head & 15](data, position, depth)
                continue
            kind, read_value = field
            if kind != head & 15:
                raise ValueError("a field of another type")
            found[number], position = read_value(data, position, depth + 1)
        if number > _MAX_FIELD:
            raise ValueError("no such field")
        return found, position + 1

    return Field(12, read)


def _far(data: Body, position: int, last: int) -> tuple[int, int]:
    """The number of a field that is not told by its distance to the `last`: it must be beyond it, so none is twice."""
    number, position = _integer(data, position, 0)
    if number <= last:
        raise ValueError("a field twice, or out of order")
    return number, position


def list_of(item: Field) -> Field:
    """A list of one kind of values."""
    item_kind, read_item = item

    def read(data: Body, position: int, depth: int) -> tuple[list[Any], int]:
        count, kind, position = _list_head(data, position)
        # Arrow reads the items as what they should be, whatever they are said to be.
        if count and kind != item_kind:
            raise ValueError("a list of another type")
        found = []
        for _ in range(count):
            value, position = read_item(data, position, depth)
            found.append(value)
        return found, position

    return Field(9, read)


def _passed(item_kind: int) -> Field:
    """A list of values of a kind, of which no more is to be known; it is None."""

    def read(data: Body, position: int, depth: int) -> tuple[None, int]:
        count, kind, start = _list_head(data, position)
        if count and kind != item_kind:
            raise ValueError("a list of another type")
        return None, _skip_items(data, start, depth, count, kind)

    return Field(9, read)


def _list_head(data: Body, position: int) -> tuple[int, int, int]:
    head = data[position]
    count, position = head >> 4, position + 1
    if count == 15:  # noqa: PLR2004 - then it follows
        count, position = _varint(data, position)
    if count > len(data) - position:
        raise ValueError("a list longer than the file")
    return count, head & 15, position


def _integer(data: Body, position: int, _depth: int) -> tuple[int, int]:
    value = data[position]
    position += 1
    if value >= _MORE:  # few are
        value, position = _varint(data, position - 1)
        if value >> 32:
            raise ValueError("a number too large")  # which Arrow would cut off
    return (value >> 1) ^ -(value & 1), position


def _long(data: Body, position: int, _depth: int) -> tuple[int, int]:
    value, position = _varint(data, position)
    if value >> 64:
        raise ValueError("a number too large")
    return (value >> 1) ^ -(value & 1), position


def _binary(data: Body, position: int, _depth: int) -> tuple[Body, int]:
    length, position = _varint(data, position)
    return data[position : position + length], position + length


def _varint(data: Body, position: int) -> tuple[int, int]:
    value = shift = 0
    for byte in data[position : position + _MAX_VARINT]:
        position += 1
        if byte < _MORE:
            return value | byte << shift, position
        value |= (byte & 127) << shift
        shift += 7
    raise ValueError("a number without end")


def _skip_bool(_data: Body, position: int, _depth: int) -> int:
    return position


def _skip_byte(_data: Body, position: int, _depth: int) -> int:
    return position + 1


def _skip_integer(data: Body, position: int, _depth: int) -> int:
    while data[position] >= _MORE:
        position += 1
    return position + 1


def _skip_double(_data: Body, position: int, _depth: int) -> int:
    return position + 8


def _skip_binary(data: Body, position: int, _depth: int) -> int:
    length, position = _varint(data, position)
    return position + length


def _skip_list(data: Body, position: int, depth: int) -> int:
    count, kind, position = _list_head(data, position)
    return _skip_items(data, position, depth, count, kind)


def _skip_items(data: Body, position: int, depth: int, count: int, kind: int) -> int:
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deep")
    if kind in (1, 2, 3):  # a bool takes a byte here
        return position + count
    if not count:  # then it may be of a type that is none
        return position
    skip = _SKIPS[kind]
    for _ in range(count):
        position = skip(data, position, depth + 1)
    return position


def _heads(*kinds: int) -> bytes:
    """The first bytes of fields of these kinds that tell their number by its distance to the last one."""
    return b"[%b]" % b"".join(b"\\x%02x" % (distance << 4 | kind) for distance in range(1, 16) for kind in kinds)


INTEGER = b"[\\x80-\\xff]{0,9}[\\x00-\\x7f]"
"""The pattern of one, of whatever size."""
_TEXT = b"(?:%b)" % b"|".join(b"\\x%02x.{%d}" % (length, length) for length in range(33))
FLAT = b"(?:%b|%b%b|%b%b){0,16}\\x00" % (_heads(1, 2), _heads(4, 5, 6), INTEGER, _heads(8), _TEXT)
"""That of a struct of a few bools, integers and short texts, as most are that we pass over."""
_flat = re.compile(FLAT, re.DOTALL).match


def _skip_struct(data: Body, position: int, depth: int) -> int:
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deep")
    flat = _flat(data, position)
    if flat:  # ten times as fast as byte by byte
        return flat.end()
    while head := data[position]:
        position += 1
        if head <= 15:  # noqa: PLR2004 - the number follows
            position = _skip_integer(data, position, depth)
        position = _SKIPS[head & 15](data, position, depth + 1)
    return position + 1


_SKIPS: dict[int, Callable[[Body, int, int], int]] = {
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

I32, I64, BINARY = Field(5, _integer), Field(6, _long), Field(8, _binary)
PASSED_INTEGERS, PASSED_LONGS, PASSED_TEXTS, PASSED_STRUCTS = map(_passed, (5, 6, 8, 12))
