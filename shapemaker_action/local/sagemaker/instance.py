"""One serving instance: a container that answers /ping and /invocations."""

from __future__ import annotations

import http.client
import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shapemaker_action.containers.engine import ContainerSpec, Mount
from shapemaker_action.errors import EnvironmentProblemError, ShapemakerError
from shapemaker_action.local.sagemaker import multi_model
from shapemaker_action.local.sagemaker.logs import Follower, Stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from shapemaker_action.containers.engine import Container
    from shapemaker_action.local.sagemaker.variant import Variant
    from shapemaker_action.local.world import World

PORT = 8080
PING_TIMEOUT = 2.0
FIRST_PAUSE = 0.02
LONGEST_PAUSE = 0.5
GRACE = 30.0
"""Seconds between SIGTERM and SIGKILL."""
WATCH_INTERVAL = 30.0
"""Seconds between two pings of an instance in service. Its end is noticed at once, this is for one that hangs."""
SICK_INTERVAL = 5.0
"""The same while it does not answer."""
OUT_OF_SERVICE = 3
"""Failed pings in a row after which it gets no more requests."""
GIVEN_UP = 12
"""Failed pings in a row after which it is replaced: more than the minute that a request may take."""
INSTANCE_LABEL = "shapemaker.instance"


@dataclass(frozen=True, kw_only=True)
class Site:
    """What all instances of one generation of an endpoint have in common."""

    world: World
    region: str
    endpoint: str
    labels: dict[str, str]
    directory: Path
    """Holds a directory of model data per variant."""

    def model_directory(self, variant: Variant) -> Path:
        """What is mounted at /opt/ml/model, or /opt/ml/models for many."""
        return self.directory / variant.name


class Instance:
    """An instance and its container. `in_flight` belongs to the router, under its lock."""

    def __init__(self, site: Site, variant: Variant) -> None:
        self.id = f"i-{secrets.token_hex(8)}"
        self.variant = variant
        self.in_flight = 0
        self.ready = False
        self.host = ""
        self.port = 0
        self.ended = threading.Event()
        """The container is gone."""
        self.retired = threading.Event()
        """Nobody wants it any more."""
        self._news = threading.Event()
        """Wakes the watch: it has ended, is retired or in doubt."""
        self._site = site
        self._starting = threading.Lock()
        self._container: Container | None = None
        self._follower: Follower | None = None
        self._models: multi_model.Loader | None = None

    def start(self) -> None:
        """Start the container; raises `ShapemakerError` if that cannot be done."""
        with self._starting:
            if not self.retired.is_set():
                self._start()

    def _start(self) -> None:
        site = self._site
        mounts: tuple[Mount, ...] = ()
        environment = {"AWS_REGION": site.region, **self.variant.environment}
        if self.variant.model_data:
            target = multi_model.PLACE if self.variant.is_multi_model else "/opt/ml/model"
            mounts = (Mount(source=site.model_directory(self.variant), target=target, read_only=True),)
        if self.variant.is_multi_model:
            environment["SAGEMAKER_MULTI_MODEL"] = "true"
        spec = ContainerSpec(
            image=self.variant.pinned,
            name=f"shapemaker-{self.id}",
            command=("serve",),
            environment=environment,
            mounts=mounts,
            port=PORT,
            labels={**site.labels, INSTANCE_LABEL: self.id},
        )
        self._container = container = site.world.engine.start(spec)
        stream = Stream(
            world=self._site.world,
            region=self._site.region,
            group=f"/aws/sagemaker/Endpoints/{self._site.endpoint}",
            name=f"{self.variant.name}/{self.id}",
        )
        self._follower = Follower(container.logs(), stream, lambda *_: None)
        self._follower.start(again=False)
        threading.Thread(target=self._await_end, name=f"await {self.id}", daemon=True).start()
        try:
            self.host, self.port = container.address()
        except EnvironmentProblemError:
            # It has ended already; whoever waits for its health learns that from `ended`.
            self.host, self.port = "", 0
        if self.variant.model_data and self.variant.is_multi_model:
            shelf = multi_model.Shelf(
                world=site.world,
                region=site.region,
                uri=self.variant.model_data.uri,
                directory=site.model_directory(self.variant),
            )
            self._models = multi_model.Loader(shelf, self.host, self.port)

    def path(self, target_model: str, seconds: float) -> str:
        """Where requests go; the target model of a multi-model endpoint is loaded then. See `multi_model.Loader`."""
        return self._models.path(target_model, seconds) if self._models else "/invocations"

    def await_health(self, patience: float) -> bool:
        """Ping until it answers with 200; False if it doesn't within `patience` seconds, or ends."""
        deadline = time.monotonic() + patience
        pause = FIRST_PAUSE
        while not self.retired.is_set() and time.monotonic() < deadline:
            if self.ping():
                self.ready = True
                return True
            if self.ended.wait(pause):
                return False
            pause = min(2 * pause, LONGEST_PAUSE)
        return False

    def ping(self) -> bool:
        """Whether `GET /ping` is answered with 200 in time."""
        if not self.port or self.ended.is_set():
            return False
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PING_TIMEOUT)
        try:
            connection.request("GET", "/ping", headers={"User-Agent": "AHC/2.0"})
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        return response.status == http.client.OK

    def doubt(self) -> None:
        """A request went wrong on it: no more of them unless it answers a ping now, or later."""
        if not self.ping():
            self.ready = False
            self._news.set()

    def watch(self, lost: Callable[[Instance], None]) -> None:
        """Keep an eye on it in the background; `lost` is called once when it has ended or stopped answering."""
        threading.Thread(target=self._watch, args=(lost,), name=f"watch {self.id}", daemon=True).start()

    def retire(self) -> None:
        """SIGTERM, SIGKILL after the grace period, and away with it."""
        self.ready = False
        self.retired.set()
        self._news.set()
        with self._starting:
            container = self._container
        if container is None:
            return
        try:
            container.stop(GRACE)
            if self._follower:
                self._follower.join(PING_TIMEOUT)
            container.remove()
        except ShapemakerError:
            # Whatever is left carries our label: the next start of the server clears it up.
            return
        finally:
            if self._models:
                self._models.close()

    def end(self) -> None:
        """Its container is gone."""
        self.ended.set()
        self._news.set()

    def _watch(self, lost: Callable[[Instance], None]) -> None:
        strikes = 0
        while strikes < GIVEN_UP and not self.ended.is_set() and not self.retired.is_set():
            self._news.wait(SICK_INTERVAL if strikes or not self.ready else WATCH_INTERVAL)
            self._news.clear()
            if self.retired.is_set():
                return
            strikes = 0 if self.ping() else strikes + 1
            if strikes == 0 or strikes >= OUT_OF_SERVICE:
                self.ready = strikes == 0
        if not self.retired.is_set():
            self.ready = False
            lost(self)

    def _await_end(self) -> None:
        try:
            if self._container:
                self._container.wait()
        except EnvironmentProblemError:
            pass
        finally:
            self.end()
