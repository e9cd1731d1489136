"""Deployment policies: steps, sizes and bounds."""

from __future__ import annotations

import math
from typing import Any

import pytest

from shapemaker_action.local.sagemaker.deployment import Policy, Step
from shapemaker_action.local.sagemaker.variant import ModelData, Variant
from shapemaker_action.local.wire import ApiError


def variant(count: int = 4, name: str = "A", **changes: Any) -> Variant:
    config = {"VariantName": name, "InitialInstanceCount": count, "InstanceType": "ml.m5.large", **changes}
    return Variant.of(config, {"Image": "i"}, "i@sha256:0", 1.0)


def size(value: int, kind: str = "CAPACITY_PERCENT") -> dict[str, Any]:
    return {"Type": kind, "Value": value}


def blue_green(kind: str, wait: int = 5, **routing: Any) -> dict[str, Any]:
    return {"BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": wait, **routing}
    }}  # fmt: skip


def test_without_a_config_all_traffic_moves_at_once() -> None:
    without: tuple[dict[str, Any] | None, ...] = (None, {})
    for config in without:
        policy = Policy.of(config, [variant()])
        assert policy.steps == (Step(1.0, 0),)
        assert policy.limit == math.inf
        assert policy.alarms == ()


@pytest.mark.parametrize(
    ("config", "steps"),
    [
        (blue_green("ALL_AT_ONCE"), [1.0]),
        (blue_green("CANARY", CanarySize=size(1, "INSTANCE_COUNT")), [0.25, 1.0]),
        (blue_green("CANARY", CanarySize=size(30)), [0.5, 1.0]),
        (blue_green("CANARY", CanarySize=size(10)), [0.25, 1.0]),
        (blue_green("LINEAR", LinearStepSize=size(25)), [0.25, 0.5, 0.75, 1.0]),
        (blue_green("LINEAR", LinearStepSize=size(50)), [0.5, 1.0]),
    ],
)
def test_traffic_moves_by_whole_instances(config: dict[str, Any], steps: list[float]) -> None:
    policy = Policy.of(config, [variant()])
    assert [step.part for step in policy.steps] == steps
    assert {step.wait for step in policy.steps} == {5}


def test_waits_limits_and_alarms_are_read() -> None:
    config = blue_green("ALL_AT_ONCE")
    config["BlueGreenUpdatePolicy"] |= {"TerminationWaitInSeconds": 7, "MaximumExecutionTimeoutInSeconds": 600}
    config["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": "one"}, {"AlarmName": "two"}]}
    policy = Policy.of(config, [variant()])
    assert (policy.termination_wait, policy.limit, policy.alarms) == (7, 600, ("one", "two"))


@pytest.mark.parametrize(
    ("count", "batch", "rollback", "expected"),
    [
        (4, size(50), None, (2, 4)),
        (4, size(5), size(50), (1, 2)),
        (4, size(2, "INSTANCE_COUNT"), size(1, "INSTANCE_COUNT"), (2, 1)),
        (1, size(50), None, (1, 1)),
    ],
)
def test_batches_of_a_rolling_update(
    count: int, batch: dict[str, Any], rollback: dict[str, Any] | None, expected: tuple[int, int]
) -> None:
    config: dict[str, Any] = {"RollingUpdatePolicy": {"MaximumBatchSize": batch, "WaitIntervalInSeconds": 3}}
    if rollback:
        config["RollingUpdatePolicy"]["RollbackMaximumBatchSize"] = rollback
    rolling = Policy.of(config, [variant(count)]).rolling
    assert rolling is not None
    assert (rolling.batch, rolling.rollback_batch, rolling.wait) == (*expected, 3)


@pytest.mark.parametrize(
    ("config", "count", "message"),
    [
        (blue_green("CANARY", CanarySize=size(51)), 4, "CanarySize must be at most 50%"),
        (blue_green("CANARY", CanarySize=size(10)), 1, "CanarySize must be at most 50%"),
        (blue_green("CANARY"), 4, "CanarySize is required"),
        (blue_green("LINEAR", LinearStepSize=size(80)), 4, "LinearStepSize must be between 10% and 50%"),
        (blue_green("LINEAR", LinearStepSize=size(10), CanarySize=size(10)), 4, "CanarySize cannot be used"),
        ({"RollingUpdatePolicy": {"MaximumBatchSize": size(3, "INSTANCE_COUNT"), "WaitIntervalInSeconds": 0}}, 4, "5%"),
        ({**blue_green("ALL_AT_ONCE"), "RollingUpdatePolicy": {"MaximumBatchSize": size(50)}}, 4, "Only one of"),
    ],
)
def test_sizes_out_of_bounds_are_refused(config: dict[str, Any], count: int, message: str) -> None:
    with pytest.raises(ApiError, match=message):
        Policy.of(config, [variant(count)])


def test_policies_that_do_not_fit_the_variants_are_refused() -> None:
    rolling = {"RollingUpdatePolicy": {"MaximumBatchSize": size(50), "WaitIntervalInSeconds": 0}}
    with pytest.raises(ApiError, match="multiple production variants"):
        Policy.of(rolling, [variant(name="A"), variant(name="B")])
    serverless = Variant.of(
        {"VariantName": "A", "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}},
        {"Image": "i"},
        "i",
        1.0,
    )
    with pytest.raises(ApiError, match="serverless"):
        Policy.of(blue_green("ALL_AT_ONCE"), [serverless])
    long = blue_green("ALL_AT_ONCE", wait=700)
    long["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] = 600
    with pytest.raises(ApiError, match="MaximumExecutionTimeoutInSeconds"):
        Policy.of(long, [variant()])


# 78
def test_a_variant_has_the_platforms_patience_unless_it_says_otherwise() -> None:
    assert variant().startup_timeout == 480
    assert variant(ContainerStartupHealthCheckTimeoutInSeconds=60).startup_timeout == 60
    serverless = {"VariantName": "A", "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}
    assert Variant.of(serverless, {"Image": "i"}, "i", 1.0).startup_timeout == 180


def test_a_variant_survives_being_written_down() -> None:
    container = {"Image": "i", "ModelDataUrl": "s3://b/m.tar.gz", "Environment": {"A": "1"}}
    config = {"VariantName": "A", "InitialInstanceCount": 2, "InstanceType": "ml.m5.large"}
    given = Variant.of(config, container, "i@sha256:0", 1.0)
    assert Variant.load(given.dump()) == given
    assert given.model_data == ModelData(uri="s3://b/m.tar.gz")
    assert Variant.load(variant().dump()) == variant()
