"""Processes that are not our children: whether one still runs, and how to end it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

_POLL_SECONDS = 0.05
_STATE, _STARTED = 2, 21
"""Places in /proc/<pid>/stat, counted from the pid as 0."""


def began(pid: int) -> str:
    """When the process began, in the operating system's words; empty when it doesn't run.

    Together with the pid this names a process for good: pids are given out again.
    """
    if Path("/proc/self/stat").exists():
        return _began_on_linux(pid)
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip()


def is_running(pid: int, began_at: str) -> bool:
    """Whether that very process lives; never so for pid 0."""
    return bool(pid) and bool(began_at) and began(pid) == began_at


def end(pid: int, began_at: str, grace: float) -> None:
    """SIGTERM, and SIGKILL after `grace` seconds; quiet if that process has ended."""
    for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, grace)):
        if not is_running(pid, began_at):
            return
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + patience
        while is_running(pid, began_at) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)


def _began_on_linux(pid: int) -> str:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    # The program's name, in parentheses, may hold blanks and parentheses of its own.
    fields = ["", "", *text.rpartition(")")[2].split()]
    return "" if fields[_STATE] == "Z" else fields[_STARTED]
