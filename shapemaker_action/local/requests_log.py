"""The request log: one line of JSON for every call that came from outside, so that anyone can see what was asked."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NAME = "requests.jsonl"
_ROTATE_BYTES = 16 << 20


@dataclass(frozen=True, kw_only=True)
class LoggedRequest:
    """One call. `mutating` says what the operation is for, not whether it succeeded."""

    time: float
    """Seconds since the epoch."""
    service: str
    operation: str
    mutating: bool
    status: int
    resource: str = ""


class RequestLog:
    """Appends to `<state>/requests.jsonl`; the previous log is kept as `.1` when it has grown large."""

    def __init__(self, state: Path) -> None:
        path = state / NAME
        if path.exists() and path.stat().st_size > _ROTATE_BYTES:
            path.replace(state / f"{NAME}.1")
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def append(self, request: LoggedRequest) -> None:
        """One write per line, so that lines of concurrent requests never mix."""
        # What was asked has been done; a full disk shall not keep the answer from the client.
        with suppress(OSError):
            os.write(self._file, json.dumps(asdict(request)).encode() + b"\n")

    def close(self) -> None:
        """Release the file."""
        os.close(self._file)


def read(state: Path) -> list[LoggedRequest]:
    """All logged requests of a state directory, oldest first."""
    path = state / NAME
    if not path.exists():
        return []
    return [LoggedRequest(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
