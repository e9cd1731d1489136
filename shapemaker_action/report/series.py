"""A metric over time, in bounded memory: a training that says it a million times has the same curve."""

from __future__ import annotations

from shapemaker_action.record import dataclass, field

MOST = 600


@dataclass(kw_only=True)
class Series:
    """`values` are every `stride`-th reading; `total` is how many there were."""

    values: list[float] = field(default_factory=list)
    stride: int = 1
    total: int = 0

    def add(self, value: float) -> None:
        """Take a reading in."""
        if self.total % self.stride == 0:
            self.values.append(value)
        self.total += 1
        if len(self.values) > MOST:
            self.values = self.values[::2]
            self.stride *= 2
