"""How traffic moves to a new fleet: the DeploymentConfig of UpdateEndpoint, checked and read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shapemaker_action.local.sagemaker.refusals import invalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapemaker_action.local.sagemaker.variant import Variant

HALF = 0.5
SMALLEST_STEP = 0.1
SMALLEST_BATCH = 0.05


@dataclass(frozen=True)
class Step:
    """A part of the traffic, 0 to 1, on the new fleet, and the seconds that it bakes."""

    part: float
    wait: float


@dataclass(frozen=True, kw_only=True)
class Rolling:
    """Instances replaced in batches. Times in seconds."""

    batch: int
    rollback_batch: int
    wait: float


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A rollout. Either `rolling`, or blue/green in `steps`. Times in seconds."""

    steps: tuple[Step, ...] = (Step(1.0, 0.0),)
    rolling: Rolling | None = None
    termination_wait: float = 0.0
    limit: float = math.inf
    alarms: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: Mapping[str, Any] | None, variants: Sequence[Variant]) -> Policy:
        """From a DeploymentConfig and the new variants; raises SageMaker's error for sizes out of bounds."""
        config = config or {}
        blue_green, rolling = config.get("BlueGreenUpdatePolicy"), config.get("RollingUpdatePolicy")
        if blue_green and rolling:
            raise invalid("Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy can be specified.")
        alarms = tuple(
            alarm["AlarmName"] for alarm in (config.get("AutoRollbackConfiguration") or {}).get("Alarms", [])
        )
        if config and any(variant.serverless for variant in variants):
            raise invalid("DeploymentConfig is not supported for serverless endpoints.")
        if rolling:
            return _rolling(rolling, alarms, variants)
        return _blue_green(blue_green or {}, alarms, sum(variant.count for variant in variants))


def _blue_green(policy: Mapping[str, Any], alarms: tuple[str, ...], total: int) -> Policy:
    routing = policy.get("TrafficRoutingConfiguration") or {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    limit = policy.get("MaximumExecutionTimeoutInSeconds", math.inf)
    steps = _steps(routing, total)
    termination = policy.get("TerminationWaitInSeconds", 0)
    waits = sum(step.wait for step in steps) + termination
    if waits > limit:
        raise invalid(
            f"MaximumExecutionTimeoutInSeconds ({limit}) must be greater than the sum of all wait intervals ({waits})."
        )
    return Policy(steps=steps, termination_wait=termination, limit=limit, alarms=alarms)


def _steps(routing: Mapping[str, Any], total: int) -> tuple[Step, ...]:
    wait = routing["WaitIntervalInSeconds"]
    kind = routing["Type"]
    sizes = {"ALL_AT_ONCE": "", "CANARY": "CanarySize", "LINEAR": "LinearStepSize"}
    for name in ("CanarySize", "LinearStepSize"):
        if bool(routing.get(name)) != (sizes[kind] == name):
            fault = "is required for" if sizes[kind] == name else "cannot be used with"
            raise invalid(f"{name} {fault} traffic routing of type {kind}.")
    if kind == "ALL_AT_ONCE":
        return (Step(1.0, wait),)
    size = routing[sizes[kind]]
    part = _part(size, total)
    if part > HALF or (kind == "LINEAR" and part < SMALLEST_STEP):
        bounds = "at most 50%" if kind == "CANARY" else "between 10% and 50%"
        raise invalid(
            f"{sizes[kind]} must be {bounds} of the variant's total instance count; "
            f"{size['Value']} ({size['Type']}) is {part:.0%} of {total} instances."
        )
    count = 1 if kind == "CANARY" else math.ceil(1 / part) - 1
    return (*(Step(part * (number + 1), wait) for number in range(count)), Step(1.0, wait))


def _rolling(policy: Mapping[str, Any], alarms: tuple[str, ...], variants: Sequence[Variant]) -> Policy:
    if len(variants) > 1:
        raise invalid("RollingUpdatePolicy is not supported for endpoints with multiple production variants.")
    total = variants[0].count
    size = policy["MaximumBatchSize"]
    part = _part(size, total)
    # One instance is the least that can be replaced, however small the fleet is.
    if not SMALLEST_BATCH <= part <= max(HALF, 1 / total):
        raise invalid(
            "MaximumBatchSize must be between 5% and 50% of the variant's total instance count; "
            f"{size['Value']} ({size['Type']}) is {part:.0%} of {total} instances."
        )
    back = policy.get("RollbackMaximumBatchSize")
    return Policy(
        rolling=Rolling(
            batch=round(part * total),
            rollback_batch=round(_part(back, total) * total) if back else total,
            wait=policy["WaitIntervalInSeconds"],
        ),
        limit=policy.get("MaximumExecutionTimeoutInSeconds", math.inf),
        alarms=alarms,
    )


def _part(size: Mapping[str, Any], total: int) -> float:
    """A CapacitySize as the part of a fleet's instances; percentages mean whole instances, rounded up."""
    if size["Type"] == "INSTANCE_COUNT":
        return min(1.0, int(size["Value"]) / total)
    return math.ceil(min(100, int(size["Value"])) / 100 * total) / total
