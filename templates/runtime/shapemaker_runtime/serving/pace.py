"""How long predictions take, learned from those that ran: what a queue and a shortcut are decided by."""

from __future__ import annotations

_SHARE = 0.1
"""Weight of the newest measurement."""
_INSTANT, _SHORT = 100e-6, 1e-3
_PROOF = 200
_HABIT = 0.02
"""Weight of the newest trip in what most of them are like."""
_MOSTLY, _RARELY = 0.9, 0.5
_ALONE, _IN_COMPANY = 0.95, 0.8
_STALL = 0.05
_PENALTY = 10


class Pace:
    """Seconds a row costs, and whether the model is quick enough to be run where requests are read.

    A hop to a thread and back costs a tenth of a millisecond, and twice that where the machine is busy. So a model of
    whose last hundred or so predictions nine in ten took less than 100 µs runs on the event loop; and one of less than
    1 ms does so while requests come one by one, or two in turn: more are quicker predicted together. A model that then
    holds the loop for 50 ms goes back to its thread until it has proved itself again, ten times as long as before.
    """

    __slots__ = ("_alone", "_instant", "_may_be_inline", "_needed", "_short", "_trips", "is_inline", "row_seconds")

    def __init__(self, *, may_be_inline: bool) -> None:
        self.row_seconds = 0.0
        self.is_inline = False
        """Whether the next prediction may run on the event loop."""
        self._may_be_inline = may_be_inline
        self._instant = self._short = self._alone = 0.0
        self._trips = 0
        self._needed = _PROOF

    def ran(self, rows: int, seconds: float, requests: int = 1, *, is_alone: bool) -> None:
        """One trip of `rows` rows, of so many requests, took this long; alone if there were no others to go with it."""
        cost = seconds / rows
        self.row_seconds += (cost - self.row_seconds) * (_SHARE if self.row_seconds else 1.0)
        self._trips += 1
        self._instant += ((seconds < _INSTANT * requests) - self._instant) * _HABIT
        # The loop is held for all of it, however many requests share it.
        self._short += ((seconds < _SHORT) - self._short) * _HABIT
        self._alone += (is_alone - self._alone) * _HABIT
        if not self.is_inline:
            proved = self._may_be_inline and self._trips >= self._needed
            self.is_inline = proved and self._is_quick(_MOSTLY, _ALONE)
        elif seconds > _STALL or not self._is_quick(_RARELY, _IN_COMPANY):
            self._leave(stalled=seconds > _STALL)

    @property
    def is_instant(self) -> bool:
        """Whether it is so quick that company makes no difference."""
        return self._instant > _MOSTLY

    def _is_quick(self, often: float, alone: float) -> bool:
        return self._instant > often or (self._short > often and self._alone > alone)

    def _leave(self, *, stalled: bool) -> None:
        self.is_inline = False
        self._trips = 0
        if stalled:
            self._needed *= _PENALTY

    def expected(self, rows: int) -> float:
        """Seconds that so many rows will take."""
        return rows * self.row_seconds
