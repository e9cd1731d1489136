"""Whether requests come one by one: each turn of the event loop reads all that are there."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary


class Company:
    """Predictions in one turn of a loop, whatever models they are of."""

    __slots__ = ("_has_begun",)

    def __init__(self) -> None:
        self._has_begun = False

    def is_first(self) -> bool:
        """Whether no other has run in this turn."""
        if self._has_begun:
            return False
        self._has_begun = True
        asyncio.get_running_loop().call_soon(self._end)
        return True

    def _end(self) -> None:
        self._has_begun = False


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Company] = WeakKeyDictionary()


def of_loop() -> Company:
    """That of the loop that is running."""
    return _of_loops.setdefault(asyncio.get_running_loop(), Company())
