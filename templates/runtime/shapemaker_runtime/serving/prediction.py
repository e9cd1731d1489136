"""Where predictions run: one thread beside the event loop, so that a slow model never keeps /ping waiting."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from shapemaker_runtime.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MAX_WAITING = 1000


class Slot:
    """Runs one prediction after another: model code need not be safe for threads.

    A run that outlasts `deadline` seconds (its wait in the queue does not count) can't be ended, so the slot is
    `is_hung` from then on and `on_hung` is called once: replacing the process is the only way out.
    """

    def __init__(self, deadline: float, on_hung: Callable[[], object]) -> None:
        self.is_hung = False
        self._deadline = deadline
        self._on_hung = on_hung
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="predict")
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def run(self, work: Callable[[], T]) -> T:
        """The result of `work`, or what it raised. `RequestError`: 503 if its turn never comes, 504 if it hangs."""
        if self._waiting >= MAX_WAITING:
            raise RequestError(503, f"{MAX_WAITING} requests are waiting already")
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
        if self.is_hung:
            self._turn.release()
            raise RequestError(503, "the model does not return from an earlier request")
        running = asyncio.get_running_loop().run_in_executor(self._thread, _guarded, work)
        # Released by the run itself: a caller who leaves must not let the next run's clock start early.
        running.add_done_callback(self._end_turn)
        # Unlike wait_for, wait leaves the run alone when the caller is cancelled.
        await asyncio.wait([running], timeout=self._deadline)
        if not running.done():
            self._hang()
            raise RequestError(504, f"the model took longer than {self._deadline:g} seconds")
        return running.result()

    def _end_turn(self, _run: object) -> None:
        if not self.is_hung:
            self._turn.release()

    def _hang(self) -> None:
        self._turn.release()  # those who wait shall hear that there is no use in waiting
        self.is_hung = True
        self._on_hung()


def _guarded(work: Callable[[], T]) -> T:
    try:
        return work()
    except SystemExit as error:
        # It would end the server: asyncio lets it through.
        raise RuntimeError(f"the model called sys.exit({error.code!r})") from error
