"""How a request becomes the arguments of `Model.predict`.

`predict(self, age: float, tenure: float = 0)`, a *row model*: an object is one prediction, `predict(age=31)`, answered
as `{"output": …}`. Instances (a list, CSV, JSON Lines, an array) are one call each, by name or by position, answered as
`{"predictions": […]}`. A model is a row model if it needs more than one argument, or its first one is annotated as a
number, text, bool, Literal or enum.

`predict(self, instances)`, a *batch model*: all instances in one call. Rows of numbers become a NumPy array of floats
where the image has NumPy, unless the parameter is annotated as a list; annotated as `np.ndarray`, numbers of any shape
do, and nothing else; annotated as `pd.DataFrame`, the rows become one, whatever format they came in. Of a table
(columns, CSV with a header, Arrow, Parquet) other models get the matrix if it is all numbers, else an object for each
row. An object whose names are the parameters' is still one prediction by name.

`columns = ("age", "tenure")` on the model says in which order a batch model wants what comes with names, and how many
values rows without names have; without it they stay in the order in which they were sent.
"""

from __future__ import annotations

import collections.abc
import enum
import importlib.util
import inspect
import sys
import typing
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from shapemaker_runtime import signature
from shapemaker_runtime.annotation import UnfitError, UnsupportedError, from_json, members
from shapemaker_runtime.errors import RequestError, SetupError
from shapemaker_runtime.program import did_you_mean
from shapemaker_runtime.serving import arrays, columns, hooks, input_schema
from shapemaker_runtime.serving.formats import Answer, Columns, Fields, Instances, Payload

if typing.TYPE_CHECKING:
    from collections.abc import Callable

