"""SIGINT and SIGTERM: the work ends at once, what is known is still handed out, and nothing can hold that up."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from shapemaker_action.errors import Cancelled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
PATIENCE = 2.5
"""Seconds that the work gets to put its things away, before the report is made without it."""
REPORT = 2.0
"""Seconds that the report gets after that. GitHub's runner kills 10 s after the first signal."""

_A_MOMENT = 0.01


def hold() -> None:
    """Signals wait from now on, until `Guard.release`: what comes first is needed to say anything about them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


class Guard:
    """Sees to it that a run is reported once and in time, whatever the main thread is stuck in.

    A signal raises `Cancelled` in the main thread. Where Python cannot do that (a name that is being resolved, threads
    that are joined) a second thread reports in its place and ends the process. It is one of `_thread`, which is there
    already; `threading` would have to be loaded, in every run for the sake of the few that are cancelled.
    """

    def __init__(self, report: Callable[[int], int]) -> None:
        """`report` is given the signal that the work did not heed, or 0; it returns the exit code."""
        self._report = report
        self._claim = _thread.allocate_lock()
        self._under_way = _thread.allocate_lock()
        self._under_way.acquire()
        self._working = False
        self._heard = 0
        self._is_lost = False
        self._bounded = True

    def be_patient(self) -> None:
        """What a person works with at a terminal may take its time to end."""
        self._bounded = False

    @staticmethod
    def release() -> None:
        """Signals are heeded from here on."""
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """For the whole run, the report included; afterwards signals mean what they meant before."""
        before = {number: signal.getsignal(number) for number in SIGNALS}
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        _thread.start_new_thread(self._watch, (reader,))
        wakes = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in SIGNALS:
            signal.signal(number, self._hear)
        hook = sys.unraisablehook
        sys.unraisablehook = lambda found: self._recover(found, hook)
        try:
            yield
        finally:
            sys.unraisablehook = hook
            self.release()
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakes)
            os.close(writer)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """The first signal raises `Cancelled` in this block; later ones disturb neither cleaning up nor the report."""
        self._working = True
        try:
            yield
        finally:
            self._working = False

    def end(self) -> int:
        """Report, unless that has been done; the exit code. After a signal the process ends here."""
        if not self._claim.acquire(blocking=False):
            # The report is being made elsewhere, and the process ends with it.
            while True:
                signal.pause()
        self._under_way.release()
        code = self._report(0)
        if self._heard:
            # Not through the interpreter's end, which waits for threads.
            _leave(code)
        return code

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        counts, self._heard = self._is_lost or not self._heard, self._heard or number
        self._is_lost = False
        if counts and self._working:
            raise Cancelled(number)

    def _recover(self, found: sys.UnraisableHookArgs, hook: Callable[[sys.UnraisableHookArgs], object]) -> None:
        """What was raised while a destructor ran goes no further, so the signal comes once more when that is over."""
        if not isinstance(found.exc_value, Cancelled):
            hook(found)
            return
        self._is_lost = True
        _thread.start_new_thread(_signal_again, (found.exc_value.number,))

    def _watch(self, reader: int) -> None:
        """Wait for the first signal, then hold the run to its time."""
        heard = iter(lambda: os.read(reader, 1), b"")
        number = next((byte[0] for byte in heard if byte[0] in SIGNALS), 0)
        if not number:
            os.close(reader)
        if not number or not self._bounded:
            return
        _thread.start_new_thread(_give_up, (128 + number,))
        if not self._under_way.acquire(timeout=PATIENCE) and self._claim.acquire(blocking=False):
            _leave(self._report(number))


def _signal_again(number: int) -> None:
    time.sleep(_A_MOMENT)
    os.kill(os.getpid(), number)


def _give_up(code: int) -> None:
    """Whatever the report is stuck in."""
    time.sleep(PATIENCE + REPORT)
    os._exit(code)


def _leave(code: int) -> None:
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    _kill_children()
    os._exit(code)


def _kill_children() -> None:
    """What the work has started and could not end any more; only Linux tells who they are."""
    with suppress(OSError):
        for children in Path("/proc/self/task").glob("*/children"):
            for child in children.read_text().split():
                os.kill(int(child), signal.SIGKILL)
