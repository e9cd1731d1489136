"""What this container may use: cores, memory, GPUs. Both versions of cgroups are in use where SageMaker runs images."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CGROUPS = Path("/sys/fs/cgroup")
DEVICES = Path("/dev")

_KB = 1024
_PAGE_CACHE = ("inactive_file", "active_file")


def cores(cgroups: Path = CGROUPS) -> int:
    """Those of the CPU set, or less if the quota says so."""
    available = len(os.sched_getaffinity(0))
    quota, _, period = _read(cgroups / "cpu.max").partition(" ")
    if not period:
        quota, period = (_read(cgroups / "cpu" / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    return max(1, min(available, int(quota) // int(period))) if quota.isdigit() and period.isdigit() else available


def memory(cgroups: Path = CGROUPS) -> int:
    """Bytes in all."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _read(cgroups / "memory.max") or _read(cgroups / "memory" / "memory.limit_in_bytes")
    return min(physical, int(limit)) if limit.isdigit() else physical


def free_memory(cgroups: Path = CGROUPS) -> int:
    """Bytes that can still be had; what only caches files counts, as the kernel takes it back."""
    free = _numbers(Path("/proc/meminfo"))["MemAvailable:"] * _KB
    used = _read(cgroups / "memory.current") or _read(cgroups / "memory" / "memory.usage_in_bytes")
    if not used.isdigit():
        return free
    kinds = _numbers(cgroups / "memory.stat") or _numbers(cgroups / "memory" / "memory.stat")
    return min(free, memory(cgroups) - int(used) + sum(kinds.get(name, 0) for name in _PAGE_CACHE))


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def gpus(environ: Mapping[str, str], devices: Path = DEVICES) -> int:
    """CUDA devices, found without a library: to ask one would tie this process to them, and it could not fork."""
    there = sum(re.fullmatch(r"nvidia[0-9]+", each.name) is not None for each in devices.iterdir())
    visible = environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return there
    named = [each.strip() for each in visible.split(",")]
    ended = next((index for index, name in enumerate(named) if name in ("", "-1")), len(named))
    return min(there, ended)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:  # the other version of cgroups, or none
        return ""


def _numbers(path: Path) -> dict[str, int]:
    return {words[0]: int(words[1]) for words in map(str.split, _read(path).splitlines())}
