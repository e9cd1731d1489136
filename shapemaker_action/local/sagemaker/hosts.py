"""The containers of one job, one per host: waited for, stopped and removed together."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shapemaker_action.errors import EnvironmentProblemError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.containers.engine import Container

GRACE = 120.0
"""Seconds between SIGTERM and SIGKILL for a job."""
PEER_GRACE = 10.0
"""The same for hosts whose peer has failed: nothing of theirs is kept."""
UNKNOWN = -1
"""The exit code of a container that was removed behind our back."""


@dataclass(frozen=True, kw_only=True)
class Exit:
    """How a host ended."""

    host: str
    code: int
    out_of_memory: bool


class Hosts:
    """Started containers by host name."""

    def __init__(self, containers: Mapping[str, Container]) -> None:
        self.containers = dict(containers)
        self._exits: queue.Queue[Exit] = queue.Queue()
        self._seen: list[Exit] = []
        for host, container in containers.items():
            threading.Thread(target=self._await, args=(host, container), name=f"await {host}", daemon=True).start()

    def wait(self, timeout: float | None = None) -> list[Exit] | None:
        """How they ended, in order: all of them, or up to the first that failed. None if time runs out before."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while len(self._seen) < len(self.containers):
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                ended = self._exits.get(timeout=left)
            except queue.Empty:
                return None
            self._seen.append(ended)
            if ended.code != 0:
                break
        return list(self._seen)

    def stop(self, grace: float = GRACE) -> None:
        """SIGTERM to all at once, SIGKILL after the grace period; returns when all have ended."""
        stops = [
            threading.Thread(target=container.stop, args=(grace,), name=f"stop {host}", daemon=True)
            for host, container in self.containers.items()
        ]
        for stop in stops:
            stop.start()
        for stop in stops:
            stop.join()

    def remove(self) -> None:
        """Delete all containers."""
        for container in self.containers.values():
            container.remove()

    def _await(self, host: str, container: Container) -> None:
        try:
            code = container.wait()
            out_of_memory = container.out_of_memory()
        except EnvironmentProblemError:
            code, out_of_memory = None, False
        self._exits.put(Exit(host=host, code=UNKNOWN if code is None else code, out_of_memory=out_of_memory))
