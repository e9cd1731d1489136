"""Several calls as one: which go together, how their rows are joined, and how the answer is taken apart again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapemaker_runtime.serving import arrays, columns
from shapemaker_runtime.serving.binding import Call
from shapemaker_runtime.serving.formats import Answer

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence


class UnsplittableError(Exception):
    """The model's answer to several rows is not one value for each of them."""


def family(call: Call) -> Hashable:
    """Calls of one family can be joined; None joins nobody."""
    if call.kind == "table":
        return columns.family(call.value)
    if call.kind != "batch":
        return None
    if arrays.is_array(call.value):
        return (call.value.dtype.str, call.value.shape[1:])
    return list if isinstance(call.value, list) else None


def size(call: Call) -> int:
    """Rows of a call."""
    return call.fields_rows if call.kind == "fields" else len(call.value)


def join(calls: Sequence[Call]) -> Call:
    """One call with the rows of all, which are of one family."""
    if calls[0].kind == "table":
        return Call("table", columns.join([call.value for call in calls]))
    if arrays.is_array(calls[0].value):
        return Call("batch", arrays.concatenate([call.value for call in calls]))
    return Call("batch", [row for call in calls for row in call.value])


def split(answer: Answer, sizes: Sequence[int]) -> list[Answer]:
    """The answer to each call, by its rows.

    Raises:
        UnsplittableError: the answer has not one value for each row.
    """
    value: Any = answer.value
    rows = value.iloc if hasattr(value, "iloc") else value
    if not (hasattr(value, "iloc") or arrays.is_array(value) or isinstance(value, (list, tuple))) or _length(
        value
    ) != sum(sizes):
        raise UnsplittableError
    parts, start = [], 0
    for each in sizes:
        parts.append(Answer(answer.name, rows[start : start + each]))
        start += each
    return parts


def _length(value: Any) -> int:
    # An array of no dimensions has no length.
    return len(value) if getattr(value, "shape", (0,)) else -1
