"""How long predictions take, learned from those that ran: what a queue and a shortcut are decided by."""

from __future__ import annotations

_SHARE = 0.1
"""Weight of the newest measurement."""
_INSTANT = 100e-6
_SLOW = 2e-3
_PROOF = 200
_MAX_STRIKES = 3


class Pace:
    """Seconds a row costs, and whether the model is quick enough to be run where requests are read.

    A hop to a thread and back costs as much as a small linear model itself. So a model that was faster than 100 µs for
    200 predictions on end runs on the event loop, until one prediction takes more than 2 ms; after the third such time
    it never does again.
    """

    __slots__ = ("_may_be_inline", "_streak", "_strikes", "row_seconds")

    def __init__(self, *, may_be_inline: bool) -> None:
        self.row_seconds = 0.0
        self._may_be_inline = may_be_inline
        self._streak = 0
        self._strikes = 0

    @property
    def is_instant(self) -> bool:
        """Whether the next prediction may run on the event loop."""
        return self._streak >= _PROOF and self._may_be_inline

    def ran(self, rows: int, seconds: float) -> None:
        """One trip of `rows` rows took this long."""
        cost = seconds / rows
        self.row_seconds += (cost - self.row_seconds) * (_SHARE if self.row_seconds else 1.0)
        if seconds < _INSTANT:
            self._streak += 1
        elif seconds > _SLOW and self._streak >= _PROOF:
            self._streak = 0
            self._strikes += 1
            self._may_be_inline = self._may_be_inline and self._strikes < _MAX_STRIKES
        elif self._streak < _PROOF:
            self._streak = 0

    def expected(self, rows: int) -> float:
        """Seconds that so many rows will take."""
        return rows * self.row_seconds
