"""Runs beside each process of the process engine and writes down how it ended; standard library only.

Usage: python -I process_supervisor.py DIRECTORY PROGRAM [ARGUMENT ...]

It prints one JSON object once the program runs (or cannot), and goes on in the background, so that nobody has to be
the parent of a process that outlives its starter.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path


def main(directory: Path, argv: list[str]) -> None:
    """Start, report, and wait in a process of our own."""
    ours, theirs = os.pipe()
    if os.fork():
        os.close(theirs)
        with os.fdopen(ours) as report:
            sys.stdout.write(report.read())
        return
    os.close(ours)
    os.setsid()
    supervise(directory, argv, theirs)


def supervise(directory: Path, argv: list[str], report: int) -> None:
    """The program in a session of its own, so that a signal to its group reaches its children and not us."""
    with (directory / "log").open("ab") as log:
        try:
            process = subprocess.Popen(
                argv,
                cwd=directory / "opt" / "program",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            tell(report, {"error": error.strerror or str(error)})
            return
    pids = {"program": process.pid, "supervisor": os.getpid()}
    write(directory / "process.json", json.dumps({name: [pid, started(pid)] for name, pid in pids.items()}))
    detach()
    tell(report, {})
    code = process.wait()
    # As with containers, nothing survives the first process.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    write(directory / "exit", str(exit_code(code)))


def exit_code(code: int) -> int:
    """As shells and containers count: 128 and the signal's number after a signal."""
    return code if code >= 0 else 128 - code


def write(place: Path, text: str) -> None:
    """A file that others wait for is there complete or not at all."""
    draft = place.with_name(f".{place.name}")
    draft.write_text(text, encoding="ascii")
    draft.replace(place)


def started(pid: int) -> str:
    """When a process began, in words of the system, by which it is told from a later one; empty when it has ended."""
    try:
        # The name in parentheses may hold anything, so fields count from the last parenthesis: state is the first.
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "" if Path("/proc/self/stat").exists() else _told_by_ps(pid)
    return "" if fields[0] in "ZX" else fields[19]


def _told_by_ps(pid: int) -> str:
    argv = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    told = subprocess.run(argv, capture_output=True, encoding="utf-8", check=False).stdout.strip()
    return "" if told.startswith("Z") else told.partition(" ")[2]


def detach() -> None:
    """Let go of the starter's terminal and pipes: it must see their end."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.close(nothing)


def tell(report: int, document: dict[str, str]) -> None:
    """The one document for the starter: empty, or with an error."""
    with os.fdopen(report, "w") as stream:
        json.dump(document, stream)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
