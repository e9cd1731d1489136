"""Log lines that wait for no reader: written by a thread of their own in each worker."""

from __future__ import annotations

import atexit
import logging
import logging.handlers
import queue
from contextlib import suppress

_MANY = 10_000


class _Handler(logging.handlers.QueueHandler):
    def enqueue(self, record: logging.LogRecord) -> None:
        # Who cannot be read fast enough loses lines, not requests.
        with suppress(queue.Full):
            self.queue.put_nowait(record)


def leave_the_loop() -> None:
    """Put a queue before all handlers of the root logger; what is in it at the end of the process is still written."""
    root = logging.getLogger()
    waiting: queue.Queue[logging.LogRecord] = queue.Queue(_MANY)
    listener = logging.handlers.QueueListener(waiting, *root.handlers, respect_handler_level=True)
    root.handlers = [_Handler(waiting)]
    listener.start()
    atexit.register(listener.stop)
