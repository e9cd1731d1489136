"""Training metrics as they come: read out of the streamed log by the configured expressions, as SageMaker does."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from shapemaker_action.events import LogLine, MetricRead
from shapemaker_action.record import replace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shapemaker_action.context import Context
    from shapemaker_action.events import Event

LONGEST_LINE = 1024
"""An expression that goes back and forth is slow on a long line, and no line with a metric is long."""


def heard(context: Context) -> Context:
    """The same context, in which every log line that says a metric also becomes a `MetricRead`."""
    patterns = {metric.name: re.compile(metric.regex) for metric in context.project.train.metrics}

    def emit(event: Event) -> None:
        context.emit(event)
        if isinstance(event, LogLine):
            for reading in readings(patterns, event.text[:LONGEST_LINE]):
                context.emit(reading)

    return replace(context, emit=emit)


def readings(patterns: Mapping[str, re.Pattern[str]], line: str) -> Iterator[MetricRead]:
    """Every match of every metric; what is no finite number is no metric."""
    for name, pattern in patterns.items():
        for match in pattern.finditer(line):
            try:
                value = float((match[1] if pattern.groups else match[0]) or "")
            except ValueError:
                continue
            if math.isfinite(value):
                yield MetricRead(name=name, value=value)
