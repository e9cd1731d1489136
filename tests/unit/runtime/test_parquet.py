"""Parquet's metadata by the quick way: never anything else than by the long one, whatever is done to the bytes."""

from __future__ import annotations

import io
import random
import struct
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shapemaker_runtime.serving import parquet, untrusted

if TYPE_CHECKING:
    from collections.abc import Callable

TABLE = pa.table({"x": [1.5, None] * 99, "text": ["a", "bb"] * 99, "n": list(range(198)), "yes": [True, None] * 99})
KINDS: list[dict[str, Any]] = [
    {},
    {"compression": "zstd", "write_page_index": True},
    {"data_page_version": "2.0", "write_statistics": False},
    {"version": "1.0", "write_page_checksum": True, "row_group_size": 50},
    {"use_dictionary": False, "column_encoding": {"n": "DELTA_BINARY_PACKED", "text": "DELTA_BYTE_ARRAY"}},
]
DELTA = 7


def written(kind: dict[str, Any]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(TABLE, sink, **kind)
    return sink.getvalue()


def columns(body: bytes) -> list[bytes]:
    """The metadata of each column, with what follows."""
    (length,) = struct.unpack("<I", body[-8:-4])
    footer = body[-8 - length : -8]
    found = []
    for place in range(len(footer)):
        chunk = outcome(lambda at: parquet.CHUNK.read(footer, at, 3), place)
        if isinstance(chunk, tuple) and 3 in chunk[0] and 9 in chunk[0][3] and 3 in chunk[0][3]:
            found.append(footer[place : chunk[1]] + b"\x26\x00")
    assert len(found) >= len(TABLE.column_names)
    return found


def pages(body: bytes) -> list[bytes]:
    """Headers, with what follows."""
    found = []
    for start, end in (extent for group in untrusted.footer(body).groups for extent in group):
        place = start
        while place < end:
            header, behind = parquet.PAGE_HEADER.read(body, place, 0)
            found.append(body[place : behind + 8])
            place = behind + header[3]
    return found


def outcome(read: Callable[[Any], Any], data: Any) -> Any:
    try:
        return read(data)
    except (ValueError, LookupError):
        return "refused"


def mutated(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        place = rng.randrange(len(changed))
        what = rng.choice(("byte", "bit", "cut", "put"))
        if what == "byte":
            changed[place] = rng.choice((0, 0x1C, 0x15, 0x16, 0x19, 0x80, 0xFF))
        elif what == "bit":
            changed[place] ^= 1 << rng.randrange(8)
        elif what == "cut":
            del changed[place]
        else:
            changed.insert(place, rng.randrange(256))
    return bytes(changed) + bytes(12)


def needed(read: Any, fields: tuple[int, ...]) -> Any:
    """What is asked of it later, and where it ends."""
    return read if read == "refused" else ([read[0].get(field) for field in fields], read[1])


@pytest.mark.parametrize("kind", KINDS)
def test_columns(kind: dict[str, Any]) -> None:
    rng = random.Random(1)  # noqa: S311 - no secret
    for column in columns(written(kind)):
        for each in (column, *(mutated(column, rng) for _ in range(200))):
            quick = outcome(lambda data: parquet.read_chunk(data, 0, 3), each)
            long = outcome(lambda data: parquet.CHUNK.read(data, 0, 3), each)
            if quick != "refused" and long != "refused":
                quick, long = (needed((read[0].get(3, {}), read[1]), (3, 7, 9, 11)) for read in (quick, long))
            assert quick == long


@pytest.mark.parametrize("kind", KINDS)
def test_page_headers(kind: dict[str, Any]) -> None:
    rng = random.Random(2)  # noqa: S311 - no secret
    for header in pages(written(kind)):
        for each in (header, *(mutated(header, rng) for _ in range(100))):
            quick = outcome(lambda data: parquet.read_page_header(data, 0), each)
            long = outcome(lambda data: parquet.PAGE_HEADER.read(data, 0, 0), each)
            assert needed(quick, (2, 3)) == needed(long, (2, 3))
            if quick != long:  # the quick one leaves out only what is harmless
                assert DELTA not in (long[0].get(5, {}).get(2), long[0].get(8, {}).get(4))
