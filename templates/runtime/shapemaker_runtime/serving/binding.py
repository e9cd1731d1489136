"""How a request becomes the arguments of `Model.predict`.

`predict(self, age: float, tenure: float = 0)`, a *row model*: an object is one prediction, `predict(age=31)`, answered
as `{"output": …}`. Instances (a list, CSV, JSON Lines, an array) are one call each, by name or by position, answered as
`{"predictions": […]}`. A model is a row model if it needs more than one argument, or its first one is annotated as a
number, text, bool, Literal or enum.

`predict(self, instances)`, a *batch model*: all instances in one call. Rows of numbers become a NumPy array of floats
where the image has NumPy, unless the parameter is annotated as a list; annotated as `np.ndarray`, numbers of any shape
do, and nothing else. An object whose names are the parameters' is still one prediction by name.
"""

from __future__ import annotations

import collections.abc
import enum
import typing
from dataclasses import dataclass
from typing import Any, Literal

from shapemaker_runtime import signature
from shapemaker_runtime.annotation import UnfitError, UnsupportedError, from_json, members
from shapemaker_runtime.errors import RequestError, SetupError
from shapemaker_runtime.program import did_you_mean
from shapemaker_runtime.serving import arrays
from shapemaker_runtime.serving.formats import Answer, Fields, Payload

if typing.TYPE_CHECKING:
    from collections.abc import Callable

_SCALARS = (bool, int, float, str)
_LISTS = (list, tuple, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
_SHOWN = 60


@dataclass(frozen=True)
class Call:
    """Arguments that are known to fit: of one prediction by name, of one for each row, or of one batch."""

    kind: Literal["fields", "rows", "batch"]
    value: Any


@dataclass(frozen=True)
class Binding:
    """What `predict` takes, read once at the start."""

    predict: Callable[..., object]
    takes: signature.Signature
    is_row_model: bool

    @classmethod
    def of(cls, predict: Callable[..., object]) -> Binding:
        """Read the signature of the bound method."""
        takes = signature.read(predict)
        if not takes.parameters and not takes.takes_any:
            raise SetupError("Model.predict takes no arguments; give it one for the instances, or one for each field")
        return cls(predict, takes, _is_row_model(takes))

    def bind(self, payload: Payload) -> Call:
        """The call for a payload; a `RequestError` of status 400 says which field or row does not fit."""
        if isinstance(payload, Fields):
            return Call("fields", self._by_name(payload.values, ""))
        if not self.is_row_model:
            return Call("batch", self._batch(payload.rows))
        rows = payload.rows.tolist() if arrays.is_array(payload.rows) else payload.rows
        return Call("rows", [self._row(row, f"row {number}: ") for number, row in enumerate(rows, 1)])

    def run(self, call: Call) -> Answer:
        """Call the model. Whatever it raises passes."""
        if call.kind == "fields":
            return Answer("output", self.predict(**call.value))
        if call.kind == "rows":
            return Answer("predictions", [self.predict(**row) for row in call.value])
        return Answer("predictions", self.predict(call.value))

    def _by_name(self, values: dict[str, object], where: str) -> dict[str, object]:
        parameters = self.takes.parameters
        for name in values:
            if name not in parameters and not self.takes.takes_any:
                hint = did_you_mean(name, list(parameters))
                raise RequestError(
                    400, f"{where}unknown field {ascii(name)[:_SHOWN]}{hint}; the model takes: {', '.join(parameters)}"
                )
        for name, parameter in parameters.items():
            if parameter.is_required and name not in values:
                raise RequestError(400, f"{where}the field {name} is missing; the model takes: {', '.join(parameters)}")
        return {
            name: _fit(parameters[name], value, where) if name in parameters else value
            for name, value in values.items()
        }

    def _row(self, row: object, where: str) -> dict[str, object]:
        if isinstance(row, dict):
            return self._by_name(row, where)
        cells = row if isinstance(row, list) else [row]
        names = list(self.takes.parameters)
        if len(cells) > len(names):
            raise RequestError(400, f"{where}{len(cells)} values; the model takes {len(names)}: {', '.join(names)}")
        return self._by_name(dict(zip(names, cells, strict=False)), where)

    def _batch(self, rows: Any) -> Any:
        annotation = next(iter(self.takes.parameters.values())).annotation
        if _is_list(annotation):
            return rows.tolist() if arrays.is_array(rows) else rows
        if arrays.is_array(rows):
            return rows
        if _is_array_annotation(annotation) or (arrays.IS_AVAILABLE and arrays.is_matrix(rows)):
            return arrays.from_lists(rows)
        return rows


def _is_row_model(takes: signature.Signature) -> bool:
    parameters = list(takes.parameters.values())
    if not parameters:
        return True
    return sum(each.is_required for each in parameters) > 1 or _is_scalar(parameters[0].annotation)


def _is_scalar(annotation: object) -> bool:
    parts = [part for part in members(annotation) or (annotation,) if part is not type(None)]
    return all(
        part in _SCALARS
        or typing.get_origin(part) is Literal
        or (isinstance(part, type) and issubclass(part, enum.Enum))
        for part in parts
    )


def _is_list(annotation: object) -> bool:
    return (typing.get_origin(annotation) or annotation) in _LISTS


def _is_array_annotation(annotation: object) -> bool:
    if isinstance(annotation, str):  # NumPy's name, imported for type checkers only
        return "ndarray" in annotation.lower()
    origin = typing.get_origin(annotation) or annotation
    return f"{getattr(origin, '__module__', '')}.{getattr(origin, '__qualname__', '')}" == "numpy.ndarray"


def _fit(parameter: signature.Parameter, value: object, where: str) -> object:
    if _is_array_annotation(parameter.annotation) and isinstance(value, list):
        return arrays.from_lists(value)
    try:
        return from_json(parameter.annotation, value)
    except UnfitError as error:
        raise RequestError(400, f"{where}the field {parameter.name}: expected {error}") from None
    except UnsupportedError:
        return value
