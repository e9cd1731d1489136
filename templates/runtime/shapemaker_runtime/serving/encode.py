"""Answers: which media type the caller wants, and the bytes of a prediction in it."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import orjson

from shapemaker_runtime.errors import ModelOutputError, RequestError
from shapemaker_runtime.serving import arrays, arrow, hooks
from shapemaker_runtime.serving.formats import ARROW, CSV, EVENTS, JSON, JSON_LINES, NPY, PARQUET, Answer, parse

if TYPE_CHECKING:
    from collections.abc import Callable


def offers(of_model: hooks.Hooks = hooks.NONE) -> tuple[str, ...]:
    """Media types of answers, the one for callers without preference first."""
    return tuple(dict.fromkeys((*_ENCODERS, *of_model.encoders)))


def negotiate(accept: str, offered: tuple[str, ...] | None = None) -> str:
    """The media type to answer with, JSON where the caller has no preference; 406 if it takes none of ours."""
    offered = offered or tuple(_ENCODERS)
    best, best_quality = "", 0.0
    ranges = [_range(part) for part in accept.split(",")] if accept.strip() else [("*/*", 1.0)]
    for media_type in offered:
        quality = _quality(media_type, ranges)
        if quality > best_quality:
            best, best_quality = media_type, quality
    if not best:
        raise RequestError(406, f"the answer can be one of {', '.join(offered)}")
    return best


def _range(part: str) -> tuple[str, float]:
    media_type, parameters = parse(part)
    try:
        quality = float(parameters.get("q", "1"))
    except ValueError:
        quality = 0.0
    return media_type, quality if 0 <= quality <= 1 else 0.0


def _quality(media_type: str, ranges: list[tuple[str, float]]) -> float:
    # The most specific range decides, whatever its place in the header.
    for wanted in (media_type, media_type.partition("/")[0] + "/*", "*/*"):
        for name, quality in ranges:
            if name == wanted:
                return quality
    return 0.0


def encode(answer: Answer, media_type: str, of_model: hooks.Hooks = hooks.NONE) -> bytes:
    """The answer's bytes; `ModelOutputError` when the model's value cannot be written, 406 when it can, but as JSON.

    Of several media types that a caller accepts the best is tried, before anybody knows what the model returns.
    """
    if media_type in of_model.encoders:
        return of_model.encode(media_type, answer.value)
    try:
        return _ENCODERS[media_type](answer)
    except ModelOutputError as error:
        if media_type == JSON:
            raise
        _to_json(answer)  # whose error would be the model's own
        raise RequestError(406, f"{error}; it can be had as {JSON}") from None


def plain(value: object) -> object:
    """Arrays and their scalars, series and frames as what JSON knows."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "to_dict"):
        return value.to_dict(orient="records")
    raise ModelOutputError(f"the model's answer holds a {type(value).__name__}, which JSON can't express")


_OPTIONS = (
    orjson.OPT_SERIALIZE_NUMPY
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)
_LONG = 10_000
_ENCODER = json.JSONEncoder(default=plain, allow_nan=False, separators=(",", ":"))


def _dumps(value: object) -> str:
    try:
        return _ENCODER.encode(value)
    except ValueError:
        raise ModelOutputError("the model's answer holds NaN or infinity, which JSON can't express") from None


def _to_json(answer: Answer) -> bytes:
    document = {answer.name: answer.value}
    try:
        text = orjson.dumps(document, default=plain, option=_OPTIONS)
    except orjson.JSONEncodeError:
        return _dumps(document).encode()  # or the error that says what cannot be written
    # NaN becomes null there, without a word. A long text takes longer to search than its numbers.
    is_sure = len(text) > _LONG and arrays.are_finite(answer.value)
    return _dumps(document).encode() if not is_sure and b"null" in text else text


def _rows(answer: Answer) -> list[Any]:
    value = plain(answer.value) if hasattr(answer.value, "tolist") or hasattr(answer.value, "to_dict") else answer.value
    return list(value) if isinstance(value, (list, tuple)) else [value]


def json_line(row: object) -> str:
    """A line of JSON Lines."""
    return _dumps(row) + "\n"


def csv_line(row: object) -> str:
    """A line of CSV."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(_cells(row))
    return stream.getvalue()


def event(row: object) -> str:
    """A server-sent event, whose data is JSON."""
    return f"data: {_dumps(row)}\n\n"


LINES: dict[str, Callable[[object], str]] = {JSON_LINES: json_line, CSV: csv_line, EVENTS: event}
"""How one row is written, in the media types that need no more to know of the others."""


def _to_json_lines(answer: Answer) -> bytes:
    return "".join(map(json_line, _rows(answer))).encode()


def _to_events(answer: Answer) -> bytes:
    return "".join(map(event, _rows(answer))).encode()


def _to_csv(answer: Answer) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    value: Any = answer.value
    rows = value.itertuples(index=False, name=None) if hasattr(value, "itertuples") else _rows(answer)
    for row in rows:
        writer.writerow(_cells(row))
    return stream.getvalue().encode()


def _cells(row: object) -> list[object]:
    row = plain(row) if hasattr(row, "tolist") else row
    return [_cell(cell) for cell in row] if isinstance(row, (list, tuple)) else [_cell(row)]


def _cell(value: object) -> object:
    value = plain(value) if hasattr(value, "tolist") else value
    if value is not None and not isinstance(value, (str, int, float)):
        raise ModelOutputError(f"the model's answer holds a {type(value).__name__}, which CSV can't express")
    return value


def _to_npy(answer: Answer) -> bytes:
    return arrays.to_npy(answer.value)


def _to_arrow(answer: Answer) -> bytes:
    return arrow.to_stream(answer.name, answer.value)


def _to_parquet(answer: Answer) -> bytes:
    return arrow.to_parquet(answer.name, answer.value)


_ENCODERS: dict[str, Callable[[Answer], bytes]] = {
    JSON: _to_json,
    JSON_LINES: _to_json_lines,
    CSV: _to_csv,
    **({NPY: _to_npy} if arrays.IS_AVAILABLE else {}),
    **({ARROW: _to_arrow, PARQUET: _to_parquet} if arrow.IS_AVAILABLE else {}),
    EVENTS: _to_events,
}
