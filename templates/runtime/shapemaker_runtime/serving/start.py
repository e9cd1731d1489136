"""What has to be settled before `serve` imports anything: libraries count their threads only once."""

from __future__ import annotations

import gc
import importlib
import os
from typing import TYPE_CHECKING

from shapemaker_runtime.serving import machine
from shapemaker_runtime.serving.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def main(environ: Mapping[str, str]) -> int:
    """The exit code of the server."""
    # Without this each worker would start a thread for every core.
    share = str(max(1, machine.cores() // Settings.from_environ(environ).workers))
    for name in THREADS:
        os.environ.setdefault(name, share)
    # Modules make many objects and no garbage. What is frozen is not looked at again, neither here nor in any worker.
    gc.disable()
    server = importlib.import_module("shapemaker_runtime.serving.server")
    gc.freeze()
    gc.enable()
    return int(server.main(environ))
