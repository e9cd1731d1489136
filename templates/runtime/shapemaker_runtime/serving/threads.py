"""Threads of libraries, such as OpenMP's: none before workers are forked, and then each worker's share of the cores.

A thread that had begun others with GNU's OpenMP hangs with it after a fork. So nothing may begin any while a model is
loaded and warmed up, and a library that was told so by its variable has to be told anew later.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from shapemaker_runtime.serving import machine

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""Libraries read them once, when they are imported."""
_OF_PYARROW = "jemalloc_bg_thd"
"""Its allocator's, which nothing waits for."""
_TOLD = "SHAPEMAKER_SERVE_THREADS"


def settle(environ: MutableMapping[str, str], share: int) -> None:
    """For an application of the user's own: its share, unless it was told otherwise."""
    for name in VARIABLES:
        environ.setdefault(name, str(share))


def hold(environ: MutableMapping[str, str]) -> None:
    """One thread for now; `number` still knows what the container was told."""
    environ.setdefault(_TOLD, next((environ[name] for name in VARIABLES if environ.get(name)), ""))
    environ.update(dict.fromkeys(VARIABLES, "1"))


def have_begun() -> bool:
    """Whether this process has any but the one that it began with: a model may ask its library for some by itself."""
    names = [each.read_text().strip() for each in Path("/proc/self/task").glob("*/comm")]
    return len([name for name in names if name != _OF_PYARROW]) > 1


def number(environ: Mapping[str, str], workers: int) -> int:
    """How many a worker may have: `$SHAPEMAKER_SERVE_THREADS`, else `$OMP_NUM_THREADS` or the like, else its share."""
    told = environ.get(_TOLD, "").partition(",")[0].strip()
    return int(told) if told.isdigit() and int(told) else max(1, machine.cores() // workers)


def allow(count: int) -> None:
    """Have so many in the libraries that are loaded, called from this thread: OpenMP counts for each thread."""
    if count == 1:
        return
    importlib.import_module("threadpoolctl").threadpool_limits(count)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(count)
