"""How long predictions take, learned from those that ran: what a queue and a shortcut are decided by."""

from __future__ import annotations

_SHARE = 0.1
"""Weight of the newest measurement."""
_INSTANT = 100e-6
_PROOF = 200
_QUICK_SHARE = 0.02
_MOSTLY, _RARELY = 0.9, 0.5
_STALL = 0.05
_PENALTY = 10


class Pace:
    """Seconds a row costs, and whether the model is quick enough to be run where requests are read.

    A hop to a thread and back costs as much as a small linear model itself. So a model of whose last hundred or so
    predictions nine in ten took less than 100 µs runs on the event loop. One that then holds the loop for 50 ms goes
    back to its thread until it has proved itself again, ten times as long as before.
    """

    __slots__ = ("_may_be_inline", "_needed", "_quick", "_trips", "is_instant", "row_seconds")

    def __init__(self, *, may_be_inline: bool) -> None:
        self.row_seconds = 0.0
        self.is_instant = False
        """Whether the next prediction may run on the event loop."""
        self._may_be_inline = may_be_inline
        self._quick = 0.0
        self._trips = 0
        self._needed = _PROOF

    def ran(self, rows: int, seconds: float, requests: int = 1) -> None:
        """One trip of `rows` rows, of so many requests, took this long."""
        cost = seconds / rows
        self.row_seconds += (cost - self.row_seconds) * (_SHARE if self.row_seconds else 1.0)
        self._trips += 1
        self._quick += ((seconds < _INSTANT * requests) - self._quick) * _QUICK_SHARE
        if self.is_instant:
            if seconds > _STALL or self._quick < _RARELY:
                self._leave(stalled=seconds > _STALL)
        elif self._may_be_inline and self._trips >= self._needed and self._quick > _MOSTLY:
            self.is_instant = True

    def _leave(self, *, stalled: bool) -> None:
        self.is_instant = False
        self._trips = 0
        if stalled:
            self._needed *= _PENALTY

    def expected(self, rows: int) -> float:
        """Seconds that so many rows will take."""
        return rows * self.row_seconds
