"""The published document where a model declares its schema: rows without names keep to it, references hold."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema
import pytest
from shapemaker_runtime.errors import RequestError
from shapemaker_runtime.serving import openapi
from shapemaker_runtime.serving.binding import Binding
from shapemaker_runtime.serving.decode import decode

AGE: dict[str, Any] = {"type": "number", "minimum": 0}
PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {"age": {"$ref": "#/$defs/age"}},
    "required": ["age"],
}
SCHEMAS: dict[str, dict[str, Any]] = {
    "plain": {"properties": {"age": {"minimum": 0}}, "required": ["age"]},
    "closed": {"properties": {"age": AGE}, "additionalProperties": False, "required": ["age"]},
    "inner reference": {**PERSON, "$defs": {"age": AGE}},
    "reference": {"$ref": "#/$defs/person", "$defs": {"person": PERSON, "age": AGE}},
    "identified": {**PERSON, "$id": "https://example.com/person", "$defs": {"age": AGE}},
    "by identifier": {
        "$id": "https://example.com/person",
        "properties": {"age": {"$ref": "https://example.com/person#/$defs/age"}},
        "required": ["age"],
        "$defs": {"age": AGE},
    },
}


class Model:
    def __init__(self, schema: dict[str, Any]) -> None:
        self.input_schema = copy.deepcopy(schema)  # fastjsonschema writes on it

    def predict(self, age: float, town: str = "") -> float:
        return age + len(town)


@pytest.mark.parametrize("body", ["[[5]]", "[[-5]]", '[[5, "x"]]', '[["x"]]', "[[]]", '[{"age": 5}]', '[{"age": -5}]'])
@pytest.mark.parametrize("name", SCHEMAS)
def test_what_fits_the_document_of_a_declared_schema_is_accepted(name: str, body: str) -> None:
    model = Model(SCHEMAS[name])
    binding = Binding.of(model.predict, model)
    document = openapi.document(binding, model)
    content = document["paths"]["/invocations"]["post"]["requestBody"]["content"]
    schema = {**content["application/json"]["schema"], "components": document["components"]}
    try:
        binding.bind(decode("application/json", body.encode(), 100))
        accepted = True
    except RequestError:
        accepted = False
    assert jsonschema.Draft202012Validator(schema).is_valid(json.loads(body)) == accepted
