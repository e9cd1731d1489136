"""Tables: columns in JSON, Arrow streams and Parquet files, and what models get of them."""

from __future__ import annotations

import io
import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapemaker_runtime.errors import ModelOutputError, RequestError
from shapemaker_runtime.serving import batch
from shapemaker_runtime.serving.binding import Binding
from shapemaker_runtime.serving.decode import decode
from shapemaker_runtime.serving.encode import encode, negotiate
from shapemaker_runtime.serving.formats import ARROW, CSV, JSON, NPY, PARQUET, Answer, Columns, Instances

if TYPE_CHECKING:
    from collections.abc import Callable

HEADED = "text/csv; header=present"


def stream(table: Any, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def parquet(table: Any, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    return bytes(sink.getvalue())


WRITERS: dict[str, Callable[..., bytes]] = {ARROW: stream, PARQUET: parquet}
MIXED = pa.table(
    {
        "age": [31.0, 40.0],
        "tenure": pa.array([1, None], pa.int32()),
        "town": ["Oslo", None],
        "boss": [True, False],
        "kind": pa.array(["a", "a"]).dictionary_encode(),
    }
)


def table(content_type: str, body: bytes | str, most: int = 1000) -> dict[str, list[Any]]:
    payload = decode(content_type, body if isinstance(body, bytes) else body.encode(), most)
    assert isinstance(payload, Columns)
    return dict(zip(payload.names, [list(each) for each in payload.values], strict=True))


def refusal(content_type: str, body: bytes | str, most: int = 1000) -> tuple[int, str]:
    with pytest.raises(RequestError) as caught:
        decode(content_type, body if isinstance(body, bytes) else body.encode(), most)
    return caught.value.status, caught.value.message


def test_an_object_of_columns_is_a_table() -> None:
    assert table(JSON, '{"columns": {"age": [31, 40], "town": ["Oslo", null]}}') == {
        "age": [31, 40],
        "town": ["Oslo", None],
    }


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("{}", "there are no columns"),
        ('{"a": []}', "there are no instances"),
        ('{"a": [1], "b": [1, 2]}', "the columns must be of one length"),
        ('{"a": [1], "b": 2}', "the column 'b' must be a list"),
    ],
)
def test_columns_that_are_no_table_are_refused(columns: str, message: str) -> None:
    assert refusal(JSON, f'{{"columns": {columns}}}') == (400, message)


@pytest.mark.parametrize("content_type", [ARROW, PARQUET])
def test_columns_of_numbers_texts_and_bools_are_read(content_type: str) -> None:
    assert table(content_type, WRITERS[content_type](MIXED)) == {
        "age": [31.0, 40.0],
        "tenure": [1, None],
        "town": ["Oslo", None],
        "boss": [True, False],
        "kind": ["a", "a"],
    }


def test_parquet_has_a_second_name() -> None:
    assert table("application/x-parquet", parquet(MIXED)) == table(PARQUET, parquet(MIXED))


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "brotli", "lz4"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_parquet_is_read_in_every_codec(compression: str, version: str) -> None:
    body = parquet(MIXED, compression=compression, data_page_version=version, row_group_size=1)
    assert table(PARQUET, body)["town"] == ["Oslo", None]


def test_columns_of_an_arrow_stream_are_the_memory_of_the_body() -> None:
    payload = decode(ARROW, stream(pa.table({"age": np.arange(10.0)})), 10)
    assert isinstance(payload, Columns)
    assert not payload.values[0].flags.owndata


@pytest.mark.parametrize("content_type", [ARROW, PARQUET])
@pytest.mark.parametrize("cell", [[1], {"a": 1}, b"bytes", pd.Timestamp("2026-01-01")], ids=str)
def test_other_types_are_refused(content_type: str, cell: object) -> None:
    body = WRITERS[content_type](pa.table({"age": [1.0], "x": [cell]}))
    assert refusal(content_type, body) == (400, "column 2 must be of numbers, texts or bools")


@pytest.mark.parametrize("content_type", [ARROW, PARQUET])
def test_rows_are_counted_before_they_are_unpacked(content_type: str) -> None:
    assert refusal(content_type, WRITERS[content_type](MIXED), 1)[0] == 413
    wide = pa.table({str(n): np.zeros(50_000) for n in range(600)})
    if content_type == PARQUET:
        assert refusal(content_type, parquet(wide), 50_000)[0] == 413


def test_a_parquet_file_that_unpacks_to_gigabytes_is_refused() -> None:
    bomb = parquet(pa.table({"a": ["x" * 250_000_000]}), compression="zstd", use_dictionary=False)
    assert len(bomb) < 1_000_000
    assert refusal(PARQUET, bomb)[0] == 413


