"""What a server counts, in memory that all its workers share, and as Prometheus text."""

from __future__ import annotations

import mmap
from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_CLASSES = ("2xx", "3xx", "4xx", "5xx")

_LATENCY = 0
_PREDICTION = _LATENCY + len(_SECONDS) + 2
_BATCH = _PREDICTION + len(_SECONDS) + 2
_RESPONSES = _BATCH + len(_ROWS) + 2
_QUEUED = _RESPONSES + len(_CLASSES)
_WIDTH = _QUEUED + 1
_LATENCY_SUM, _PREDICTION_SUM, _BATCH_SUM = _PREDICTION - 1, _BATCH - 1, _RESPONSES - 1
_BYTES = 8
_FIRST_CLASS = 2
_SHARED_EVERY = 0.2
"""Seconds; the shared memory is slow to write, number by number."""


class Ledger:
    """One row of counters for each worker, made before they are forked: whichever is asked can tell the sum."""

    def __init__(self, workers: int) -> None:
        # Twice: a worker that is being replaced finishes beside its successor.
        self._rows = 2 * workers
        self._memory = memoryview(mmap.mmap(-1, self._rows * _WIDTH * _BYTES)).cast("d")
        self._own: list[Meter] = []
        """The meters of this process."""

    def meter(self, number: int) -> Meter:
        """For the worker of that number, which no other has that lives; goes on from what a former one has counted."""
        row = number % self._rows
        self._own.append(Meter(self._memory[row * _WIDTH : (row + 1) * _WIDTH]))
        return self._own[-1]

    def share(self) -> None:
        """Let the other workers see what this one has counted."""
        for meter in self._own:
            meter.share()

    def text(self) -> str:
        """The sum over all workers, in the text format of Prometheus."""
        self.share()
        total = [sum(self._memory[column::_WIDTH]) for column in range(_WIDTH)]
        lines = ["# TYPE shapemaker_up gauge", "shapemaker_up 1"]
        lines += _histogram("request_seconds", _SECONDS, total[_LATENCY:])
        lines += _histogram("prediction_seconds", _SECONDS, total[_PREDICTION:])
        lines += _histogram("batch_rows", _ROWS, total[_BATCH:])
        lines.append("# TYPE shapemaker_responses_total counter")
        lines += [
            f'shapemaker_responses_total{{status="{name}"}} {total[_RESPONSES + index]:.0f}'
            for index, name in enumerate(_CLASSES)
        ]
        lines += ["# TYPE shapemaker_queued_rows gauge", f"shapemaker_queued_rows {total[_QUEUED]:.0f}", ""]
        return "\n".join(lines)


class Meter:
    """The counters of one worker. Written by its event loop alone, and shared once in a while."""

    __slots__ = ("_cells", "_next", "_shared")

    def __init__(self, shared: memoryview[float]) -> None:
        self._cells = [float(value) for value in shared]
        self._cells[_QUEUED] = 0
        self._shared = shared
        self._next = 0.0
        self.share()

    def share(self) -> None:
        """Let the other workers see it."""
        for index, value in enumerate(self._cells):
            self._shared[index] = value

    def ran(self, rows: int, seconds: float) -> None:
        """One trip through the model."""
        cells = self._cells
        cells[_PREDICTION + bisect_left(_SECONDS, seconds)] += 1
        cells[_PREDICTION_SUM] += seconds
        cells[_BATCH + bisect_left(_ROWS, rows)] += 1
        cells[_BATCH_SUM] += rows

    def answered(self, status: int, seconds: float, queued_rows: int, now: float = 0) -> None:
        """One response, so long after its request was whole; `now` on any clock that goes on."""
        cells = self._cells
        cells[_LATENCY + bisect_left(_SECONDS, seconds)] += 1
        cells[_LATENCY_SUM] += seconds
        cells[_RESPONSES + status // 100 - _FIRST_CLASS] += 1
        cells[_QUEUED] = queued_rows
        if now >= self._next:
            self._next = now + _SHARED_EVERY
            self.share()


def _histogram(name: str, bounds: Sequence[float], cells: Sequence[float]) -> list[str]:
    """`cells` holds a count for each bound, one for what is above, and the sum."""
    lines = [f"# TYPE shapemaker_{name} histogram"]
    count = 0.0
    for index, bound in enumerate((*bounds, "+Inf")):
        count += cells[index]
        lines.append(f'shapemaker_{name}_bucket{{le="{bound}"}} {count:.0f}')
    return [*lines, f"shapemaker_{name}_sum {cells[len(bounds) + 1]:.6f}", f"shapemaker_{name}_count {count:.0f}"]
