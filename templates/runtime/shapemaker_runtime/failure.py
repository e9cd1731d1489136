"""The one place where exceptions of the user's code end: a failure file that helps, a traceback, an exit code."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from shapemaker_runtime.errors import SetupError, Terminated

if TYPE_CHECKING:
    from types import TracebackType

LIMIT = 1024
"""What SageMaker takes of a failure file. We count bytes, so no way of counting cuts it."""

_HEADLINE = 640
_RUNTIME = Path(__file__).resolve().parent


class Boundary:
    """Runs user code in its `with` block and swallows what comes out of it; `exit_code` tells how it went.

    1: the code failed, 2: it could not start. Either way `file` gets the reason; without a file it is the first line of
    the log. A `Terminated` is no failure of the code: 143, and no reason.
    """

    def __init__(self, file: Path | None, program: Path) -> None:
        self.file = file
        self.program = program
        self.exit_code = 0

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None:
            return True
        if isinstance(error, Terminated):
            self.exit_code = self.exit_code or Terminated.EXIT_CODE
            return True
        if not isinstance(error, (Exception, SystemExit)):
            return False
        self._record(error)
        return True

    def _record(self, error: BaseException) -> None:
        if isinstance(error, SetupError):
            self.exit_code = 2
            sys.stderr.write(f"{error}\n")
            self._explain(str(error))
            return
        self.exit_code = self.exit_code or 1
        reason = summary(error, self.program)
        if self.file is None:
            sys.stderr.write(f"{reason}\n")
        traceback.print_exception(type(error), error, error.__traceback__)
        self._explain(reason)

    def _explain(self, reason: str) -> None:
        if self.file is not None:
            write(self.file, reason)


def write(file: Path, reason: str) -> None:
    """Put the reason where SageMaker looks for it, printable and cut to `LIMIT` bytes."""
    text = "".join(c if c.isprintable() or c == "\n" else " " for c in reason)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(shorten(text, LIMIT).encode("utf-8", "replace"))


def shorten(text: str, limit: int) -> str:
    """At most `limit` bytes of UTF-8, with an ellipsis where something was cut."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return text
    return encoded[: limit - 3].decode("utf-8", "ignore") + "…"


def summary(error: BaseException, program: Path) -> str:
    """What was raised, and where: the innermost lines of the user's own code first, because the text may be cut."""
    lines = [shorten(_headline(error, program), _HEADLINE), *_frames(error, program)]
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        lines += [f"caused by {_headline(cause, program)}", *_frames(cause, program)]
    return "\n".join(lines)


def _headline(error: BaseException, program: Path) -> str:
    if isinstance(error, SystemExit):
        return f"the code called sys.exit({error.code!r}) before its work was done"
    if isinstance(error, SyntaxError) and error.filename:
        # Python would put the place first, in several lines.
        return f"{type(error).__name__}: {error.msg} ({_short(Path(error.filename), program)}:{error.lineno})"
    return "".join(traceback.format_exception_only(type(error), error)).strip()


def _frames(error: BaseException, program: Path) -> list[str]:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_hidden(Path(frame.filename))]
    own = [frame for frame in frames if _is_own(Path(frame.filename), program)]
    # Without any line of the user's the library's innermost one is still better than none.
    shown = own or frames[-1:]
    return [
        f"at {_short(Path(frame.filename), program)}:{frame.lineno} in {frame.name}: {frame.line}"
        for frame in reversed(shown)
    ]


def _is_hidden(file: Path) -> bool:
    # The import system's frames are in files such as <frozen importlib._bootstrap>.
    return file.name.startswith("<") or _RUNTIME in file.resolve().parents


def _is_own(file: Path, program: Path) -> bool:
    return program in file.resolve().parents and not {"site-packages", "dist-packages"} & set(file.parts)


def _short(file: Path, program: Path) -> str:
    resolved = file.resolve()
    return str(resolved.relative_to(program)) if program in resolved.parents else str(file)
