"""What happens to an endpoint in the background: its creation, updates, deletion, and its return after a restart."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING, Any

from shapemaker_action.errors import ShapemakerError
from shapemaker_action.local.sagemaker import harvest
from shapemaker_action.local.sagemaker.deployment import Policy
from shapemaker_action.local.sagemaker.fleet import DRAIN, FIRST_PAUSE, LONGEST_PAUSE, Fleet, FleetError
from shapemaker_action.local.sagemaker.instance import Site
from shapemaker_action.local.sagemaker.rollout import RollbackFailedError, RolledBackError, Rollout
from shapemaker_action.local.sagemaker.router import Router, Share
from shapemaker_action.local.sagemaker.variant import Variant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shapemaker_action.local.sagemaker.service import Service
    from shapemaker_action.local.sagemaker.store import Key, Record

INTERNAL = "Request to service failed. If failure persists after retry, contact customer support."
REASON_LIMIT = 1024

_LOG = logging.getLogger(__name__)


def plan(config: str, variants: Sequence[Variant], now: float) -> dict[str, Any]:
    """A generation to be: what `state["pending"]` holds until it serves, and `state["deployed"]` from then on."""
    return {
        "config": config,
        "generation": secrets.token_hex(6),
        "variants": [variant.dump() for variant in variants],
        "since": now,
        "stage": "Creating",
    }


def variants_of(generation: Mapping[str, Any]) -> list[Variant]:
    """The variants of a generation."""
    return [Variant.load(each) for each in generation["variants"]]


class EndpointRun:
    """The work on one endpoint. Its status keeps two of them from being at work at once."""

    def __init__(self, service: Service, key: Key) -> None:
        self._service = service
        self._world = service.world
        self._key = key
        self._router = service.routers.setdefault(key, Router())

    def start(self, work: Callable[[EndpointRun], None]) -> None:
        """Do one of the methods below in the background."""

        def run() -> None:
            # After a restart, containers that are left over go first.
            if restored := self._service.restored.get(self._key):
                restored.wait()
            work(self)

        self._world.start(f"endpoint {self._key.name}", run)

    def create(self) -> None:
        """Bring the first generation up."""
        reason = INTERNAL
        fleet = self._fleet(self._state()["pending"])
        try:
            fleet.prepare()
            fleet.grow_all()
        except FleetError as error:
            reason = str(error)
        else:
            self._router.route(Share(fleet, 1.0))
            reason = ""
        finally:
            if reason:
                self._drop(fleet)
                self._settle("Failed", reason)
            else:
                self._settle("InService", promote=True)

    def update(self) -> None:
        """Roll the pending generation out, or roll back."""
        state = self._state()
        old, new = self._current(), self._fleet(state["pending"])
        policy = Policy.of(state["pending"].get("policy"), variants_of(state["pending"]))
        rollout = Rollout(self._service, self._key.region, self._router, policy)
        reason, status = INTERNAL, "InService"
        try:
            rollout.run(old, new, self._stage)
            reason = ""
        except RolledBackError as error:
            reason = str(error)
        except RollbackFailedError as error:
            reason, status = str(error), "UpdateRollbackFailed"
        finally:
            if not reason:
                self._router.route(Share(new, 1.0))
                self._settle("InService", promote=True)
                self._drop(old)
            else:
                if status == "InService":
                    self._router.route(Share(old, 1.0))
                    self._drop(new)
                self._settle(status, reason)

    def resize(self) -> None:
        """Give variants the weights and numbers of instances that are written down for them."""
        wanted = variants_of(self._state()["resized"])
        fleet = self._current()
        reason = INTERNAL
        try:
            for variant in wanted:
                self._fit(fleet, variant.name, variant.count)
            fleet.rescale(wanted)
            reason = ""
        except FleetError as error:
            reason = str(error)
        finally:
            if not self._service.closing.is_set():
                self._service.store.change(self._key, lambda record: _resized(record, reason))

    def delete(self) -> None:
        """Let requests under way finish, stop everything and forget the endpoint."""
        self._router.route()
        for fleet in [each for each in tuple(self._service.fleets.values()) if each.endpoint == self._key]:
            self._drop(fleet)
        if not self._service.closing.is_set():
            self._service.routers.pop(self._key, None)
            self._service.store.remove(self._key)

    def restore(self, record: Record) -> None:
        """After a restart: clear up what the earlier server left running, serve again, and go on with its work."""
        try:
            self._clear_up(record)
            if record.state.get("deployed") and record.status != "Deleting":
                fleet = self._fleet(record.state["deployed"])
                self._router.route(Share(fleet, 1.0))
                self._world.start(f"restore {self._key.name}", lambda: self._serve_again(fleet))
        finally:
            self._service.restored[self._key].set()
        again = {"Creating": EndpointRun.create, "Deleting": EndpointRun.delete}
        if record.status == "Updating":
            again["Updating"] = EndpointRun.update if record.state.get("pending") else EndpointRun.resize
        if record.status in again:
            again[record.status](self)

    def _clear_up(self, record: Record) -> None:
        wanted = {str(record.state[part]["generation"]) for part in ("deployed", "pending") if record.state.get(part)}
        directory = self._service.workdir(self._key)
        for left in [each for each in directory.glob("*") if each.name not in wanted]:
            harvest.discard(left)
        try:
            for container in self._world.engine.find(self._labels()):
                container.remove()
        except ShapemakerError as error:
            _LOG.warning("containers may be left of endpoint %s: %s", self._key.name, error)

    def _serve_again(self, fleet: Fleet) -> None:
        pause = FIRST_PAUSE
        while not (fleet.closed or _comes_up(fleet)):
            self._service.closing.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _fit(self, fleet: Fleet, name: str, count: int) -> None:
        there = len(fleet.instances(name))
        if count > there:
            fleet.grow(name, count - there)
        elif count < there:
            leaving = fleet.take(name, there - count)
            self._router.drain(leaving, DRAIN)
            fleet.retire(leaving)

    def _stage(self, name: str) -> None:
        def note(record: Record) -> None:
            record.state["pending"]["stage"] = name

        self._service.store.change(self._key, note)

    def _settle(self, status: str, reason: str = "", *, promote: bool = False) -> None:
        """Write the outcome down; a server that is closing leaves the work to the next one."""

        def settle(record: Record) -> None:
            pending = record.state.pop("pending")
            record.state["status"] = status
            record.state["failure"] = reason[:REASON_LIMIT]
            if promote:
                record.state["deployed"] = pending
            if status == "Failed":
                record.state["failed_config"] = pending["config"]

        if not self._service.closing.is_set():
            self._service.store.change(self._key, settle)

    def _current(self) -> Fleet:
        return self._service.fleets[self._state()["deployed"]["generation"]]

    def _fleet(self, generation: Mapping[str, Any]) -> Fleet:
        identity = generation["generation"]
        site = Site(
            world=self._world,
            region=self._key.region,
            endpoint=self._key.name,
            labels=self._labels(),
            directory=self._service.workdir(self._key) / identity,
        )
        fleet = Fleet(site, self._key, identity, variants_of(generation))
        self._service.fleets[identity] = fleet
        return fleet

    def _drop(self, fleet: Fleet) -> None:
        """Stop a fleet that gets no new requests, once it has answered the last."""
        self._router.drain(fleet.all(), DRAIN)
        fleet.close()
        if not self._service.closing.is_set():
            fleet.discard()
            self._service.fleets.pop(fleet.generation, None)

    def _labels(self) -> dict[str, str]:
        return {**self._service.labels, "shapemaker.endpoint": f"{self._key.region}/{self._key.slug}"}

    def _state(self) -> dict[str, Any]:
        record = self._service.store.get(self._key)
        if record is None:
            raise AssertionError(f"BUG: endpoint {self._key.name} vanished while it was being changed")
        return record.state


def _comes_up(fleet: Fleet) -> bool:
    try:
        fleet.prepare()
        fleet.grow_all()
    except FleetError as error:
        _LOG.warning("endpoint %s does not come back: %s", fleet.endpoint.name, error)
        return False
    return True


def _resized(record: Record, reason: str) -> None:
    resized = record.state.pop("resized")
    record.state["status"] = "InService"
    record.state["failure"] = reason[:REASON_LIMIT]
    if not reason:
        record.state["deployed"] = resized
