"""The images' entry point: `train`, `evaluate` or `serve`; anything else is started as a command."""

from __future__ import annotations

import faulthandler
import importlib.util
import os
import signal
import sys
from typing import TYPE_CHECKING

from shapemaker_runtime.errors import SetupError, Terminated

if TYPE_CHECKING:
    from types import FrameType

ENTRIES = {
    "train": "shapemaker_runtime.training.train",
    "evaluate": "shapemaker_runtime.training.evaluate",
    "serve": "shapemaker_runtime.serving.start",
}
"""Argument to the module whose `main()` answers it; each image holds only the modules that it needs."""

USAGE = "usage: train | evaluate | serve, or a command of this image, such as: bash\n"


def main(argv: list[str]) -> int:
    """Exit code: 0 done, 1 the user's code failed, 2 it could not start, 126/127 as shells say, 143 on SIGTERM."""
    if not argv:
        sys.stderr.write(USAGE)
        return 2
    if argv[0] not in ENTRIES:
        return _exec(argv)
    if len(argv) > 1:
        sys.stderr.write(f"{argv[0]} takes no arguments, got: {' '.join(argv[1:])}\n")
        return 2
    module = ENTRIES[argv[0]]
    if importlib.util.find_spec(module.rpartition(".")[0]) is None:
        sys.stderr.write(f"{argv[0]} is not in this image: training and inference are two images\n")
        return 2
    _prepare()
    try:
        return int(importlib.import_module(module).main(os.environ))
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _prepare() -> None:
    # Kept lines would reach the log after the container's end, and metric definitions read the log.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    faulthandler.enable()
    # The kernel ignores SIGTERM for a first process that has no handler, and that is what we are in a container.
    signal.signal(signal.SIGTERM, _terminate)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


def _exec(argv: list[str]) -> int:
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - no shell is wanted
    except FileNotFoundError:
        sys.stderr.write(f"{argv[0]}: not found. {USAGE}")
        return 127
    except OSError as error:
        sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
        return 126


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
