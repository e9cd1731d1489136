"""Threads of libraries, such as OpenMP's: none before workers are forked, and then each worker's share of the cores.

A thread that had begun others with GNU's OpenMP hangs with it after a fork. So nothing may begin any while a model is
loaded and warmed up, and a library that was told so by its variable has to be told anew later.
"""

from __future__ import annotations

import importlib
import sys
import threading
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, NamedTuple

from shapemaker_runtime.serving import machine

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

_OPENMP, _OPENBLAS, _MKL, _NUMEXPR = VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
"""Libraries read them once, when they are imported."""
_HELD = (_OPENMP, _OPENBLAS, _MKL)
"""numexpr begins its threads anew after a fork."""
_TOLD = "SHAPEMAKER_TOLD_"
_SPIN_SECONDS = 0.02


class Share(NamedTuple):
    """Threads that a worker may have."""

    openmp: int = 1
    blas: int = 1


ONE = Share()


def settle(environ: MutableMapping[str, str], share: int) -> None:
    """Each library's share, unless it was told otherwise."""
    for name in VARIABLES:
        environ.setdefault(name, str(share))


def hold(environ: MutableMapping[str, str]) -> None:
    """One thread for now; `share_of` still knows what the container was told."""
    for name in _HELD:
        environ.setdefault(_TOLD + name, environ.get(name, ""))
        environ[name] = "1"


def let_go(environ: MutableMapping[str, str], share: Share) -> None:
    """For libraries that are imported from now on, in a worker."""
    environ.update({_OPENMP: str(share.openmp), _OPENBLAS: str(share.blas), _MKL: str(share.blas)})


def have_begun() -> bool:
    """Whether GNU's OpenMP has threads in this process: a model may ask its library for some by itself."""
    code = _code_of_openmp()
    if not code or not _others():
        return False
    sleep(_SPIN_SECONDS)  # before they rest they spin, and then nobody can tell
    return any(_is_in(each, code) for each in _others())


def _others() -> list[Path]:
    """The other threads of this process."""
    own = str(threading.get_native_id())
    return [each for each in Path("/proc/self/task").iterdir() if each.name != own]


def _code_of_openmp() -> list[range]:
    """Where it lies in memory: several libraries bring it along."""
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except FileNotFoundError:  # no Linux, so another OpenMP
        return []
    places = [line.split() for line in lines if "/libgomp" in line]
    return [range(*(int(end, 16) for end in each[0].split("-"))) for each in places if "x" in each[1]]


def _is_in(task: Path, code: list[range]) -> bool:
    """Whether a thread rests there, as the kernel knows: its last word is the place of the next instruction."""
    try:
        words = (task / "syscall").read_text().split()
    except PermissionError:
        return True  # better safe
    except OSError:
        return False  # it has ended meanwhile
    return words[0] == "running" or any(int(words[-1], 16) in each for each in code)


def share_of(environ: Mapping[str, str], workers: int) -> Share:
    """What a worker was told (a library's variable, else `$SHAPEMAKER_SERVE_THREADS`), else its share of the cores."""
    own = _number(environ, "SHAPEMAKER_SERVE_THREADS") or max(1, machine.cores() // workers)
    blas = _number(environ, _TOLD + _OPENBLAS) or _number(environ, _TOLD + _MKL)
    return Share(_number(environ, _TOLD + _OPENMP) or own, blas or own)


def _number(environ: Mapping[str, str], name: str) -> int:
    text = environ.get(name, "").partition(",")[0].strip()
    return int(text) if text.isdigit() else 0


def allow(share: Share) -> None:
    """Have so many in the libraries that are loaded, called from this thread: OpenMP counts for each thread."""
    if share == ONE:
        return
    importlib.import_module("threadpoolctl").threadpool_limits({"openmp": share.openmp, "blas": share.blas})
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(share.openmp)
