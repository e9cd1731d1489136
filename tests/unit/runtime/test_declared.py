"""What a model declares beside `predict`: its schema, its example, and media types of its own."""

# ruff: noqa: ARG002, RUF012 - models as users write them

from __future__ import annotations

import asyncio
import enum
import json
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypedDict

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapemaker_runtime.annotation import UnfitError, from_json
from shapemaker_runtime.errors import RequestError, SetupError
from shapemaker_runtime.serving import openapi, schemas
from shapemaker_runtime.serving.binding import Binding
from shapemaker_runtime.serving.decode import decode
from shapemaker_runtime.serving.formats import Columns, Fields, Instances
from shapemaker_runtime.serving.meter import Ledger
from shapemaker_runtime.serving.service import Request, Service
from shapemaker_runtime.serving.settings import Limits
from shapemaker_runtime.serving.warm_up import warm_up

if TYPE_CHECKING:
    from shapemaker_runtime.serving.reply import Reply

LIMITS = Limits(
    rows=1000, run_seconds=1, batch_rows=64, batch_seconds=0, queue_rows=1000, queue_seconds=30, inline=False
)


class Colour(enum.Enum):
    RED = "r"


class Address(TypedDict, total=False):
    town: str


@dataclass
class Customer:
    age: float
    address: Address
    kind: Literal["a", "b"] = "a"

    def __post_init__(self) -> None:
        if self.age < 0:
            raise ValueError("negative")


class Checked:
    input_schema = {
        "type": "object",
        "properties": {"age": {"type": "number", "maximum": 120}, "town": {"enum": ["Oslo"]}},
        "required": ["age"],
        "additionalProperties": False,
    }

    def predict(self, age: float, town: str = "Oslo") -> float:
        return age


def call(model: Any, payload: Any) -> Any:
    return Binding.of(model.predict, model).bind(payload).value


@pytest.mark.parametrize(
    "payload",
    [
        Fields({"age": 31}),
        Instances([{"age": 31}, [31, "Oslo"], 31]),
        Columns(("town", "age"), [["Oslo"], [31]]),
        Instances(np.array([[31.0]])),
    ],
    ids=str,
)
def test_instances_that_keep_to_the_schema_pass(payload: Any) -> None:
    assert call(Checked(), payload)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (Fields({"age": 121}), "age breaks the schema's maximum: 120"),
        (Fields({}), "the instance breaks the schema's required: ['age']"),
        (Fields({"age": 1, "secret": 1}), "the instance breaks the schema's additionalProperties: False"),
        (Instances([{"age": 1}, {"age": "x"}]), "row 2: age breaks the schema's type: number"),
        (Instances([[1, "Bergen"]]), "row 1: town breaks the schema's enum: ['Oslo']"),
        (Columns(("age",), [[1, 200]]), "row 2: age breaks the schema's maximum: 120"),
        (Instances(np.array([[200.0]])), "row 1: age breaks the schema's maximum: 120"),
        (Instances([None]), "row 1: age breaks the schema's type: number"),
    ],
    ids=str,
)
def test_an_instance_that_breaks_the_schema_is_refused(payload: Any, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        call(Checked(), payload)
    assert (caught.value.status, caught.value.message) == (400, message)


class Batched(Checked):
    def predict(self, people: list[dict[str, Any]]) -> Any:  # type: ignore[override]
        return people


def test_no_way_leads_around_the_schema() -> None:
    for people in ([{"age": 1}, {"age": 121}], {"age": 121}):
        with pytest.raises(RequestError, match="maximum"):
            call(Batched(), Fields({"people": people}))
    assert call(Batched(), Fields({"people": [{"age": 12}]}))


@pytest.mark.parametrize("schema", [{"type": "nonsense"}, {"$ref": "http://127.0.0.1:1/x"}, 3])
def test_what_is_no_schema_ends_the_start(schema: Any) -> None:
    class Model(Checked):
        input_schema = schema

    with pytest.raises(SetupError, match="input_schema"):
        Binding.of(Model().predict, Model())


def test_objects_become_dataclasses_and_typed_dicts() -> None:
    found = from_json(Customer, {"age": 31, "address": {"town": "Oslo"}})
    assert found == Customer(31.0, {"town": "Oslo"}, "a")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"age": "x", "address": {}}, "float as age"),
        ({"age": 1}, "the field address"),
        ({"age": 1, "address": {"town": 3}}, "str as town as address"),
        ({"age": 1, "address": {}, "x": 1}, "no other fields than age, address, kind"),
        ({"age": -1, "address": {}}, "a valid Customer"),
        ([1], "an object (Customer)"),
    ],
    ids=str,
)
def test_objects_that_do_not_fit_are_told_why(value: Any, message: str) -> None:
    with pytest.raises(UnfitError) as caught:
        from_json(Customer, value)
    assert str(caught.value) == message


