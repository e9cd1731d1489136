"""JSON as every reader takes it: no NaN, and no line that GitHub could take for a command."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shapemaker_action.naming import Json


def dumps(value: Json, *, indent: int | None = None) -> str:
    """ASCII only, compact without `indent`; a number that JSON cannot say (a metric may be NaN) becomes its name."""
    separators = (",", ": ") if indent else (",", ":")
    text = json.dumps(_sayable(value), indent=indent, separators=separators, ensure_ascii=True, allow_nan=False)
    # `#` stands in strings only, where it may be escaped; `##[` is a command anywhere in a line.
    return text.replace("##[", "\\u0023#[")


def _sayable(value: Json) -> Json:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, list):
        return [_sayable(item) for item in value]
    if isinstance(value, dict):
        return {key: _sayable(item) for key, item in value.items()}
    return value
