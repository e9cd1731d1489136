"""Commands side by side: interleaved, so that a busy moment of the machine hits all of them."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Times:
    """Medians in milliseconds; `processor` does not count what others did meanwhile."""

    wall: float
    processor: float


def measure(commands: Mapping[str, Sequence[str]], rounds: int, **run: object) -> dict[str, Times]:
    """Each command once a round. `run` goes to Popen."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            taken[name].append(_once(command, run))
    return {
        name: Times(statistics.median(wall for wall, _ in each), statistics.median(cpu for _, cpu in each))
        for name, each in taken.items()
    }


def _once(command: Sequence[str], run: Mapping[str, object]) -> tuple[float, float]:
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **run)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return (time.perf_counter() - began) * 1000, (usage.ru_utime + usage.ru_stime) * 1000


def show(title: str, rows: Sequence[tuple[str, ...]], header: tuple[str, ...]) -> None:
    """A Markdown table on stdout."""
    lines = [f"\n{title}\n", "| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    sys.stdout.write("\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]))
    sys.stdout.flush()


def milliseconds(value: float) -> str:
    return f"{value:.0f} ms"
