"""Running another program: a chosen environment, whole lines out, and no way to hang or to leak."""

from __future__ import annotations

import collections
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from shapemaker_action.errors import EnvironmentProblemError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

LINE_LIMIT = 4096
"""A longer line arrives in pieces: a gigabyte without a newline must not fill our memory."""

_KEPT_LINES = 400
_QUESTION = 120.0
"""Seconds for a command that only asks or tells an engine something."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a command ended, and everything it wrote."""

    code: int
    output: str
    """Standard output alone."""
    errors: str

    @property
    def last_line(self) -> str:
        """The line in which programs usually say what went wrong."""
        lines = [line.strip() for line in self.errors.splitlines() if line.strip()]
        return lines[-1] if lines else ""


@dataclass(frozen=True, kw_only=True)
class Streamed:
    """How a long command ended, and its last lines."""

    code: int
    last: list[str]


def ask(
    argv: Sequence[str], environ: Mapping[str, str], *, timeout: float | None = _QUESTION, cwd: Path | None = None
) -> Result:
    """Run to the end and keep what it says; `EnvironmentProblemError` if it cannot start or takes too long."""
    try:
        done = subprocess.run(
            argv,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            cwd=cwd,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except OSError as error:
        raise _unstartable(argv, error) from None
    except subprocess.TimeoutExpired:
        raise EnvironmentProblemError(
            f"{' '.join(argv[:2])} did not answer within {timeout:.0f} s", remedy="restart the container engine"
        ) from None
    return Result(code=done.returncode, output=done.stdout, errors=done.stderr)


def stream(argv: Sequence[str], environ: Mapping[str, str], on_line: Callable[[str], None]) -> Streamed:
    """Run to the end, passing each line of both outputs on as it comes."""
    last: collections.deque[str] = collections.deque(maxlen=_KEPT_LINES)
    with started(argv, environ) as process:
        for line in lines(process):
            last.append(line)
            on_line(line)
        return Streamed(code=process.wait(), last=list(last))


@contextmanager
def started(argv: Sequence[str], environ: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A running command with both outputs merged into its `stdout`; killed when the block is left early."""
    try:
        process = subprocess.Popen(
            argv,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise _unstartable(argv, error) from None
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        _pipe(process).close()


def lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """Its output line by line, without line ends."""
    return read_lines(_pipe(process))


def read_lines(source: IO[str]) -> Iterator[str]:
    """Lines of a stream, none of them longer than `LINE_LIMIT`."""
    for piece in iter(lambda: source.readline(LINE_LIMIT), ""):
        yield piece.rstrip("\r\n")


def _pipe(process: subprocess.Popen[str]) -> IO[str]:
    if process.stdout is None:
        raise AssertionError("BUG: the process was started without a pipe")
    return process.stdout


def _unstartable(argv: Sequence[str], error: OSError) -> EnvironmentProblemError:
    return EnvironmentProblemError(f"{argv[0]} cannot be started: {error.strerror}", remedy=f"install {argv[0]}")
