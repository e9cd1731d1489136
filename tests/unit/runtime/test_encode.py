"""Answers: the media type that the caller wants, and predictions in it."""

from __future__ import annotations

import io
import json
from decimal import Decimal

import numpy as np
import pytest
from shapemaker_runtime.errors import ModelOutputError, RequestError
from shapemaker_runtime.serving.encode import encode, negotiate
from shapemaker_runtime.serving.formats import ARROW, Answer

JSON, LINES, CSV, NPY = "application/json", "application/jsonlines", "text/csv", "application/x-npy"


class Frame:
    """Behaves like a data frame of pandas."""

    def to_dict(self, orient: str) -> list[dict[str, int]]:
        assert orient == "records"
        return [{"a": 1}]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("text/*", CSV),
        ("text/csv", CSV),
        ("TEXT/CSV; charset=utf-8", CSV),
        ("application/jsonlines, application/json", JSON),
        ("application/json;q=0.5, text/csv", CSV),
        ("application/json;q=0.5, text/csv;q=0.4", JSON),
        ("*/*;q=0.1, application/x-npy", NPY),
        ("application/json;q=0, */*", LINES),
        ("text/html, application/x-ndjson", LINES),
        ("text/html, */*;q=0.1", JSON),
    ],
)
def test_the_caller_chooses_the_media_type(accept: str, media_type: str) -> None:
    assert negotiate(accept) == media_type


@pytest.mark.parametrize(
    "accept", ["text/html", "image/*", "application/json;q=0", "application/json;q=x", "a,,b;;=", ","]
)
def test_a_caller_who_takes_none_of_ours_hears_which_there_are(accept: str) -> None:
    with pytest.raises(RequestError) as caught:
        negotiate(accept)
    assert caught.value.status == 406
    assert f"{JSON}, {LINES}, {CSV}, {NPY}, application/vnd.apache.arrow.stream" in caught.value.message


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (31.5, '{"output":31.5}'),
        (np.float32(0.5), '{"output":0.5}'),
        (np.array([[1, 2]]), '{"output":[[1,2]]}'),
        ({"low": np.int64(1), "ok": np.True_}, '{"output":{"low":1,"ok":true}}'),
        ((1, None, "ä"), '{"output":[1,null,"\\u00e4"]}'),
        pytest.param(Frame(), '{"output":[{"a":1}]}', id="a data frame"),
    ],
    ids=str,
)
def test_values_of_models_become_json(value: object, text: str) -> None:
    assert encode(Answer("output", value), JSON).decode() == text


@pytest.mark.parametrize(
    ("value", "lines", "csv"),
    [
        ([1.5, 2.5], "1.5\n2.5\n", "1.5\n2.5\n"),
        (np.array([[1, 2], [3, 4]]), "[1,2]\n[3,4]\n", "1,2\n3,4\n"),
        (["a,b", 'c"d'], '"a,b"\n"c\\"d"\n', '"a,b"\n"c""d"\n'),
        (3, "3\n", "3\n"),
        ([np.float64(0.1), None], "0.1\nnull\n", "0.1\n\n"),
        ([np.array([1, 2]), np.array([3])], "[1,2]\n[3]\n", "1,2\n3\n"),
    ],
    ids=["numbers", "rows", "texts", "one", "scalars", "arrays"],
)
def test_predictions_are_lines(value: object, lines: str, csv: str) -> None:
    assert encode(Answer("predictions", value), LINES).decode() == lines
    assert encode(Answer("predictions", value), CSV).decode().replace('""\n', "\n") == csv


def test_predictions_are_an_array() -> None:
    assert np.load(io.BytesIO(encode(Answer("predictions", [1.0, 2.0]), NPY))).tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("value", "media_type"),
    [
        (float("nan"), JSON),
        (np.array([np.inf]), JSON),
        (Decimal(1), JSON),
        ({1, 2}, JSON),
        ([{1, 2}], CSV),
        (float("nan"), LINES),
        (Decimal(1), NPY),
    ],
    ids=str,
)
def test_what_json_cannot_express_is_the_models_fault(value: object, media_type: str) -> None:
    with pytest.raises(ModelOutputError):
        encode(Answer("predictions", value), media_type)


@pytest.mark.parametrize(
    ("value", "media_type"),
    [([{"a": 1}], CSV), ([[{"a": 1}]], CSV), ([{"a": 1}], NPY), ([[1], [1, 2]], NPY), ([1, "a"], ARROW)],
    ids=str,
)
def test_what_only_json_can_express_is_not_acceptable_to_who_accepts_something_else(
    value: object, media_type: str
) -> None:
    with pytest.raises(RequestError, match="it can be had as application/json") as raised:
        encode(Answer("predictions", value), media_type)
    assert raised.value.status == 406


def test_json_is_read_back_as_the_same_numbers() -> None:
    values = [0.1, 1e-300, 123456789.123456789]
    assert json.loads(encode(Answer("predictions", np.array(values)), JSON)) == {"predictions": values}
