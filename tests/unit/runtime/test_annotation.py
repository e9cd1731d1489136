"""Values for annotations, from the texts of hyperparameters and from JSON."""

# ruff: noqa: UP006, UP007, UP045 - users write annotations in the old ways too

from __future__ import annotations

import enum
import typing
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NewType, Optional, Union

import pytest
from shapemaker_runtime.annotation import UnfitError, UnsupportedError, describe, from_json, from_text


class Solver(enum.Enum):
    SVD = "svd"
    SAGA = "saga"


Rate = NewType("Rate", float)


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (int, "3", 3),
        (int, "-3", -3),
        (int, "3.0", 3),
        (float, "3", 3.0),
        (float, "1e-05", 1e-05),
        (bool, "true", True),
        (bool, "False", False),
        (str, "3", "3"),
        (str, "null", "null"),
        (str, "", ""),
        (str, '"adam"', "adam"),
        (list, "[1, 2]", [1, 2]),
        (list[int], "[1, 2]", [1, 2]),
        (Sequence[float], "[1, 2]", [1.0, 2.0]),
        (tuple[int, str], '[1, "a"]', (1, "a")),
        (tuple[int, ...], "[1, 2, 3]", (1, 2, 3)),
        (dict, '{"a": 1}', {"a": 1}),
        (Mapping[str, float], '{"a": 1}', {"a": 1.0}),
        (Optional[int], "3", 3),
        (Optional[int], "None", None),
        (int | None, "null", None),
        (Optional[str], "a", "a"),
        (Union[int, str], "3", 3),
        (Union[int, str], "x", "x"),
        (Literal["svd", "saga"], "saga", "saga"),
        (Literal[1, 2], "2", 2),
        (Literal["1"], "1", "1"),
        (Solver, "svd", Solver.SVD),
        (Solver, "SAGA", Solver.SAGA),
        (Annotated[int, "any"], "3", 3),
        (Rate, "0.5", 0.5),
        (Any, "3", 3),
        (Any, "x", "x"),
    ],
    ids=str,
)
def test_a_text_becomes_the_value_that_its_annotation_asks_for(annotation: object, text: str, value: object) -> None:
    found = from_text(annotation, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("annotation", "text", "expected"),
    [
        (int, "3.5", "int"),
        (int, "1_0", "int"),
        (int, "true", "int"),
        (int, "", "int"),
        (int, "٣", "int"),
        (float, "nan", "float"),
        (float, "1e999", "float"),
        (float, "x", "float"),
        (bool, "1", "true or false"),
        (bool, "yes", "true or false"),
        (list[int], '["a"]', "list[int]"),
        (list, '{"a": 1}', "list"),
        (dict, "[1]", "dict"),
        (tuple[int, int], "[1]", "tuple[int, int]"),
        (Literal["svd", "saga"], "sag", "one of 'svd', 'saga'"),
        (Solver, "sag", "one of 'svd', 'saga'"),
        (Optional[int], "x", "Optional[int]"),
    ],
    ids=str,
)
def test_a_text_that_does_not_fit_is_told_what_would(annotation: object, text: str, expected: str) -> None:
    with pytest.raises(UnfitError) as caught:
        from_text(annotation, text)
    assert str(caught.value) in (expected, expected.replace("Optional[int]", "int | None"))


def test_an_annotation_that_nothing_is_known_about_is_named() -> None:
    with pytest.raises(UnsupportedError, match="bytes"):
        from_text(bytes, "x")
    with pytest.raises(UnsupportedError, match="memoryview"):
        from_json(typing.List[memoryview], [1])


@pytest.mark.parametrize(("annotation", "value"), [(int, True), (str, 1), (float, True), (float, 10**400), (int, 1.5)])
def test_json_of_another_kind_does_not_fit(annotation: object, value: object) -> None:
    with pytest.raises(UnfitError):
        from_json(annotation, value)


def test_annotations_are_described_as_they_were_written() -> None:
    assert describe(list[int]) == "list[int]"
