"""What Arrow and Parquet say of themselves: nothing that the library takes in another way, and never too much."""

from __future__ import annotations

import io
import struct
import tracemalloc
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
from shapemaker_runtime.errors import RequestError
from shapemaker_runtime.serving import untrusted
from shapemaker_runtime.serving.decode import decode
from shapemaker_runtime.serving.formats import ARROW, PARQUET, Columns


def stream(table: Any, rows_of_a_batch: int = 1000) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=rows_of_a_batch)
    return bytes(sink.getvalue())


def column(content_type: str, body: bytes) -> list[Any]:
    payload = decode(content_type, body, 1000)
    assert isinstance(payload, Columns)
    return list(payload.values[0])


def status(content_type: str, body: bytes) -> int:
    try:
        column(content_type, body)
    except RequestError as error:
        return error.status
    return 200


def patched(body: bytes, old: bytes, new: bytes) -> bytes:
    """The file with other metadata at its end."""
    (length,) = struct.unpack("<I", body[-8:-4])
    data, metadata = body[: -8 - length], body[-8 - length : -8]
    assert metadata.count(old) == 1
    metadata = metadata.replace(old, new)
    return data + metadata + struct.pack("<I", len(metadata)) + b"PAR1"


def _texts() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"a": ["x"]}), sink, use_dictionary=False, write_statistics=False, compression="none")
    return bytes(sink.getvalue())


TEXTS = _texts()


# Where the metadata of the only column end, all but the zero after them; its pages have 30 bytes.
END = b"\x19\x26\x00\x02\x00"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (END, END + b"\x05\x0e\x3c"),  # the length, field 7, again as an i32,
        (END, END + b"\x06\x0e\x3c"),  # as an i64,
        (END, END + b"\x06\x8e\x80\x08\x3c"),  # and as field 65543, which is 7 in 16 bits
        (b"\x16\x3c\x26\x08", b"\x16\xbc\x80\x80\x80\x80\x80\x80\x80\x80\x02\x26\x08"),  # in more than 64 bits
        (b"\x19\x25\x06\x00", b"\x19\x24\x06\x00"),  # the encodings as a list of another type
    ],
)
def test_what_arrow_reads_in_another_way_than_we_is_refused(old: bytes, new: bytes) -> None:
    body = patched(TEXTS, old, new)
    assert pq.read_table(io.BytesIO(body)).to_pydict() == {"a": ["x"]}
    assert status(PARQUET, body) == 400


def test_an_empty_list_may_be_of_no_type() -> None:
    """So fastparquet writes a column's metadata, field 8, when there are none."""
    body = patched(TEXTS, b"\x16\x3c\x26\x08", b"\x16\x3c\x19\x00\x16\x08")
    assert pq.read_table(io.BytesIO(body)).to_pydict() == {"a": ["x"]}
    assert status(PARQUET, body) == 200


def test_only_new_writers_tell_where_pages_end() -> None:
    name = pq.read_metadata(io.BytesIO(TEXTS)).created_by.encode()
    for version, expected in ((b"1.2.8", 400), (b"1.13.1", 200)):
        body = patched(TEXTS, name, (b"parquet-mr version " + version).ljust(len(name)))
        assert status(PARQUET, body) == expected


PAGE = bytes.fromhex("15001502150200") + b"x"


def test_pages_are_those_of_one_column() -> None:
    untrusted.check_pages(PAGE * 2, [(8, 16), (0, 8)], 2)
    for extents in ([(0, 8), (0, 8)], [(0, 16), (8, 16)], [(0, 7)]):
        with pytest.raises(ValueError, match="column"):
            untrusted.check_pages(PAGE * 2, extents, 1000)


def test_delta_encoding_cannot_hide_behind_a_header_that_is_not_the_pages() -> None:
    page = bytes.fromhex("1500150215022c1502150e003c45000000") + b"x"
    with pytest.raises(RequestError, match="delta"):
        untrusted.check_pages(page, [(0, len(page))], 1000)


def test_columns_that_share_their_memory_are_counted_each() -> None:
    length = 5_000_000
    names = [str(n) for n in range(50)]
    body = stream(pa.table([["x" * length], *[["y"]] * 49], names))
    # The first column's three buffers for all of them.
    (data,) = (n for n in range(0, 64, 8) if struct.pack("<qq", n, length) in body)
    begin = body.index(struct.pack("<qq", data, length)) - 32
    body = body[:begin] + body[begin : begin + 48] * 50 + body[begin + 48 * 50 :]
    assert status(ARROW, body) == 413


def test_a_dictionary_is_counted_for_every_batch() -> None:
    words = pa.table({"a": pa.DictionaryArray.from_arrays([0] * 250, ["x" * 1_000_000])})
    body = stream(words, rows_of_a_batch=1)
    assert len(body) < 2_000_000
    assert status(ARROW, body) == 413


def test_only_the_words_in_use_are_unpacked() -> None:
    body = stream(
        pa.table({"a": pa.DictionaryArray.from_arrays([1, None, 1], pa.array(np.arange(1_000_000) % 2 == 1))})
    )
    tracemalloc.start()
    assert column(ARROW, body) == [True, None, True]
    assert tracemalloc.get_traced_memory()[1] < 1_000_000 + len(body)
    tracemalloc.stop()
