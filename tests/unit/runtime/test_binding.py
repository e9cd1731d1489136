"""How requests become arguments of `predict`, for models that take fields and models that take batches."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
from shapemaker_runtime.errors import RequestError, SetupError
from shapemaker_runtime.serving import batch
from shapemaker_runtime.serving.binding import Binding
from shapemaker_runtime.serving.formats import Fields, Instances
from shapemaker_runtime.serving.meter import Ledger
from shapemaker_runtime.serving.service import Request, Service
from shapemaker_runtime.serving.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt
    from shapemaker_runtime.serving.reply import Reply


class Rows:
    def age(self, age: float) -> float:
        return age * 2

    def several(self, age: float, town: str = "Oslo", kind: Literal["a", "b"] = "a") -> tuple[float, str, str]:
        return age, town, kind

    def untyped(self, age, tenure):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
        return [age, tenure]

    def named(self, *, age: float, count: int = 1) -> float:
        return age * count

    def anything(self, **fields: float) -> float:
        return sum(fields.values())

    def hidden(self, x: npt.NDArray[np.float64], scale: float) -> Any:
        return x * scale

    def vector(self, x: np.ndarray[Any, Any], scale: float) -> Any:
        return x * scale


class Batches:
    def plain(self, instances):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
        return instances

    def array(self, instances: np.ndarray[Any, Any]) -> object:
        return instances

    def sequence(self, instances: Sequence[Any], scale: float = 1.0) -> object:
        return instances, scale

    def sentences(self, texts: list[str]) -> object:
        return texts


def answer(predict: Callable[..., object], payload: Fields | Instances) -> tuple[str, Any]:
    binding = Binding.of(predict)
    found = binding.run(binding.bind(payload))
    return found.name, found.value


def refusal(predict: Callable[..., object], payload: Fields | Instances) -> str:
    with pytest.raises(RequestError) as caught:
        Binding.of(predict).bind(payload)
    assert caught.value.status == 400
    return caught.value.message


def test_an_object_is_the_arguments_by_name() -> None:
    assert answer(Rows().age, Fields({"age": 31})) == ("output", 62.0)
    assert answer(Rows().several, Fields({"town": "Bergen", "age": 31})) == ("output", (31.0, "Bergen", "a"))
    assert answer(Batches().plain, Fields({"instances": 3})) == ("output", 3)
    assert answer(Rows().anything, Fields({"a": 1, "b": 2})) == ("output", 3)


@pytest.mark.parametrize(
    "rows", [[{"age": 1}, {"age": 2}], [[1], [2]], [1, 2], [1.0, 2.0], np.array([[1.0], [2.0]]), np.array([1, 2])]
)
def test_instances_of_a_row_model_are_one_call_each(rows: Any) -> None:
    assert answer(Rows().age, Instances(rows)) == ("predictions", [2.0, 4.0])


def test_rows_may_leave_out_what_has_a_default() -> None:
    assert answer(Rows().several, Instances([[31], [58, "Bergen"]]))[1] == [(31.0, "Oslo", "a"), (58.0, "Bergen", "a")]
    assert answer(Rows().named, Instances([[31], {"age": 2, "count": 3.0}]))[1] == [31.0, 6.0]


def test_more_than_one_needed_argument_makes_a_row_model_without_annotations() -> None:
    assert answer(Rows().untyped, Instances([[31, 4]])) == ("predictions", [[31, 4]])


@pytest.mark.parametrize("predict", [Rows().vector, Rows().hidden])
def test_a_field_may_be_an_array(predict: Callable[..., object]) -> None:
    assert answer(predict, Fields({"x": [1, 2], "scale": 2}))[1].tolist() == [2.0, 4.0]


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (Fields({"agee": 31}), "unknown field 'agee'; did you mean age?; the model takes: age, town, kind"),
        (Fields({"age": 31, "x\n::error::": 1}), r"unknown field 'x\n::error::'"),
        (Fields({}), "the field age is missing"),
        (Fields({"age": "31"}), "the field age: expected float"),
        (Fields({"age": True}), "the field age: expected float"),
        (Fields({"age": 31, "town": None}), "the field town: expected str"),
        (Fields({"age": 31, "kind": "c"}), "the field kind: expected one of 'a', 'b'"),
        (Instances([[1], [1, "Oslo", "a", 4]]), "row 2: 4 values; the model takes 3: age, town, kind"),
        (Instances([{"age": 1}, {"town": "Oslo"}]), "row 2: the field age is missing"),
        (Instances([["31"]]), "row 1: the field age: expected float"),
        (Instances([[]]), "row 1: the field age is missing"),
        (Instances([None]), "row 1: the field age: expected float"),
    ],
)
def test_fields_that_do_not_fit_are_named(payload: Fields | Instances, message: str) -> None:
    assert message in refusal(Rows().several, payload)


def test_a_long_name_is_cut() -> None:
    assert len(refusal(Rows().age, Fields({"x" * 100_000: 1}))) < 200


def test_rows_of_numbers_become_an_array_of_floats() -> None:
    name, value = answer(Batches().plain, Instances([[1, 2], [3, 4.5]]))
    assert name == "predictions"
    assert value.dtype == np.float64
    assert value.tolist() == [[1.0, 2.0], [3.0, 4.5]]


@pytest.mark.parametrize(
    "rows", [[1, 2], [[1], [2, 3]], [["a"], ["b"]], [[1, "a"]], [[True]], [[None]], [{"a": 1}], [[[1]]]], ids=str
)
def test_other_rows_stay_as_they_are(rows: Any) -> None:
    assert answer(Batches().plain, Instances(rows)) == ("predictions", rows)


def test_an_array_stays_the_array_that_was_sent() -> None:
    sent = np.array([[1, 2]], dtype=np.float32)
    assert answer(Batches().plain, Instances(sent))[1] is sent


def test_a_list_is_a_list_where_the_model_says_so() -> None:
    assert answer(Batches().sequence, Instances([[1, 2]]))[1] == ([[1, 2]], 1.0)
    assert answer(Batches().sequence, Instances(np.array([[1, 2]])))[1] == ([[1, 2]], 1.0)


@pytest.mark.parametrize("rows", [[1, 2], [[1, 2]], [[[1], [2]]]], ids=str)
def test_numbers_of_any_shape_are_an_array_where_the_model_says_so(rows: Any) -> None:
    found = answer(Batches().array, Instances(rows))[1]
    assert isinstance(found, np.ndarray)
    assert found.tolist() == rows


@pytest.mark.parametrize(
    "rows",
    [["a"], [["1"]], [[True]], [{"a": 1}], [[1], [1, 2]], [[1, [2]]], [[10**400]], [[None]], ["x" * 9, 1]],
    ids=str,
)
def test_what_is_no_array_of_numbers_is_refused_where_the_model_wants_one(rows: Any) -> None:
    assert refusal(Batches().array, Instances(rows)).startswith("the instances must be")


def test_a_number_beyond_floats_is_refused_and_not_a_crash() -> None:
    assert "range" in refusal(Batches().plain, Instances([[10**400]]))


def test_a_predict_without_arguments_cannot_be_served() -> None:
    with pytest.raises(SetupError, match="takes no arguments"):
        Binding.of(lambda: 1)


def test_rows_without_values_are_no_array() -> None:
    assert refusal(Batches().array, Instances([[], []])) == "there are no values"
    assert refusal(Batches().plain, Instances([[], []])) == "there are no values"
    assert answer(Rows().vector, Fields({"x": [], "scale": 2.0}))[1].shape == (0,)


@pytest.mark.parametrize("predict", [Batches().plain, Batches().array, Batches().sequence])
def test_a_batch_among_the_fields_has_the_rows_of_a_batch(predict: Callable[..., object]) -> None:
    binding = Binding.of(predict)
    payload = Fields({"instances": [[1.0], [2.0], [3.0]]})
    assert batch.size(binding.bind(payload, 3)) == 3
    with pytest.raises(RequestError, match="more than 2 instances in one request") as caught:
        binding.bind(payload, 2)
    assert caught.value.status == 413


def test_a_service_refuses_a_batch_among_the_fields_that_is_too_large() -> None:
    replies: list[Reply] = []

    async def scenario() -> None:
        limits = Settings.from_environ({"SHAPEMAKER_SERVE_MAX_ROWS": "2"}).limits
        service = Service(Binding.of(Batches().sentences), limits, Ledger(1).meter(0), lambda: None)
        service.submit(Request(b'{"texts": ["a", "b", "c"]}', "application/json"), replies.append)

    asyncio.run(scenario())
    assert [reply.status for reply in replies] == [413]


def test_fields_that_are_no_batch_are_one_row() -> None:
    assert batch.size(Binding.of(Rows().vector).bind(Fields({"x": [1.0, 2.0], "scale": 1.0}), 1)) == 1
    assert batch.size(Binding.of(Batches().plain).bind(Fields({"instances": 3}), 1)) == 1
    assert batch.size(Binding.of(Batches().plain).bind(Fields({"instances": []}), 1)) == 1
