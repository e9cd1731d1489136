"""Evaluation reports in S3: read with suspicion, because a gate believes them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shapemaker_action.errors import QualityGateError
from shapemaker_action.naming import split_uri
from shapemaker_action.resources.place import Place

if TYPE_CHECKING:
    from shapemaker_action.context import Context

LARGEST = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Report:
    """The metrics of one model on the evaluation channels."""

    uri: str
    metrics: dict[str, float]


def load(context: Context, uri: str) -> Report | None:
    """The report at `uri`, None if there is none.

    Raises:
        QualityGateError: it is there, but it is not a report: too large, not JSON, or a metric is not a finite number.
    """
    bucket, key = split_uri(uri)
    reply = context.aws.find("s3", "GetObject", {**Place(context).in_bucket(bucket), "Key": key})
    if reply is None:
        return None
    text = reply["Body"].read(LARGEST + 1)
    if len(text) > LARGEST:
        raise _unusable(uri, f"it is larger than {LARGEST} bytes")
    try:
        document = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except ValueError as error:
        raise _unusable(uri, f"it is not JSON: {error}") from error
    metrics = document.get("metrics") if isinstance(document, dict) else None
    if not isinstance(metrics, dict) or not metrics:
        raise _unusable(uri, "it has no metrics")
    for name, value in metrics.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise _unusable(uri, f"the metric '{name}' is {value!r}, not a finite number")
    return Report(uri=uri, metrics={str(name): float(value) for name, value in metrics.items()})


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice")
    return result


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")


def _unusable(uri: str, why: str) -> QualityGateError:
    return QualityGateError(
        f"the evaluation report {uri} cannot be used: {why}",
        state="missing data is never a pass, so nothing was deployed",
        remedy="mend evaluate() of the model class, which must return a mapping of metric names to numbers",
    )
