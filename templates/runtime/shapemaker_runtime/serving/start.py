"""What has to be settled before `serve` imports anything: libraries count their threads only once."""

from __future__ import annotations

import gc
import importlib
import os
from typing import TYPE_CHECKING

from shapemaker_runtime import program as programs
from shapemaker_runtime.serving import machine, threads
from shapemaker_runtime.serving.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping


def main(environ: Mapping[str, str]) -> int:
    """The exit code of the server."""
    if not programs.load(environ).serve_app:
        threads.hold(os.environ)
    threads.settle(os.environ, max(1, machine.cores() // Settings.from_environ(environ).workers))
    # Modules make many objects and no garbage. What is frozen is not looked at again, neither here nor in any worker.
    gc.disable()
    server = importlib.import_module("shapemaker_runtime.serving.server")
    gc.freeze()
    gc.enable()
    return int(server.main(environ))