def test_a_long_text_in_every_row_is_there_once() -> None:
    body = parquet(pa.table({"a": ["x" * 1_000_000] * 1000}))
    payload = decode(PARQUET, body, 1000)
    assert isinstance(payload, Columns)
    assert len({id(cell) for cell in payload.values[0]}) == 1


def test_texts_in_delta_encoding_are_refused() -> None:
    body = parquet(pa.table({"a": ["abc", "abd"]}), use_dictionary=False, column_encoding={"a": "DELTA_BYTE_ARRAY"})
    assert refusal(PARQUET, body)[0] == 400


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_a_compressed_arrow_stream_is_refused(codec: str) -> None:
    assert refusal(ARROW, stream(MIXED, compression=codec)) == (400, "the Arrow stream must not be compressed")
    words = pa.table({"kind": pa.array(["a"] * 100).dictionary_encode()})
    assert refusal(ARROW, stream(words, compression=codec))[0] == 400


def test_a_name_that_stands_twice_is_refused() -> None:
    twice = pa.table([[1.0], [2.0]], names=["a", "a"])
    assert refusal(ARROW, stream(twice)) == (400, "a name stands twice among the columns")


@pytest.mark.parametrize("content_type", [ARROW, PARQUET])
@pytest.mark.parametrize("body", [b"\xff", b"PAR1", b"PAR1" * 3, b"\xff" * 64, struct.pack("<II", 0xFFFFFFFF, 0)])
def test_what_is_no_table_is_refused(content_type: str, body: bytes) -> None:
    assert refusal(content_type, body)[0] == 400


SEEDS = [
    (ARROW, stream(MIXED)),
    (PARQUET, parquet(MIXED)),
    (PARQUET, parquet(MIXED, compression="zstd", data_page_version="2.0")),
    (HEADED, b"age,town\n31,Oslo\n58,Bergen\n"),
    (JSON, b'{"columns": {"age": [31, 40], "town": ["Oslo", null]}}'),
]


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from(SEEDS), st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=8), st.integers(0, 8)), max_size=4)
)
def test_damaged_tables_are_refused_and_never_crash(
    seed: tuple[str, bytes], noise: list[tuple[float, bytes, int]]
) -> None:
    content_type, body = seed
    for where, new, removed in noise:
        place = int(where * len(body))
        body = body[:place] + new + body[place + removed :]
    try:
        decode(content_type, body, 1000)
    except RequestError as error:
        assert error.status in (400, 413)  # noqa: PT017 - either way is right


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
CELLS = st.one_of(
    st.lists(FLOATS, min_size=3, max_size=3),
    st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=3, max_size=3),
    st.lists(st.booleans(), min_size=3, max_size=3),
)
TABLES = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), CELLS, min_size=1, max_size=4
)


@settings(max_examples=60, deadline=None)
@given(TABLES)
def test_every_format_of_tables_round_trips(cells: dict[str, list[Any]]) -> None:
    frame = pd.DataFrame(cells)
    for content_type in (ARROW, PARQUET):
        assert table(content_type, encode(Answer("predictions", frame), content_type)) == cells
    assert table(JSON, json.dumps({"columns": cells})) == cells


class Model:
    columns: tuple[str, ...] = ("age", "tenure")

    def frame(self, people: pd.DataFrame) -> pd.DataFrame:
        return people

    def array(self, people: np.ndarray) -> Any:
        return people

    def plain(self, people):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
        return people

    def several(self, people: list[dict[str, float]]) -> Any:
        return people

    def row(self, age: float, tenure: float) -> float:
        return age * 100 + tenure


NUMBERS = {"tenure": [1, 2], "age": [31, 40]}
FORMS = [
    (JSON, json.dumps({"columns": NUMBERS}).encode()),
    (JSON, b'{"instances": [{"tenure": 1, "age": 31}, {"age": 40, "tenure": 2}]}'),
    (JSON, b"[[31, 1], [40, 2]]"),
    (HEADED, b"tenure,age\n1,31\n2,40\n"),
    (CSV, b"31,1\n40,2\n"),
    (ARROW, stream(pa.table(NUMBERS))),
    (PARQUET, parquet(pa.table(NUMBERS))),
]


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def run(name: str, content_type: str, body: bytes, model: object = None) -> Any:
    model = model or Model()
    binding = Binding.of(getattr(model, name), model)
    return binding.run(binding.bind(decode(content_type, body, 1000))).value


