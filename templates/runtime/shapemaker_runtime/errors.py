"""What the runtime itself has to say no to."""

from __future__ import annotations


class SetupError(Exception):
    """The container was started with something that cannot work: exit code 2, and the message says what to change."""


class ModelOutputError(Exception):
    """The model class gave back something that its contract does not allow."""


class Terminated(SystemExit):
    """SIGTERM, raised in the main thread so that `finally` blocks run; 143 is what shells make of that signal."""

    EXIT_CODE = 143

    def __init__(self) -> None:
        super().__init__(self.EXIT_CODE)


class RequestError(Exception):
    """The caller's request cannot be answered; the status and a message that quotes none of its data."""

    def __init__(self, status: int, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after = retry_after
        """Seconds after which a 503 may be over."""
