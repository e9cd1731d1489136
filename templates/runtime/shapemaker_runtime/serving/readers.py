"""Threads in which bodies are read: beside the event loop, a few at a time, and none of them for ever."""

from __future__ import annotations

import asyncio
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

from shapemaker_runtime.serving import machine
from shapemaker_runtime.serving.reply import Attempt

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST = 256
"""Bodies that wait or are being read."""

T = TypeVar("T")


class _Work(Generic[T]):
    __slots__ = ("done", "is_given_up", "late", "run", "timer")

    def __init__(self, run: Callable[[], T], done: Callable[[T], None], late: Callable[[], None]) -> None:
        self.run = run
        self.done = done
        self.late = late
        self.is_given_up = False
        self.timer: asyncio.TimerHandle | None = None


class Readers(Generic[T]):
    """Belongs to the event loop that it is made in.

    A thread cannot be ended. One that is over its time is given up, and `on_hung` is called, because only a new process
    gets rid of it. The time in the queue does not count.
    """

    def __init__(self, seconds: float, on_hung: Callable[[], object]) -> None:
        self._seconds = seconds
        self._on_hung = on_hung
        self._loop = asyncio.get_running_loop()
        self._lane: SimpleQueue[_Work[T] | None] = SimpleQueue()
        # More threads than cores only take the interpreter's lock from each other.
        self._most_threads = machine.cores()
        self._threads = 0
        self._open = 0
        self._is_closed = False

    def submit(self, run: Callable[[], T], done: Callable[[T], None], late: Callable[[], None]) -> bool:
        """Have `run` called, which raises nothing, then `done`, or `late` after the time; False if too many wait."""
        if self._open >= _MOST:
            return False
        self._open += 1
        if self._threads < min(self._most_threads, self._open):
            self._threads += 1
            # A daemon: the process must end, whatever a model's decoder does.
            threading.Thread(target=self._work, name="read", daemon=True).start()
        self._lane.put(_Work(run, done, late))
        if self._is_closed:  # a request that had begun before
            self.close()
        return True

    def close(self) -> None:
        """End the threads once they have nothing left to do."""
        self._is_closed = True
        for _ in range(self._threads):
            self._lane.put(None)
        self._threads = 0

    def _work(self) -> None:
        while work := self._lane.get():
            with Attempt():  # the loop may be closed when a body is read at last
                self._loop.call_soon_threadsafe(self._begun, work)
                result = work.run()
                self._loop.call_soon_threadsafe(self._ended, work, result)
            if work.is_given_up:
                return

    def _begun(self, work: _Work[T]) -> None:
        work.timer = self._loop.call_later(self._seconds, self._overdue, work)

    def _ended(self, work: _Work[T], result: T) -> None:
        if work.timer is not None:
            work.timer.cancel()
        if not work.is_given_up:
            self._open -= 1
            work.done(result)

    def _overdue(self, work: _Work[T]) -> None:
        work.is_given_up = True
        self._open -= 1
        self._threads -= 1
        work.late()
        self._on_hung()
