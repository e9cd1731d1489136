"""What training and processing jobs have in common: they run in containers, can be stopped, and survive the server."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from shapemaker_action.errors import ImageContractError, ShapemakerError
from shapemaker_action.local.sagemaker import failure, job_record
from shapemaker_action.local.sagemaker.hosts import GRACE, PEER_GRACE, Hosts
from shapemaker_action.local.sagemaker.logs import Follower, Stream
from shapemaker_action.local.sagemaker.objects import TransferError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from shapemaker_action.containers.engine import Container, ContainerSpec
    from shapemaker_action.local.sagemaker.hosts import Exit
    from shapemaker_action.local.sagemaker.service import Service
    from shapemaker_action.local.sagemaker.store import Record

LOG_END = 30.0
"""Seconds to wait for the last lines of a container that has ended."""

_LOG = logging.getLogger(__name__)


class JobRun(ABC):
    """One job at work. Call it in a thread of its own; `record.state` is its memory across servers."""

    def __init__(self, sagemaker: Service, record: Record, host_names: Sequence[str], *, isolated: bool) -> None:
        self._service = sagemaker
        self._world = sagemaker.world
        self._record = record
        self._host_names = host_names
        self._isolated = isolated
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        if record.status == "Stopping":
            self._stopping.set()
        self._hosts: Hosts | None = None

    def stop(self) -> None:
        """See `service.Job`."""
        self._stopping.set()
        with self._lock:
            hosts = self._hosts
        if hosts:
            self._world.start(f"stop {self._record.name}", lambda: hosts.stop(GRACE))

    def __call__(self) -> None:
        """Do the work; whatever happens, the record ends in a final status."""
        reason = failure.INTERNAL
        try:
            reason = self._run()
        except TransferError as error:
            reason = f"ClientError: Data download failed:{error}"
        except failure.CannotStartError as error:
            reason = str(error)
        except ShapemakerError as error:
            reason = f"ClientError: {error.message}"
        finally:
            if not self._service.closing.is_set():
                if reason:
                    self._end("Failed", reason)
                self._tidy()
            if self._service.jobs.get(self._record.key) is self:
                del self._service.jobs[self._record.key]

    def _run(self) -> str:
        """The reason of a failure; empty when the job has ended otherwise."""
        again = self._find()
        if again is None and "started" in self._record.state and not self._retry():
            return failure.INTERNAL
        if not self._record.state["image"]:
            return failure.NO_IMAGE
        hosts = again or self._launch()
        if hosts is None:
            self._end("Stopped")
            return ""
        if again and self._stopping.is_set():
            self.stop()
        if "started" not in self._record.state:
            self._change(self._begin)
        reason = self._settle(hosts, self._attend(hosts, again=again is not None))
        return self._run() if reason == failure.INTERNAL and self._retry() else reason

    @abstractmethod
    def _fill(self, number: int, host: str) -> None:
        """Bring the data of a host in. May return early when the job is stopped."""

    @abstractmethod
    def _container(self, host: str) -> ContainerSpec:
        """What to start for a host."""

    @abstractmethod
    def _begin(self, record: Record) -> None:
        """Write down that the containers have been started, with time and log streams."""

    @abstractmethod
    def _attend(self, hosts: Hosts, *, again: bool) -> list[Exit]:
        """Follow the containers to their end; `again` if an earlier server has done so in part."""

    @abstractmethod
    def _settle(self, hosts: Hosts, exits: list[Exit]) -> str:
        """Save what the containers leave and write the end down; the reason if the job failed."""

    @abstractmethod
    def _end(self, status: str, reason: str = "") -> None:
        """Write a final status down."""

    def _tidy(self) -> None:
        try:
            job_record.tidy(self._service, self._record)
        except ShapemakerError as error:
            # The job has ended as it has; the next start of the server clears up.
            _LOG.warning("something is left of %s: %s", self._record.name, error)

    def _retry(self) -> bool:
        """Whether to begin anew after the containers were lost; the record then knows of no start."""
        return False

    def _find(self) -> Hosts | None:
        """The containers that an earlier server started; None unless all are there.

        Without a note of the start they may have been created and no more: they go, and the job starts anew.
        """
        found: dict[str, Container] = {}
        for host in self._host_names:
            for container in self._world.engine.find(self._labels(host)):
                found[host] = container
        if len(found) == len(self._host_names) and "started" in self._record.state:
            return self._keep(found)
        for container in found.values():
            container.remove()
        return None

    def _launch(self) -> Hosts | None:
        """Bring image and data in and start all hosts; None if the job is stopped before."""
        try:
            self._world.engine.pull(self._record.state["image"], self._world.registry_credentials)
        except ShapemakerError as error:
            raise ShapemakerError(f"{failure.CANNOT_PULL} ({error.message})") from error
        for number, host in enumerate(self._host_names):
            self._fill(number, host)
        with self._lock:
            if self._stopping.is_set():
                return None
            self._hosts = self._start_all()
            return self._hosts

    def _start_all(self) -> Hosts:
        try:
            if network := self._record.state.get("network"):
                self._world.engine.create_network(network, isolated=self._isolated)
            # All at the same time: hosts look each other up by name as soon as they run.
            with ThreadPoolExecutor(len(self._host_names), thread_name_prefix="host") as pool:
                started = list(pool.map(lambda host: self._world.engine.start(self._container(host)), self._host_names))
        except ImageContractError as error:
            raise failure.CannotStartError(self._container(self._host_names[0]), error) from error
        return Hosts(dict(zip(self._host_names, started, strict=True)))

    def _keep(self, containers: dict[str, Container]) -> Hosts:
        with self._lock:
            self._hosts = Hosts(containers)
            return self._hosts

    def _wait(self, hosts: Hosts, limit: float, overrun: Callable[[Record], None]) -> list[Exit]:
        """Until all have ended, by themselves or because `limit` seconds have passed since the start."""
        left = self._record.state["started"] + limit - self._world.clock()
        exits = hosts.wait(max(0.0, left))
        if exits is None:
            self._change(overrun)
            hosts.stop(GRACE)
            exits = hosts.wait() or []
        if any(each.code for each in exits):
            hosts.stop(PEER_GRACE)
        return exits

    def _follow(self, hosts: Hosts, group: str, see: Callable[[str, bool], None], *, again: bool) -> list[Follower]:
        """Send the logs of all hosts to CloudWatch."""
        followers = []
        for host, container in hosts.containers.items():
            name = self._record.state["streams"][host]
            stream = Stream(world=self._world, region=self._record.region, group=group, name=name)
            follower = Follower(container.logs(), stream, see)
            follower.start(again=again)
            followers.append(follower)
        return followers

    def _change(self, apply: Callable[[Record], None]) -> Record:
        changed = self._service.store.change(self._record.key, apply)
        if changed is None:
            raise AssertionError(f"BUG: {self._record.arn} was deleted while it ran")
        self._record = changed
        return changed

    def _streams(self, now: float) -> dict[str, str]:
        return {host: f"{self._record.name}/{host}-{int(now)}" for host in self._host_names}

    @property
    def _network(self) -> str:
        return str(self._record.state.get("network") or ("none" if self._isolated else ""))

    @property
    def _workdir(self) -> Path:
        return job_record.workdir(self._service, self._record)

    def _labels(self, host: str) -> dict[str, str]:
        # The name is for people who look at `docker ps`.
        return {
            **job_record.labels(self._service, self._record),
            "shapemaker.name": self._record.name,
            "shapemaker.host": host,
        }
