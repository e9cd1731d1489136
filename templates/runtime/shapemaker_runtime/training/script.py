"""The user's own training or evaluation script: started, given our signals, and its end explained."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from shapemaker_runtime import failure
from shapemaker_runtime.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import FrameType

_KEPT_BYTES = 16_384
_CHUNK = 65_536
_DRAIN_SECONDS = 5


@dataclass(frozen=True)
class Script:
    """A Python script of the program, and what it is started with."""

    root: Path
    """The program: working directory and import path."""
    name: str
    """Relative to `root`."""
    arguments: list[str]
    environ: Mapping[str, str]


def run(script: Script, reason_file: Path) -> int:
    """The script's exit code, or 128 + the signal that killed it.

    If it fails and wrote no `reason_file` itself, the end of its stderr goes there.
    """
    place = script.root / script.name
    if not place.is_file():
        raise SetupError(f"{place} does not exist; check the entrypoint in shapemaker.yml and what the build includes")
    path = os.pathsep.join(filter(None, (str(script.root), script.environ.get("PYTHONPATH"))))
    process = subprocess.Popen(
        [sys.executable, "-u", str(place), *script.arguments],
        cwd=script.root,
        env={**script.environ, "PYTHONPATH": path},
        stderr=subprocess.PIPE,
    )
    _forward(process, signal.SIGTERM, signal.SIGINT)
    tail = bytearray()
    copier = threading.Thread(target=_copy, args=(process.stderr, tail), daemon=True)
    copier.start()
    returned = process.wait()
    # A process that the script left behind may hold its stderr open for ever.
    copier.join(_DRAIN_SECONDS)
    code = returned if returned >= 0 else 128 - returned
    if code not in (0, 128 + signal.SIGTERM) and not reason_file.exists():
        failure.write(reason_file, _explain(script.name, code, tail.decode("utf-8", "replace")))
    return code


def _forward(process: subprocess.Popen[bytes], *numbers: signal.Signals) -> None:
    def pass_on(number: int, _frame: FrameType | None) -> None:
        process.send_signal(number)

    for number in numbers:
        signal.signal(number, pass_on)


def _copy(stream: IO[bytes], tail: bytearray) -> None:
    while chunk := os.read(stream.fileno(), _CHUNK):
        sys.stderr.buffer.write(chunk)
        sys.stderr.buffer.flush()
        tail += chunk
        del tail[:-_KEPT_BYTES]


def _explain(name: str, code: int, tail: str) -> str:
    lines = [line.rstrip() for line in tail.splitlines() if line.strip()]
    if not lines:
        return f"{name} ended with exit code {code} and wrote nothing to stderr"
    # A traceback ends with what matters; the lines before it are cut first.
    head = failure.shorten(f"{name}, exit code {code}: {lines[-1]}", failure.LIMIT)
    room = failure.LIMIT - len(head.encode())
    context: list[str] = []
    for line in reversed(lines[:-1]):
        room -= len(line.encode()) + 1
        if room < 0:
            break
        context.insert(0, line)
    return "\n".join([head, *context])
