"""Which of several like places each worker has: a new one takes the place of the one that is gone."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_TICK = 1.0


def assign(arbiter: Any, worker: Any) -> None:
    """Gunicorn's hook before it forks: the lowest number that no living worker has, as `worker.slot`."""
    taken = {getattr(each, "slot", None) for each in arbiter.WORKERS.values()}
    worker.slot = next(number for number in range(len(taken) + 1) if number not in taken)


@contextmanager
def alive(worker: Any) -> Iterator[None]:
    """Tell gunicorn that the worker lives while it loads, which may take longer than a prediction."""
    over = threading.Event()

    def notify() -> None:
        while not over.wait(_TICK):
            worker.notify()

    thread = threading.Thread(target=notify, name="notify", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
