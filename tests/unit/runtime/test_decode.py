"""Request bodies, by media type: what is read, and what is refused with which status."""

from __future__ import annotations

import io
import json
import math
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapemaker_runtime.errors import RequestError
from shapemaker_runtime.serving import arrays
from shapemaker_runtime.serving.decode import decode
from shapemaker_runtime.serving.formats import Columns, Fields, Instances

JSON, LINES, CSV, NPY = "application/json", "application/jsonlines", "text/csv", "application/x-npy"
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(
    lambda text: not is_number(text)
)


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def rows(content_type: str, body: bytes | str, most: int = 1000) -> Any:
    payload = decode(content_type, body if isinstance(body, bytes) else body.encode(), most)
    assert isinstance(payload, Instances)
    return payload.rows


def lists(found: Any) -> Any:
    return found.tolist() if arrays.is_array(found) else found


def refusal(content_type: str, body: bytes | str, most: int = 1000) -> RequestError:
    with pytest.raises(RequestError) as caught:
        decode(content_type, body if isinstance(body, bytes) else body.encode(), most)
    return caught.value


def npy(array: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def headed(shape: str, kind: str = "'<f8'") -> bytes:
    """A .npy file of no values."""
    header = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}}}".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


def test_an_object_is_one_prediction_and_a_list_is_several() -> None:
    assert decode(JSON, b'{"age": 31}', 10) == Fields({"age": 31})
    assert decode(JSON, b'{"instances": [[1], [2]]}', 10) == Instances([[1], [2]])
    assert decode(JSON, b'[{"age": 31}]', 10) == Instances([{"age": 31}])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("31", "must be an object or a list"),
        ('{"instances": 3}', "must be a list"),
        ('{"instances": [1], "parameters": {}}', "takes no other name"),
        ('{"instances": []}', "no instances"),
        ("[]", "no instances"),
        (" \n", "empty"),
        ('{"age": 31', "not JSON: line 1 column 11"),
    ],
)
def test_json_that_is_no_request_is_told_why(body: str, message: str) -> None:
    error = refusal(JSON, body)
    assert error.status == 400
    assert message in error.message


@pytest.mark.parametrize("name", ["application/jsonlines", "application/x-ndjson", "application/jsonl; charset=utf-8"])
def test_each_line_is_an_instance(name: str) -> None:
    assert rows(name, '{"age": 31}\r\n[1, 2]\n3\n\n') == [{"age": 31}, [1, 2], 3]


def test_a_line_that_is_no_json_is_numbered() -> None:
    assert refusal(LINES, "1\n{\n3").message.startswith("row 2 is not JSON: line 1 column 2")
    assert refusal(LINES, "1\n\n3").message.startswith("row 2 is not JSON")


@given(st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=1, max_size=20), st.sampled_from(["\n", "\r\n"]))
def test_csv_of_numbers_is_read_as_it_was_written(table: list[list[float]], end: str) -> None:
    assert rows(CSV, end.join(",".join(map(repr, row)) for row in table)).tolist() == table