class Typed:
    example = {"age": 31, "address": {}}

    def predict(self, customers: list[Customer]) -> list[float]:
        return [each.age for each in customers]


def test_a_batch_model_gets_its_members_as_it_names_them() -> None:
    assert call(Typed(), Instances([Typed.example])) == [Customer(31.0, {})]
    with pytest.raises(RequestError, match="row 2: expected float as age"):
        call(Typed(), Instances([Typed.example, {"age": None, "address": {}}]))


class Everything:
    def predict(  # noqa: PLR0913, PLR0917
        self,
        age: float,
        count: int,
        colour: Colour,
        pair: tuple[int, str],
        names: list[str],
        customer: Customer,
        note: str | None = None,
        limits: dict[str, float] | None = None,
    ) -> str:
        return str(count)


ANNOTATIONS = [float, int, bool, str, type(None), Colour, Literal["a", 1], list[float], tuple[int, str], dict[str, int]]
ANNOTATIONS += [str | None, int | list[str], Customer, Address, list[Customer], Any]
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.sampled_from(["a", "r", "RED"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["age", "address", "town", "kind"]), inner)
    ),
    max_leaves=6,
)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(ANNOTATIONS), VALUES)
def test_the_published_schema_takes_what_the_annotation_takes(annotation: Any, value: Any) -> None:
    try:
        from_json(annotation, value)
        fits = True
    except UnfitError as error:
        if "valid Customer" in str(error):  # the class's own check is in no schema
            return
        fits = False
    assert jsonschema.Draft202012Validator(schemas.of(annotation)).is_valid(value) == fits


@pytest.mark.parametrize("model", [Checked(), Batched(), Typed(), Everything()], ids=lambda each: type(each).__name__)
def test_the_document_is_json_and_its_schemas_are_schemas(model: Any) -> None:
    document = json.loads(json.dumps(openapi.document(Binding.of(model.predict, model), model), allow_nan=False))
    assert document["openapi"] == "3.1.0"
    jsonschema.Draft202012Validator.check_schema(document["components"]["schemas"]["Instance"])
    body = document["paths"]["/invocations"]["post"]["requestBody"]["content"]
    assert list(body)[:3] == ["application/json", "application/jsonlines", "text/csv"]


def test_a_declared_schema_and_the_example_are_published() -> None:
    model = Checked()
    assert openapi.instance(Binding.of(model.predict, model), model) == Checked.input_schema
    typed = Typed()
    document = openapi.document(Binding.of(typed.predict, typed), typed)
    content = document["paths"]["/invocations"]["post"]["requestBody"]["content"]
    assert content["application/json"]["example"] == [Typed.example]


def warm(model: Any) -> None:
    warm_up(model, Binding.of(model.predict, model))


def test_a_model_is_warmed_up_by_its_example_or_by_itself() -> None:
    class Model:
        example: Any = {"age": 31}

        def __init__(self) -> None:
            self.seen: list[object] = []

        def predict(self, age: float) -> float:
            self.seen.append(age)
            return age / (age - 40)

    model = Model()
    warm(model)
    assert model.seen == [31.0]
    model.example = {"agee": 31}
    with pytest.raises(SetupError, match=r"Model.example .* unknown field"):
        warm(model)
    model.example = {"age": 40}
    with pytest.raises(ZeroDivisionError):
        warm(model)
    model.warm_up = lambda: model.seen.append("own")  # type: ignore[attr-defined]
    warm(model)
    assert model.seen[-1] == "own"


class UnfitImageError(Exception):
    status_code = 422


class Images:
    decoders = {"image/x-test": "decode", "application/x-fields": json.loads}
    encoders = {"application/x-bytes": "encode", "application/x-bad": lambda _: "text"}

    def predict(self, pixels: np.ndarray) -> Any:
        return pixels.sum(axis=1)

    def decode(self, body: bytes) -> Any:
        if body == b"unfit":
            raise UnfitImageError("no image")
        if body == b"hang":
            time.sleep(2)
        if body == b"bug":
            raise KeyError("x")
        if body == b"odd":
            return 3
        return np.frombuffer(body, dtype=np.uint8).astype(float).reshape(1, -1)

    def encode(self, answer: Any) -> bytes:
        return bytes(int(each) for each in answer)


