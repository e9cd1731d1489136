"""A new fleet takes over from the old one, step by step, or gives way to it again."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from shapemaker_action.local.sagemaker.fleet import DRAIN, FleetError
from shapemaker_action.local.sagemaker.router import Share

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapemaker_action.local.sagemaker.deployment import Policy, Rolling
    from shapemaker_action.local.sagemaker.fleet import Fleet
    from shapemaker_action.local.sagemaker.router import Router
    from shapemaker_action.local.sagemaker.service import Service

ALARM_INTERVAL = 0.25
"""Seconds between two looks at the alarms."""


class RolledBackError(Exception):
    """The old fleet serves again, and alone; the text is the endpoint's FailureReason."""


class RollbackFailedError(Exception):
    """Part of the old fleet could not be brought back: both fleets serve. The text is the FailureReason."""


class _AbortedError(Exception):
    pass


class Rollout:
    """One UpdateEndpoint. `stage` is told what the new variants are doing: their VariantStatus."""

    def __init__(self, service: Service, region: str, router: Router, policy: Policy) -> None:
        self._service = service
        self._cloudwatch = service.world.client("cloudwatch", region)
        self._router = router
        self._policy = policy
        self._expires = service.world.clock() + policy.limit

    def run(self, old: Fleet, new: Fleet, stage: Callable[[str], None]) -> None:
        """Until only the new fleet gets requests. Raises `RolledBackError` or `RollbackFailedError` otherwise.

        The old fleet's instances are left to the caller, who writes down first that they are not wanted any more.
        """
        try:
            self._check()
            new.prepare()
            if self._policy.rolling:
                self._roll(old, new, self._policy.rolling, stage)
            else:
                self._shift(old, new, stage)
        except (FleetError, _AbortedError) as error:
            self._roll_back(old)
            self._router.drain(new.all(), DRAIN)
            new.close()
            raise RolledBackError(str(error)) from error

    def _shift(self, old: Fleet, new: Fleet, stage: Callable[[str], None]) -> None:
        new.grow_all()
        for step in self._policy.steps:
            stage("ActivatingTraffic")
            self._router.route(Share(new, step.part), Share(old, 1 - step.part))
            stage("Baking")
            self._bake(step.wait)
        self._bake(self._policy.termination_wait)

    def _roll(self, old: Fleet, new: Fleet, rolling: Rolling, stage: Callable[[str], None]) -> None:
        name = next(iter(new.variants))
        total, before = new.variants[name].count, old.count(name)
        while (there := new.count(name)) < total:
            stage("Creating")
            new.grow(name, min(rolling.batch, total - there))
            part = new.count(name) / total
            stage("ActivatingTraffic")
            self._router.route(Share(new, part), Share(old, 1 - part))
            stage("Baking")
            self._bake(rolling.wait)
            if part < 1:
                self._dismiss(old, name, old.count(name) - math.ceil(before * (1 - part)))

    def _dismiss(self, fleet: Fleet, name: str, number: int) -> None:
        leaving = fleet.take(name, max(0, number))
        self._router.drain(leaving, DRAIN)
        fleet.retire(leaving)

    def _roll_back(self, old: Fleet) -> None:
        rolling = self._policy.rolling
        if rolling:
            name = next(iter(old.variants))
            try:
                while (short := old.variants[name].count - old.count(name)) > 0:
                    old.grow(name, min(rolling.rollback_batch, short))
            except FleetError as error:
                raise RollbackFailedError(str(error)) from error
        self._router.route(Share(old, 1.0))

    def _bake(self, seconds: float) -> None:
        """Wait, and give up at once if an alarm fires or the time for all of it is over."""
        end = self._service.world.clock() + seconds
        while True:
            self._check()
            left = end - self._service.world.clock()
            if left <= 0:
                return
            self._service.closing.wait(min(left, ALARM_INTERVAL))

    def _check(self) -> None:
        if self._service.closing.is_set():
            raise _AbortedError("The server is shutting down.")
        if self._service.world.clock() > self._expires:
            raise _AbortedError("The deployment took longer than MaximumExecutionTimeoutInSeconds and was rolled back.")
        if firing := self._firing():
            raise _AbortedError(
                f"The deployment was rolled back because CloudWatch alarms are in ALARM state: {', '.join(firing)}."
            )

    def _firing(self) -> list[str]:
        if not self._policy.alarms:
            return []
        # moto gives all named alarms whatever state is asked for.
        found = self._cloudwatch.describe_alarms(AlarmNames=list(self._policy.alarms))
        return sorted(
            alarm["AlarmName"]
            for kind in ("MetricAlarms", "CompositeAlarms")
            for alarm in found.get(kind, [])
            if alarm["StateValue"] == "ALARM"
        )