@pytest.mark.parametrize(("content_type", "body"), [*FORMS, (NPY, npy(np.array([[31, 1], [40, 2]])))])
def test_columns_come_in_the_models_order_whatever_the_format(content_type: str, body: bytes) -> None:
    frame = run("frame", content_type, body)
    assert (list(frame.columns), frame.to_numpy().tolist()) == (["age", "tenure"], [[31, 1], [40, 2]])
    assert run("array", content_type, body).tolist() == [[31, 1], [40, 2]]
    assert run("plain", content_type, body).tolist() == [[31, 1], [40, 2]]
    assert run("row", content_type, body) == [3101, 4002]


@pytest.mark.parametrize("name", ["frame", "array", "plain"])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"columns": {"age": [1]}}', "the column tenure is missing; the model takes: age, tenure"),
        (b'{"columns": {"age": [1], "tenur": [1]}}', "unknown column 'tenur'; did you mean tenure?"),
        (b'[{"age": 1, "tenure": 1}, {"age": 1}]', "row 2: the field tenure is missing"),
        (b'[{"age": 1, "tenure": 1, "x": 1}]', "row 1: unknown field 'x'"),
        (b"[[1, 2], [1, 2, 3]]", "row 2: 3 values; 2 are expected: age, tenure"),
        (b"[1]", "1 values; 2 are expected: age, tenure"),
    ],
)
def test_names_that_do_not_fit_are_refused(name: str, body: bytes, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        run(name, JSON, body)
    assert caught.value.status == 400
    assert message in caught.value.message


class Free(Model):
    columns = ()


@pytest.mark.parametrize(("content_type", "body"), [FORMS[0], FORMS[3], FORMS[5], FORMS[6]])
def test_without_an_order_columns_stay_as_they_were_sent(content_type: str, body: bytes) -> None:
    assert list(run("frame", content_type, body, Free()).columns) == ["tenure", "age"]
    assert run("array", content_type, body, Free()).tolist() == [[1, 31], [2, 40]]
    assert run("several", content_type, body, Free()) == [{"tenure": 1, "age": 31}, {"tenure": 2, "age": 40}]


def test_a_frame_has_types_as_training_data_have() -> None:
    body = b'{"columns": {"n": [1, 2], "gap": [1, null], "town": ["Oslo", null], "boss": [true, false]}}'
    frame = run("frame", JSON, body, Free())
    assert [str(frame[name].dtype) for name in ("n", "gap", "boss")] == ["float64", "float64", "bool"]
    assert frame["town"].tolist()[0] == "Oslo"
    assert list(run("frame", JSON, b'[[1, "a"], [2, "b"]]', Free()).columns) == [0, 1]


def test_a_frame_by_its_parameters_name_is_one_too() -> None:
    frame = run("frame", JSON, b'{"people": [{"tenure": 1, "age": 31}]}')
    assert (list(frame.columns), frame.to_numpy().tolist()) == (["age", "tenure"], [[31, 1]])
    for body in (b'{"people": []}', b'{"people": 3}'):
        with pytest.raises(RequestError, match="must be a list of instances"):
            run("frame", JSON, body)


def test_a_column_of_texts_is_no_matrix() -> None:
    with pytest.raises(RequestError, match="the column 'town' must be of numbers"):
        run("array", JSON, b'{"columns": {"town": ["Oslo"]}}', Free())


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(FLOATS, st.text(st.characters(exclude_categories=["Cs"]))), min_size=1),
        min_size=2,
        max_size=5,
    )
)
def test_frames_of_several_requests_joined_are_those_of_each(requests: list[list[tuple[float, str]]]) -> None:
    binding = Binding.of(Free().frame, Free())
    calls = [binding.bind(Instances([{"age": age, "town": town} for age, town in rows])) for rows in requests]
    assert len({batch.family(call) for call in calls}) == 1
    parts = batch.split(binding.run(batch.join(calls)), [batch.size(call) for call in calls])
    for call, part in zip(calls, parts, strict=True):
        alone: Any = binding.run(call).value
        joined: Any = part.value
        assert joined.reset_index(drop=True).equals(alone)


@pytest.mark.parametrize(
    ("value", "columns"),
    [
        ([1.0, 2.0], {"predictions": [1.0, 2.0]}),
        (np.array([[1.0, 2.0]]), {"0": [1.0], "1": [2.0]}),
        ([{"a": 1}, {"a": 2}], {"a": [1, 2]}),
        (pd.Series([1.5]), {"predictions": [1.5]}),
        ("text", {"predictions": ["text"]}),
    ],
    ids=str,
)
def test_answers_are_tables_too(value: object, columns: dict[str, list[Any]]) -> None:
    for content_type in (ARROW, PARQUET):
        assert table(negotiate(content_type), encode(Answer("predictions", value), content_type)) == columns


def test_an_answer_that_is_no_table_is_the_models_fault() -> None:
    with pytest.raises(ModelOutputError):
        encode(Answer("predictions", [object()]), ARROW)
