"""`/openapi.json`: all routes, media types and error shapes, and what an instance must be like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapemaker_runtime.serving import decode, encode, schemas
from shapemaker_runtime.serving.formats import CSV, EVENTS, JSON, JSON_LINES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_runtime.serving.binding import Binding
    from shapemaker_runtime.serving.schemas import Schema

_ERRORS = {
    400: "The body, or a header, is not as described here",
    404: "There is no such path",
    405: "The path has no such method",
    406: "Of the media types in Accept none can be made",
    408: "The body did not arrive in time",
    413: "The body has too many bytes, or too many instances",
    415: "The body is of another media type, or compressed",
    422: "The model takes no such instance; a model may answer with any other status from 400 to 499, too",
    500: "The model failed",
    503: "Too many requests are waiting",
    504: "The prediction took too long",
}


def document(binding: Binding, model: object) -> dict[str, Any]:
    """The OpenAPI 3.1 document of a loaded model."""
    one = instance(binding, model)
    paths: dict[str, Any] = {
        "/invocations": {"post": _invocations(binding, one, getattr(model, "example", None))},
        "/ping": _get("200 once the model is loaded", {}),
        "/execution-parameters": _get("What batch transform asks before it starts", _content(JSON, {"type": "object"})),
        "/metrics": _get("Counters, in Prometheus's text format", _content("text/plain; version=0.0.4", _TEXT)),
        "/openapi.json": _get("This document", _content(JSON, {"type": "object"})),
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": type(model).__name__, "version": str(getattr(model, "version", "1"))},
        "paths": paths,
        "components": {
            "schemas": {
                "Instance": one,
                "Error": {
                    "type": "object",
                    "properties": {"error": {"type": "string"}},
                    "required": ["error"],
                    "additionalProperties": False,
                },
            }
        },
    }


def instance(binding: Binding, model: object) -> Schema:
    """The schema that the model declares, or what the annotations of `predict` say."""
    declared = getattr(model, "input_schema", None)
    if declared is not None:
        found = schemas.moved(declared, _PLACE)
        # A row model's rows get their names before they are held against properties.
        return {"type": "object", **found} if binding.is_row_model and "properties" in found else found
    if binding.is_row_model:
        return schemas.of_fields(binding.takes)
    if binding.columns:
        cell = schemas.NUMBER if binding.wants == "array" else {}
        return {
            "type": "object",
            "properties": dict.fromkeys(binding.columns, cell),
            "required": list(binding.columns),
            "additionalProperties": False,
        }
    items = schemas.of(next(iter(binding.takes.parameters.values())).annotation).get("items")
    if items is None and binding.wants == "array":
        return {"anyOf": [schemas.NUMBER, {"type": "array", "items": schemas.NUMBER}]}
    return items or {}


_TEXT: Schema = {"type": "string"}
_PLACE = "#/components/schemas/Instance"
_INSTANCE: Schema = {"$ref": _PLACE}


def _invocations(binding: Binding, one: Schema, example: object) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for media_type in decode.accepted(binding.hooks):
        content |= _content(media_type, {})
    content |= _content(JSON, _body(binding, one))
    if example is not None:
        content[JSON]["example"] = example if binding.is_row_model and isinstance(example, dict) else [example]
    answers: dict[str, Any] = {}
    for media_type in encode.offers(binding.hooks):
        answers |= _content(media_type, {})
    answers |= _content(JSON, {"anyOf": [_object("output"), _object("predictions")]})
    answers |= {JSON_LINES: {"schema": _TEXT}, CSV: {"schema": _TEXT}}
    answers[EVENTS] = {}  # some take its schema for that of one event, others for that of the whole text
    return {
        "summary": "Predict",
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": {"description": "Predictions, in the order of the instances", "content": answers},
            **{str(status): _error(text) for status, text in _ERRORS.items()},
        },
    }


def _body(binding: Binding, one: Schema) -> Schema:
    row: list[Schema] = [_INSTANCE]
    names = binding.columns or (tuple(binding.takes.parameters) if binding.is_row_model else ())
    if binding.is_row_model:
        # Where a schema is declared, such a row has to keep to it and to the annotations.
        annotated, declared = (schemas.positional(names, each) for each in (schemas.of_fields(binding.takes), one))
        if annotated is not None and declared is not None:
            row.append(annotated if annotated == declared else {"allOf": [annotated, declared]})
    rows = {"type": "array", "items": {"anyOf": row} if len(row) > 1 else row[0], "minItems": 1}
    instances = {"type": "object", "properties": {"instances": rows}, "required": ["instances"]}
    bodies = [rows, {**instances, "additionalProperties": False}, _columns(one)]
    return {"anyOf": [_INSTANCE, *bodies] if binding.is_row_model else bodies}


def _columns(one: Schema) -> Schema:
    """A table of what `one` is the instance of."""
    cells: Mapping[str, Any] = one.get("properties", {})
    others = one.get("additionalProperties", True) is not False
    table: Schema = {
        "type": "object",
        "description": "Columns, all of one length",
        "properties": {name: {"type": "array", "items": cell, "minItems": 1} for name, cell in cells.items()},
        "required": list(one.get("required", [])),
        "additionalProperties": {"type": "array", "minItems": 1} if others else False,
        "minProperties": 1,
    }
    return {"type": "object", "properties": {"columns": table}, "required": ["columns"], "additionalProperties": False}


def _object(name: str) -> Schema:
    return {"type": "object", "properties": {name: {}}, "required": [name], "additionalProperties": False}


def _content(media_type: str, schema: Schema) -> dict[str, Any]:
    return {media_type: {"schema": schema} if schema else {}}


def _error(text: str) -> dict[str, Any]:
    return {"description": text, "content": _content(JSON, {"$ref": "#/components/schemas/Error"})}


def _get(text: str, content: dict[str, Any]) -> dict[str, Any]:
    answer = {"description": text, **({"content": content} if content else {})}
    return {"get": {"summary": text, "responses": {"200": answer}}}
