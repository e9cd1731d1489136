"""A turn of the event loop, which reads all requests that are there: whether a prediction is the first in it."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary


class Turn:
    """Of one loop, whatever models run on it."""

    __slots__ = ("_has_begun",)

    def __init__(self) -> None:
        self._has_begun = False

    def is_first(self) -> bool:
        """Whether nobody has asked in this turn."""
        if self._has_begun:
            return False
        self._has_begun = True
        asyncio.get_running_loop().call_soon(self._end)
        return True

    def _end(self) -> None:
        self._has_begun = False


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Turn] = WeakKeyDictionary()


def of_loop() -> Turn:
    """The turns of the loop that is running."""
    return _of_loops.setdefault(asyncio.get_running_loop(), Turn())
