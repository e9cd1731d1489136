"""The instances of one generation of an endpoint: started together, kept alive, shrunk and grown."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING

from shapemaker_action.errors import ImageContractError, ShapemakerError
from shapemaker_action.local.sagemaker import harvest, model_data
from shapemaker_action.local.sagemaker.instance import Instance

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shapemaker_action.local.sagemaker.instance import Site
    from shapemaker_action.local.sagemaker.store import Key
    from shapemaker_action.local.sagemaker.variant import Variant

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
DRAIN = 60.0
"""Seconds that a request may take, and so the time an instance has to finish its requests."""

_LOG = logging.getLogger(__name__)


class FleetError(Exception):
    """Instances did not come up; the text is the endpoint's FailureReason."""


class Fleet:
    """See the module."""

    def __init__(self, site: Site, endpoint: Key, generation: str, variants: Sequence[Variant]) -> None:
        self.endpoint = endpoint
        self.generation = generation
        self.variants = {variant.name: variant for variant in variants}
        self._site = site
        self._lock = threading.Lock()
        self._instances: dict[str, tuple[Instance, ...]] = {variant.name: () for variant in variants}
        self._everybody: list[Instance] = []
        """All that may have a container: those in service, those that start, and those that are being stopped."""
        self._closed = threading.Event()

    @property
    def closed(self) -> bool:
        """It will never serve again."""
        return self._closed.is_set()

    def weights(self) -> list[tuple[Variant, float]]:
        """Each variant's part of the fleet's traffic."""
        variants = list(self.variants.values())
        total = sum(variant.weight for variant in variants)
        return [(variant, variant.weight / total if total else 1 / len(variants)) for variant in variants]

    def able(self, variant: Variant, avoid: Iterable[str] = ()) -> list[Instance]:
        """Instances of a variant that can take a request."""
        return [each for each in self._instances[variant.name] if each.ready and each.id not in avoid]

    def instances(self, name: str) -> tuple[Instance, ...]:
        """All instances of a variant, ready or not."""
        return self._instances[name]

    def all(self) -> list[Instance]:
        """Every instance, ready or not."""
        return [each for instances in self._instances.values() for each in instances]

    def count(self, name: str) -> int:
        """Instances of a variant in service."""
        return sum(each.ready for each in self._instances[name])

    def rescale(self, variants: Iterable[Variant]) -> None:
        """Take over weights and counts; `grow` and `take` are what brings the instances there."""
        for variant in variants:
            mine = self.variants[variant.name]
            self.variants[variant.name] = mine.scaled(count=variant.count, weight=variant.weight)

    def prepare(self) -> None:
        """Bring images and model data here; raises `FleetError`."""
        world = self._site.world
        for variant in self.variants.values():
            if not variant.pinned:
                raise FleetError(f"The image {variant.image} of production variant {variant.name} was not found.")
            try:
                world.engine.pull(variant.pinned, world.registry_credentials)
            except ShapemakerError as error:
                raise FleetError(f"The image {variant.image} could not be pulled: {error.message}") from error
            directory = self._site.model_directory(variant)
            if variant.is_multi_model:
                directory.mkdir(parents=True, exist_ok=True)  # models come when they are asked for
            elif variant.model_data and not directory.is_dir():
                draft = directory.with_name(f"{variant.name}.new")
                harvest.discard(draft)
                if reason := model_data.bring(world, self._site.region, variant.model_data, draft):
                    raise FleetError(reason)
                draft.rename(directory)

    def grow(self, name: str, number: int) -> None:
        """Add instances of a variant and wait until they are healthy; raises `FleetError`, then none is added."""
        fresh = self._launch(self.variants[name], number)
        self.join(name, fresh)
        for each in fresh:
            each.watch(self._replace)

    def join(self, name: str, instances: Sequence[Instance]) -> None:
        """Put healthy instances into service."""
        with self._lock:
            self._instances[name] += tuple(instances)

    def grow_all(self) -> None:
        """Bring every variant up to its count, all at once; raises `FleetError`."""
        wanted = {name: variant.count - len(self._instances[name]) for name, variant in self.variants.items()}
        with ThreadPoolExecutor(len(wanted), thread_name_prefix="fleet") as pool:
            growing = [pool.submit(self.grow, name, number) for name, number in wanted.items() if number > 0]
            try:
                for each in as_completed(growing):
                    each.result()
            except FleetError:
                # Without one variant the fleet cannot serve, so nobody waits for the others.
                self._give_up([each for each in self._everybody if not each.ready])
                raise

    def take(self, name: str, number: int) -> list[Instance]:
        """Take instances out of service, eldest first; the caller lets them finish and calls `retire`."""
        with self._lock:
            taken = self._instances[name][:number]
            self._instances[name] = self._instances[name][number:]
        return list(taken)

    def retire(self, instances: Sequence[Instance]) -> None:
        """Stop instances, all at the same time."""
        stops = [threading.Thread(target=each.retire, name=f"stop {each.id}") for each in instances]
        for stop in stops:
            stop.start()
        for stop in stops:
            stop.join()
        with self._lock:
            self._everybody = [each for each in self._everybody if each not in instances]

    def close(self) -> None:
        """Stop all instances, those that are just starting too; the model data stays."""
        self._closed.set()
        with self._lock:
            self._instances = dict.fromkeys(self._instances, ())
            everybody = list(self._everybody)
        self.retire(everybody)

    def discard(self) -> None:
        """Forget the model data."""
        harvest.discard(self._site.directory)

    def _launch(self, variant: Variant, number: int) -> list[Instance]:
        fresh = [Instance(self._site, variant) for _ in range(number)]
        with self._lock:
            self._everybody += fresh
        try:
            with ThreadPoolExecutor(number, thread_name_prefix="start") as pool:
                healthy = list(pool.map(lambda each: self._start(each, fresh), fresh))
        except ImageContractError as error:
            self.retire(fresh)
            raise FleetError(
                f"CannotStartContainerError. Please ensure the model container for variant {variant.name} starts "
                f"correctly when invoked with 'docker run {variant.image} serve'"
            ) from error
        except ShapemakerError as error:
            self.retire(fresh)
            raise FleetError(f"The container of production variant {variant.name} was not started: {error}") from error
        if self._closed.is_set() or not all(healthy):
            self.retire(fresh)
            raise FleetError(
                f"The primary container for production variant {variant.name} did not pass the ping health check. "
                "Please check CloudWatch logs for this endpoint."
            )
        return fresh

    def _start(self, instance: Instance, fellows: Sequence[Instance]) -> bool:
        healthy = False
        try:
            instance.start()
            healthy = instance.await_health(instance.variant.startup_timeout)
        finally:
            if not healthy:
                self._give_up(fellows)
        return healthy

    def _give_up(self, instances: Iterable[Instance]) -> None:
        for each in instances:
            each.retired.set()

    def _replace(self, lost: Instance) -> None:
        """Start another instance in place of one that died, again and again until one lives."""
        name = lost.variant.name
        pause = FIRST_PAUSE
        _LOG.warning("instance %s of variant %s is lost and replaced", lost.id, name)
        self.retire([lost])
        while lost in self._instances[name] and not self._closed.is_set():
            try:
                (fresh,) = self._launch(self.variants[name], 1)
            except FleetError as error:
                _LOG.warning("the replacement of %s failed: %s", lost.id, error)
                self._closed.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            with self._lock:
                wanted = lost in self._instances[name]
                self._instances[name] = tuple(fresh if each is lost else each for each in self._instances[name])
            if wanted:
                fresh.watch(self._replace)
            else:
                self.retire([fresh])
            return
