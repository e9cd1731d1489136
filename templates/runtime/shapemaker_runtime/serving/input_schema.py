"""JSON Schemas of one instance: declared by the model and checked on every request, or read from annotations."""

from __future__ import annotations

import importlib.util
import typing
from typing import TYPE_CHECKING, Any

from shapemaker_runtime.errors import RequestError, SetupError
from shapemaker_runtime.serving import arrays, columns
from shapemaker_runtime.serving.formats import Columns, Fields, Payload

if TYPE_CHECKING:
    from collections.abc import Callable

_SHOWN = 60


def check_of(model: object, names: tuple[str, ...], batch: str) -> Callable[[Payload], None] | None:
    """What refuses payloads with an instance that breaks `model.input_schema`; None where there is no such schema.

    Rows without names are checked by `names`, if the schema is one of objects. `batch` is the parameter that takes all
    instances; empty for a row model.
    """
    schema = getattr(model, "input_schema", None)
    if schema is None:
        return None
    if importlib.util.find_spec("fastjsonschema") is None:
        raise SetupError("Model.input_schema needs fastjsonschema, which this image has not")
    library = importlib.import_module("fastjsonschema")
    try:
        validate = library.compile(schema, handlers=_NO_HANDLERS, use_default=False)
    except (library.JsonSchemaDefinitionException, ValueError, TypeError, LookupError, AttributeError) as error:
        raise SetupError(f"Model.input_schema is no JSON Schema: {error}") from None
    return _Check(validate, library.JsonSchemaValueException, names if "properties" in schema else (), batch)


def _no_reference(address: str) -> typing.NoReturn:
    raise SetupError(f"Model.input_schema refers to {address}; nothing is fetched")


_NO_HANDLERS = dict.fromkeys(("http", "https", "ftp", "file"), _no_reference)


class _Check:
    def __init__(
        self, validate: Callable[[object], object], error: type[Any], names: tuple[str, ...], batch: str
    ) -> None:
        self._validate = validate
        self._error = error
        self._names = names
        self._batch = batch

    def __call__(self, payload: Payload) -> None:
        if isinstance(payload, Fields):
            rows: list[Any] = [payload.values]
            if self._batch in payload.values:
                given = payload.values[self._batch]
                rows = given if isinstance(given, list) else [given]
            if len(rows) == 1:
                self._one(self._named(rows[0]), "")
                return
        elif isinstance(payload, Columns):
            rows = columns.to_rows(payload)
        else:
            rows = payload.rows.tolist() if arrays.is_array(payload.rows) else payload.rows
        for number, row in enumerate(rows, 1):
            self._one(self._named(row), f"row {number}: ")

    def _named(self, row: object) -> object:
        if not self._names or isinstance(row, dict):
            return row
        cells = row if isinstance(row, list) else [row]
        return dict(zip(self._names, cells, strict=False)) if len(cells) <= len(self._names) else row

    def _one(self, instance: object, where: str) -> None:
        try:
            self._validate(instance)
        except self._error as error:
            # The library's own message may quote what the caller sent.
            place = ".".join(ascii(part)[1:-1] if isinstance(part, str) else str(part) for part in error.path[1:])
            rule = f"{error.rule}: {str(error.rule_definition)[:_SHOWN]}"
            raise RequestError(400, f"{where}{place[:_SHOWN] or 'the instance'} breaks the schema's {rule}") from None
