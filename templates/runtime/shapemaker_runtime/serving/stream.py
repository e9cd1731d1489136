"""Answers that a generator makes: sent while they are made, and never faster than the caller reads.

The generator is advanced on the prediction thread, a slice at a time, and each slice is a turn in the queue: so a slow
reader delays nobody, no more than a slice is kept for one, and the deadline of a prediction is that of a slice.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from shapemaker_runtime.serving.encode import LINES
from shapemaker_runtime.serving.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SLICE_SECONDS = 0.01
_SLICE_BYTES = 64 * 1024


class Stream:
    """The rest of a reply. All but `advance` and `end` belong to the event loop."""

    __slots__ = ("_is_closed", "_line", "_rows", "_take_turn", "media_type")

    def __init__(self, rows: Iterator[object], media_type: str, take_turn: Callable[..., None]) -> None:
        self.media_type = media_type
        self._rows = rows
        self._line = LINES[media_type]
        self._take_turn = take_turn
        self._is_closed = False

    def advance(self) -> Reply:
        """The next slice, and this stream again unless it is over. Whatever the generator raises passes."""
        parts: list[bytes] = []
        size = 0
        until = perf_counter() + _SLICE_SECONDS
        for row in self._rows:
            parts.append(self._line(row).encode())
            size += len(parts[-1])
            if size >= _SLICE_BYTES or perf_counter() >= until:
                return Reply(200, self.media_type, b"".join(parts), (), self)
        return Reply(200, self.media_type, b"".join(parts))

    def end(self) -> Reply:
        """Close the generator, so that its `finally` blocks run."""
        close = getattr(self._rows, "close", None)
        if close is not None:
            close()
        return Reply(200, self.media_type, b"")

    def pull(self, done: Callable[[Reply], None]) -> None:
        """Call `done` with the next slice; a status other than 200 says that there will be none."""
        self._take_turn(self.advance, done)

    def close(self) -> None:
        """The reader is gone."""
        if not self._is_closed:
            self._is_closed = True
            self._take_turn(self.end, lambda _reply: None)
