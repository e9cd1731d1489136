"""What holds the event loop for too long is interrupted: a prediction that was quick until now and is so no more."""

from __future__ import annotations

import signal
import threading
from functools import cache
from time import perf_counter, sleep
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

_SECONDS = 0.5
_LOOK_SECONDS = 0.25


class InterruptedRun(BaseException):
    """Raised where the run is when it is over its time. A model that catches every `Exception` does not catch it."""


class Watch:
    """Of the main thread: only there can something be raised while a function runs, though not within its C code."""

    __slots__ = ("is_on", "since")

    def __init__(self) -> None:
        self.since = 0.0
        """When the run began that must not last; 0 if there is none."""
        self.is_on = False

    def start(self) -> None:
        """From now on runs are watched, unless the signal for it is somebody else's."""
        is_main = threading.current_thread() is threading.main_thread()
        if not self.is_on and is_main and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL:
            self.is_on = True
            signal.signal(signal.SIGALRM, self._interrupt)
            threading.Thread(target=self._look, name="watch", daemon=True).start()

    def _look(self) -> None:
        main = threading.main_thread().ident
        while main:
            sleep(_LOOK_SECONDS)
            if self._is_over:
                signal.pthread_kill(main, signal.SIGALRM)

    def _interrupt(self, _number: int, frame: FrameType | None) -> None:
        # Asked once more, as the run may have ended since. Many a module cannot be imported again after half of it was;
        # the next signal comes soon.
        if self._is_over and not _is_importing(frame):
            raise InterruptedRun

    @property
    def _is_over(self) -> bool:
        since = self.since
        return since > 0 and perf_counter() - since > _SECONDS


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


@cache
def of_process() -> Watch:
    """One for all models: there is but one main thread."""
    return Watch()