def ask(model: Any, *requests: Request, log: str = "errors") -> list[Reply]:
    async def run() -> list[Reply]:
        limits = Limits(**{**vars(LIMITS), "log": log})
        service = Service(Binding.of(model.predict, model), limits, Ledger(1).meter(0), lambda: None)

        async def send(request: Request) -> Reply:
            replied: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
            service.submit(request, replied.set_result)
            return await replied

        return [await send(request) for request in requests]

    return asyncio.run(run())


def test_a_models_own_media_types_are_read_and_written() -> None:
    (reply,) = ask(Images(), Request(b"\1\2\3", "image/x-test", "application/x-bytes"))
    assert (reply.status, reply.media_type, reply.body) == (200, "application/x-bytes", b"\6")
    assert decode("application/x-fields", b'{"a": 1}', 10, Binding.of(Images().predict, Images()).hooks) == Fields(
        {"a": 1}
    )


@pytest.mark.parametrize(
    ("body", "accept", "status", "error"),
    [
        (b"unfit", "", 422, "no image"),
        (b"bug", "", 500, "the model raised KeyError; the traceback is in the log"),
        (b"odd", "", 500, "the model's decoder gave a int, not a dict, a list or an array"),
        (b"hang", "", 504, "reading the body took longer than 1 seconds"),
        (b"\1", "application/x-bad", 500, "the model's encoder gave a str, not bytes"),
    ],
)
def test_hooks_that_fail_are_told_apart(body: bytes, accept: str, status: int, error: str) -> None:
    (reply,) = ask(Images(), Request(body, "image/x-test", accept))
    assert (reply.status, json.loads(reply.body)) == (status, {"error": error})


def test_lists_of_media_types_name_the_models_own() -> None:
    first, second = ask(Images(), Request(b"x", "image/png"), Request(b"[[1]]", "application/json", "image/png"))
    assert (first.status, second.status) == (415, 406)
    assert b"image/x-test" in first.body
    assert b"application/x-bytes" in second.body


@pytest.mark.parametrize("declared", [{"decoders": {"a/b": "nothing"}}, {"encoders": 3}, {"columns": "age"}])
def test_hooks_that_are_none_end_the_start(declared: dict[str, Any]) -> None:
    model = type("Model", (Images,), declared)()
    with pytest.raises(SetupError, match=f"Model.{next(iter(declared))}"):
        Binding.of(model.predict, model)


def test_a_request_leaves_one_line_at_most(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    good = Request(b"[[1]]", "application/json", number="good")
    bad = Request(b"x", "application/json", number="bad\n\x1b[31m" + "x" * 500)
    failing = Request(b'[["a"]]', "application/json", number="failing")
    ask(Images(), good, bad, log="none")
    assert caplog.records == []
    ask(Images(), good, bad, failing)
    ask(type("M", (Images,), {"predict": lambda _self, pixels: pixels / None})(), good)
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO", "ERROR"]
    assert ", id bad???31m" in caplog.messages[0]
    assert len(caplog.messages[0]) < 250
    assert caplog.records[2].exc_info
    caplog.clear()
    ask(Images(), good, log="all")
    assert caplog.messages[0].startswith("200 after ")


class Row:
    def predict(self, age: float, address: Address, kind: Colour = Colour.RED, names: list[str] | None = None) -> float:
        return age


ROWS = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {"age": VALUES, "address": st.fixed_dictionaries({}, optional={"town": VALUES})},
        optional={"kind": st.sampled_from(["r", "RED", "x", 1]), "names": VALUES, "other": VALUES},
    ),
    st.tuples(VALUES, VALUES).map(list),
)
BODIES = st.one_of(
    ROWS,
    st.lists(ROWS, max_size=3),
    st.builds(lambda rows: {"instances": rows}, st.lists(ROWS, max_size=3)),
    st.builds(lambda age, address: {"columns": {"age": [age], "address": [address]}}, VALUES, st.just({}) | VALUES),
)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from([Row(), Typed()]), BODIES)
def test_the_published_body_is_what_is_accepted(model: Any, body: Any) -> None:
    binding = Binding.of(model.predict, model)
    document = openapi.document(binding, model)
    content = document["paths"]["/invocations"]["post"]["requestBody"]["content"]
    schema = {**content["application/json"]["schema"], "components": document["components"]}
    if not isinstance(model, Row) and isinstance(body, dict) and "customers" in body:
        return
    try:
        binding.bind(decode("application/json", json.dumps(body).encode(), 100))
        accepted = True
    except RequestError as error:
        assert error.status == 400  # noqa: PT017 - either way is right
        if "valid Customer" in error.message:
            return
        accepted = False
    assert jsonschema.Draft202012Validator(schema).is_valid(body) == accepted