_SCALARS = (bool, int, float, str)
_LISTS = (list, tuple, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
_NUMERIC_ROWS = (list[float],)
_SHOWN = 60
_EVERY_INTEGER = 2**53
"""Up to here a float has each of them."""
_EXACT = (float, int, str, bool)
"""Annotations of which a value of the same type needs no second look."""


Wants = Literal["frame", "array", "list", "any"]


class Call(NamedTuple):
    """Arguments that are known to fit: of one prediction by name, of one for each row, or of one batch.

    A table is the batch of a model that takes DataFrames. It becomes one when it is run: those of several requests are
    joined before that, which is far cheaper.
    """

    kind: Literal["fields", "rows", "batch", "table"]
    value: Any
    fields_rows: int = 1
    """Of fields: the rows in them, if one is the batch."""


@dataclass(frozen=True)
class Binding:
    """What `predict` takes, read once at the start."""

    predict: Callable[..., object]
    takes: signature.Signature
    is_row_model: bool
    wants: Wants = "any"
    columns: tuple[str, ...] = ()
    hooks: hooks.Hooks = hooks.NONE
    check: Callable[[Payload], None] | None = None
    """Raises a `RequestError` for instances that the model's schema does not allow."""
    makes_streams: bool = False
    """`predict` is a generator function."""

    @classmethod
    def of(cls, predict: Callable[..., object], model: object = None) -> Binding:
        """Read the signature of the bound method, and what else the model declares."""
        takes = signature.read(predict)
        if not takes.parameters and not takes.takes_any:
            raise SetupError("Model.predict takes no arguments; give it one for the instances, or one for each field")
        is_row_model = _is_row_model(takes)
        order = _declared_columns(model)
        names = order or (tuple(takes.parameters) if is_row_model else ())
        annotations = [each.annotation for each in takes.parameters.values()]
        wants = "any" if is_row_model else _wants(annotations[0])
        if any(map(_is_array_annotation, annotations)) or not (is_row_model or wants == "list"):
            arrays.load()
        return cls(
            predict,
            takes,
            is_row_model,
            wants,
            order,
            hooks.Hooks.of(model),
            input_schema.check_of(model, names, "" if is_row_model else next(iter(takes.parameters))),
            inspect.isgeneratorfunction(predict),
        )

    def bind(self, payload: Payload, max_rows: int = sys.maxsize) -> Call:
        """The call for a payload; a `RequestError` of status 400 says which field or row does not fit.

        Of status 413 if a field holds more than `max_rows` rows; elsewhere `decode` has counted them.
        """
        rows = 1 if self.is_row_model else self._rows_by_name(payload, max_rows)
        if self.check is not None:
            self.check(payload)
        if isinstance(payload, Fields):
            fields = self._by_name(payload.values, "")
            return Call("fields", self._framed(fields) if self.wants == "frame" else fields, rows)
        if not self.is_row_model:
            return self._batch(payload)
        return Call("rows", [self._row(row, f"row {number}: ") for number, row in enumerate(plain_rows(payload), 1)])

    def run(self, call: Call) -> Answer:
        """Call the model. Whatever it raises passes."""
        if call.kind == "fields":
            return Answer("output", arrays.from_tensor(self.predict(**call.value)))
        if call.kind == "rows":
            return Answer("predictions", [collected(self.predict(**row)) for row in call.value])
        if call.kind == "table":
            return Answer("predictions", arrays.from_tensor(self.predict(columns.to_frame(call.value))))
        return Answer("predictions", arrays.from_tensor(self.predict(call.value)))

    def _rows_by_name(self, payload: Payload, max_rows: int) -> int:
        if not isinstance(payload, Fields):
            return 1
        rows = payload.values.get(next(iter(self.takes.parameters)))
        if not isinstance(rows, list):
            return 1
        hooks.check_most(len(rows), max_rows)
        return max(1, len(rows))

    def _framed(self, fields: dict[str, object]) -> dict[str, object]:
        name = next(iter(self.takes.parameters))
        rows = fields.get(name)
        if not isinstance(rows, list) or not rows:
            raise RequestError(400, f"the field {name} must be a list of instances")
        return {**fields, name: columns.to_frame(self._batch(Instances(rows)).value)}

    def _by_name(self, values: dict[str, object], where: str) -> dict[str, object]:
        parameters = self.takes.parameters
        if values.keys() != parameters.keys():
            self._check_names(values, where)
        fitting = {}
        for name, value in values.items():
            parameter = parameters.get(name)
            fitting[name] = value if parameter is None else _fit(parameter, value, where)
        return fitting

    def _check_names(self, values: dict[str, object], where: str) -> None:
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

    def _row(self, row: object, where: str) -> dict[str, object]:
        if isinstance(row, dict):
            return self._by_name(row, where)
        cells = row if isinstance(row, list) else [row]
        names = self.columns or tuple(self.takes.parameters)
        if len(cells) > len(names):
            raise RequestError(400, f"{where}{len(cells)} values; the model takes {len(names)}: {', '.join(names)}")
        return self._by_name(dict(zip(names, cells, strict=False)), where)

    def _batch(self, payload: Instances | Columns) -> Call:
        if self.wants == "frame":
            table = payload if isinstance(payload, Columns) else columns.of_rows(payload.rows, self.columns)
            return Call("table", columns.settled(columns.ordered(table, self.columns) if self.columns else table))
        if isinstance(payload, Columns):
            return Call("batch", self._from_table(payload))
        return Call("batch", self._from_rows(payload.rows, is_matrix=payload.is_matrix))

    def _from_table(self, table: Columns) -> Any:
        if self.columns:
            table = columns.ordered(table, self.columns)
        if self.wants == "array" or (self.wants == "any" and columns.is_numeric(table)):
            return columns.to_matrix(table)
        if self.wants == "list":
            return self._typed(columns.to_rows(table))
        return columns.to_lists(table) if self.columns else columns.to_rows(table)

    def _from_rows(self, rows: Any, *, is_matrix: bool) -> Any:
        is_array = arrays.is_array(rows)
        if self.wants == "list":
            return self._typed(rows.tolist() if is_array else rows)
        if self.columns:
            rows = self._in_order(rows)
        if is_array:
            return rows
        if arrays.IS_AVAILABLE and (is_matrix or arrays.is_matrix(rows)):
            return arrays.of_matrix(rows)
        if self.wants == "array":
            return arrays.from_lists(rows)
        return rows

    def _in_order(self, rows: Any) -> Any:
        if arrays.is_array(rows):
            columns.check_width(rows.shape[1] if rows.ndim > 1 else 1, self.columns, 0, "row 1: ")
            return rows
        if all(type(row) is dict for row in rows):
            return columns.named_rows(rows, self.columns)
        for number, row in enumerate(rows, 1):
            columns.check_width(len(row) if isinstance(row, list) else 1, self.columns, 0, f"row {number}: ")
        return rows

    def _typed(self, rows: list[Any]) -> list[Any]:
        of = typing.get_args(next(iter(self.takes.parameters.values())).annotation)
        if not of or of[0] is typing.Any or (of[0] in _NUMERIC_ROWS and arrays.is_matrix(rows)):
            return rows
        number = 0
        found: list[Any] = []
        try:
            for number, row in enumerate(rows, 1):  # noqa: B007 - the message names it
                found.append(from_json(of[0], row))
        except UnfitError as error:
            raise RequestError(400, f"row {number}: expected {error}") from None
        except UnsupportedError:
            return rows
        return found


def plain_rows(payload: Instances | Columns) -> list[Any]:
    """Each instance as JSON would have it."""
    if isinstance(payload, Columns):
        return columns.to_rows(payload)
    rows: list[Any] = payload.rows.tolist() if arrays.is_array(payload.rows) else payload.rows
    return rows


def collected(value: object) -> object:
    """What a generator gives, as a list; anything else as it is."""
    return list(value) if isinstance(value, collections.abc.Iterator) else arrays.from_tensor(value)


def _declared_columns(model: object) -> tuple[str, ...]:
    declared = getattr(model, "columns", None) or ()
    is_list = isinstance(declared, (list, tuple)) and all(isinstance(name, str) for name in declared)
    if not is_list or len(set(declared)) < len(declared):
        raise SetupError("Model.columns must be a tuple of names, no name twice")
    return tuple(declared)


def _wants(annotation: object) -> Wants:
    if _is_frame_annotation(annotation):
        if importlib.util.find_spec("pandas") is None:
            raise SetupError(
                "Model.predict takes a DataFrame, but this image has no pandas; add it to the requirements"
            )
        return "frame"
    if _is_list(annotation):
        return "list"
    return "array" if _is_array_annotation(annotation) else "any"


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


def _is_frame_annotation(annotation: object) -> bool:
    if isinstance(annotation, str):
        return annotation.rpartition(".")[2] == "DataFrame"
    return getattr(annotation, "__name__", "") == "DataFrame" and getattr(annotation, "__module__", "").startswith(
        "pandas"
    )


def _fit(parameter: signature.Parameter, value: object, where: str) -> object:
    annotation = parameter.annotation
    if annotation in _EXACT and type(value) is annotation:
        return value
    if annotation is float and type(value) is int and -_EVERY_INTEGER <= value <= _EVERY_INTEGER:
        return float(value)
    if isinstance(value, list) and _is_array_annotation(annotation):
        return arrays.from_lists(value)
    try:
        return from_json(annotation, value)
    except UnfitError as error:
        raise RequestError(400, f"{where}the field {parameter.name}: expected {error}") from None
    except UnsupportedError:
        return value