WRITTEN = st.one_of(
    NUMBERS.map(repr),
    st.integers().map(str),
    st.integers(10**15, 10**40).map(str),
    st.from_regex(r"[+-]?([0-9]{1,20}(\.[0-9]{0,20})?|\.[0-9]{1,20})([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from(["0", "-0", "-0.", "+0", "007", ".5", "5.", "1e-0", "1e-05", "1e999", "", "-", "1e", "1-0"]),
)


@settings(deadline=None)
@given(st.lists(st.lists(WRITTEN, min_size=2, max_size=2), min_size=1, max_size=4))
def test_each_way_to_write_a_number_is_read_as_python_reads_it(table: list[list[str]]) -> None:
    body = "\n".join(map(",".join, table))
    if all(is_number(cell) and math.isfinite(float(cell)) for row in table for cell in row):
        # As text, since -0.0 equals 0.0.
        assert repr(lists(rows(CSV, body))) == repr([list(map(float, row)) for row in table])
    else:
        assert refusal(CSV, body).status == 400


NESTED = st.recursive(NUMBERS | st.integers(-(2**63), 2**63 - 1), lambda inner: st.lists(inner, max_size=3))


@settings(deadline=None)
@given(st.lists(st.lists(NUMBERS | NESTED, min_size=2, max_size=2) | NESTED, min_size=1, max_size=4))
def test_long_json_is_read_as_the_strict_parser_reads_it(instances: list[Any]) -> None:
    payload, bare = (
        decode(JSON, json.dumps(each).encode() + b" " * 600, 10) for each in ({"instances": instances}, instances)
    )
    assert isinstance(payload, Instances)
    assert repr(payload.rows) == repr(instances)
    assert repr(bare) == repr(payload)
    assert not payload.is_matrix or arrays.is_matrix(instances)
    if payload.is_matrix and instances[0]:
        matrix = arrays.of_matrix(payload.rows)
        assert matrix.flags.writeable
        assert np.array_equal(matrix, np.asarray(instances, dtype=float))


@pytest.mark.parametrize("cell", ["true", "null", '"1"', "NaN", "1e999", "01", "+1", "1_0", "1 2", ""])
def test_among_many_numbers_another_value_is_none(cell: str) -> None:
    body = "[" + "[1.5, 2], " * 100 + f"[1.5, {cell}]]"
    try:
        payload = decode(JSON, body.encode(), 1000)
    except RequestError as error:
        assert error.message.startswith("not JSON")  # noqa: PT017 - either way is right
    else:
        assert isinstance(payload, Instances)
        assert (payload.is_matrix, payload.rows[-1]) == (False, [1.5, json.loads(cell)])


@pytest.mark.parametrize("integer", [2**63 - 1, 2**64 + 1, -(2**63) - 1, 10**40])
def test_an_integer_of_any_length_is_exact_among_many_numbers(integer: int) -> None:
    for document in ([[1, 2.5]] * 100 + [[integer, 1]], [[integer]] * 100):
        assert repr(rows(JSON, json.dumps(document))) == repr(document)
        assert repr(rows(JSON, json.dumps({"instances": document}, indent="\t"))) == repr(document)


@given(st.lists(st.tuples(NUMBERS, TEXTS), min_size=1, max_size=10))
def test_columns_of_text_stay_text(table: list[tuple[float, str]]) -> None:
    body = "\n".join(f'{number!r},"{text.replace(chr(34), chr(34) * 2)}"' for number, text in table)
    assert rows(CSV, body) == [list(row) for row in table]


def test_a_header_is_announced_by_the_content_type() -> None:
    table = decode("text/csv; header=present", b"age,town\n31,Oslo\n58,Bergen\n", 10)
    assert table == Columns(("age", "town"), [[31.0, 58.0], ["Oslo", "Bergen"]])
    assert refusal("text/csv; header=present", "a,a\n1,2").message == "a name stands twice in the header"
    assert refusal("text/csv; header=present", "a,b\n").message == "there are no instances"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("1,2\n3\n", "row 2 has 1 values, and row 1 has 2"),
        ("1\n\n2\n", "row 2 has 0 values"),
        ("1,2\n3,\n", "row 2 has a value that is no number"),
        ("1\n--5\n", "row 2 has a value that is no number"),
        ("1\n1e999\n", "row 2 has a number that is out of range"),
        ("a,1\nb,1e999\n", "row 2 has a number that is out of range"),
        ("1\n1_0\n", "row 2, column 1: no plain decimal number"),
        ("a,1\nb,١٢\n", "row 2, column 2: no plain decimal number"),
        ("nan\n", "row 1, column 1: no plain decimal number"),
        ("1,2\n3, 4\n", "row 2, column 2: no plain decimal number"),
        ("a,1\nb,\n", "row 2, column 2: no plain decimal number"),
        ('a,1\nb,"\n', "row 2 is not CSV"),
        ("a\0,1\n", "row 1 "),
        ("x" * 200_000, "row 1 is not CSV"),
        (b"\xff", "not UTF-8 at byte 0"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_csv_that_is_no_table_is_refused_at_its_row(body: str | bytes, message: str) -> None:
    error = refusal(CSV, body)
    assert error.status == 400
    assert message in error.message


def test_a_small_csv_of_no_table_costs_little_memory() -> None:
    tracemalloc.start()
    try:
        error = refusal(CSV, b"," * 20_000 + b"\n" * 20_000 + b"1", 100_000)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert error.message == "row 2 has 0 values, and row 1 has 20001"
    assert most < 20_000_000


def test_a_carriage_return_ends_a_row_wherever_it_stands() -> None:
    assert refusal(CSV, "1,2\r,3\n" * 4).message == "row 2 has a value that is no number"
    assert lists(rows(CSV, "1,2\r3,4\r\n5,6\n")) == [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize("body", ["1,2\n3,4", "a,1\nb,2"])
def test_a_byte_order_mark_is_no_part_of_the_first_cell(body: str) -> None:
    assert lists(rows(CSV, "\ufeff" + body)) == lists(rows(CSV, body))


@pytest.mark.parametrize("content_type", ["text/csv", "text/csv; charset=utf-16; header=present"])
def test_a_byte_order_mark_alone_is_an_empty_body(content_type: str) -> None:
    mark = "\ufeff".encode("utf-16-le" if "16" in content_type else "utf-8")
    assert refusal(content_type, mark).message == "the body is empty"


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4", "<i4", "|u1", "|b1"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_arrive_as_they_were_sent(dtype: str, order: Any) -> None:
    array = np.asarray([[1, 0, 3], [4, 5, 6]], dtype=dtype, order=order)
    found = rows(NPY, npy(array))
    assert np.array_equal(found, array)
    assert found.dtype.isnative


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (npy(np.array([{}], dtype=object), allow_pickle=True), "must be of numbers"),
        (npy(np.array(["a"])), "must be of numbers"),
        (npy(np.array([(1, 2.0)], dtype=[("a", int), ("b", float)])), "must be of numbers"),
        (npy(np.array([1j])), "must be of numbers"),
        (npy(np.arange(9.0))[:-1], "disagree"),
        (npy(np.arange(9.0)) + b"x", "disagree"),
        (npy(np.float64(3)), "disagree"),
        (npy(np.arange(9.0)).replace(b"(9,)", b"(9000000000,)"), "disagree"),
        (npy(np.arange(9.0)).replace(b"(9,)", b"(-9,)"), "disagree"),
        (headed(f"({10**30}, 0)"), "no values"),
        (headed(f"({2**62}, 0)"), "no values"),
        (headed("(0, 0)"), "no values"),
        (headed("(0, 4)"), "no instances"),
        (headed(f"(0, {10**30})"), "no array"),
        (headed(str((1,) * 65)) + bytes(8), "no array"),
        (headed("(1,)", f"{{'names':['a'],'formats':['f8'],'itemsize':{10**30}}}"), "not a .npy file"),
        (npy(np.arange(9.0)).replace(b"(9,)", b"[9]"), "not a .npy file"),
        (npy(np.arange(9.0)).replace(b"<f8", b"<f3"), "not a .npy file"),
        (npy(np.arange(9.0)).replace(b"(9,), ", b"(9**9,)"), "not a .npy file"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b"(" * 9999, "not a .npy file"),
        (b"\x93NUMPY\x01\x00\xff\x0f" + b"(" * 9999, "not a .npy file"),
        (b"\x93NUMPY", "not a .npy file"),
        (b"\x80\x04]", "not a .npy file"),
    ],
    ids=range(23),
)
def test_arrays_that_are_none_are_refused_before_memory_is_spent(body: bytes, message: str) -> None:
    error = refusal(NPY, body)
    assert error.status == 400
    assert message in error.message


@given(st.binary(max_size=40), st.integers(0, 200))
def test_damaged_arrays_are_refused_or_read_but_never_crash(noise: bytes, place: int) -> None:
    whole = npy(np.arange(6.0).reshape(2, 3))
    try:
        decode(NPY, whole[:place] + noise + whole[place + len(noise) :], 10)
    except RequestError as error:
        assert error.status in (400, 413)  # noqa: PT017 - either way is right


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/python-pickle", "application/x-npy2", ";"])
def test_other_media_types_are_told_which_there_are(content_type: str) -> None:
    error = refusal(content_type, b"{}")
    assert error.status == 415
    assert f"{JSON}, {LINES}, {CSV}, {NPY}, application/vnd.apache.arrow.stream" in error.message


def test_a_charset_must_be_named_and_known() -> None:
    document = {"name": "Åse"}
    text = json.dumps(document, ensure_ascii=False)
    assert decode(f"{JSON}; charset=UTF-8", text.encode(), 10) == Fields({"name": "Åse"})
    assert decode(f"{JSON}; charset=utf-16", text.encode("utf-16"), 10) == Fields({"name": "Åse"})
    assert decode(f'{JSON}; charset="iso-8859-1"', text.encode("latin-1"), 10) == Fields({"name": "Åse"})
    assert refusal(JSON, text.encode("utf-16")).status == 400
    assert refusal(f"{JSON}; charset=utf-16", b"\xff\xfe{").status == 400
    assert refusal(f"{JSON}; charset=rot13", b"{}").status == 415


@pytest.mark.parametrize(
    ("content_type", "body"),
    [(JSON, b"[" + b"1," * 10 + b"1]"), (LINES, b"1\n" * 11), (CSV, b"1\n" * 11), (NPY, npy(np.zeros(11)))],
)
def test_too_many_rows_are_refused(content_type: str, body: bytes) -> None:
    assert refusal(content_type, body, 10).status == 413
    assert len(rows(content_type, body, 11)) == 11


@given(st.sampled_from([JSON, LINES, CSV, NPY]), st.binary(max_size=60))
def test_any_bytes_are_a_payload_or_a_refusal(content_type: str, body: bytes) -> None:
    try:
        decode(content_type, body, 10)
    except RequestError as error:
        assert error.status in (400, 413)  # noqa: PT017
