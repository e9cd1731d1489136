"""What SageMaker keeps in memory while the server runs: the store, running jobs and routers of endpoints."""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING, Protocol

from shapemaker_action.local.sagemaker.store import Key, Store

if TYPE_CHECKING:
    from pathlib import Path

    from shapemaker_action.local.sagemaker.fleet import Fleet
    from shapemaker_action.local.sagemaker.router import Router
    from shapemaker_action.local.world import World


class Job(Protocol):
    """A job at work."""

    def stop(self) -> None:
        """Ask its containers to end; returns at once."""


class Service:
    """SageMaker of one server."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.root = world.state / "sagemaker"
        self.store = Store(self.root, self.now)
        self.closing = threading.Event()
        """Set when the server is about to end: what runs in the background leaves records as they are."""
        self.jobs: dict[Key, Job] = {}
        self.routers: dict[Key, Router] = {}
        self.fleets: dict[str, Fleet] = {}
        """By generation."""
        self.restored: dict[Key, threading.Event] = {}
        """Set when nothing of an earlier server's containers is left of an endpoint."""

    def now(self) -> float:
        """The time as the API tells it, to the millisecond, so that a client's filter by such a time finds it."""
        return round(self.world.clock(), 3)

    @property
    def labels(self) -> dict[str, str]:
        """On every container of ours, so that servers of other state directories leave them alone."""
        return {"shapemaker.state": hashlib.sha256(str(self.world.state.resolve()).encode()).hexdigest()[:12]}

    def workdir(self, key: Key) -> Path:
        """Where a resource keeps files outside its record; not created."""
        return self.root / key.region / key.kind / f"{key.slug}.files"


_OPEN: dict[Path, Service] = {}
_LOCK = threading.Lock()


def service(world: World) -> Service:
    """The service of this world: there is one server, and so one service, per state directory and process."""
    with _LOCK:
        if world.state not in _OPEN:
            _OPEN[world.state] = Service(world)
        return _OPEN[world.state]


def restart(world: World) -> Service:
    """A service read anew from disk, whatever an earlier server of this process left in memory."""
    with _LOCK:
        _OPEN[world.state] = Service(world)
        return _OPEN[world.state]
