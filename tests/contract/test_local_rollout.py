"""Updates of endpoints while requests go on; the numbers are those of the conformance list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.local_service import client
from tests.support.probe import (
    BROKEN,
    PING_REASON,
    containers,
    percent,
    requests,
    says,
    shift,
)
from tests.support.sagemaker import refusal, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.sagemaker import SageMaker


@pytest.fixture
def alarm(local: SageMaker) -> Iterator[str]:
    """An alarm that is OK."""
    name = local.name("alarm")
    local.cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0.1,
        ComparisonOperator="GreaterThanThreshold",
    )
    yield name
    local.cloudwatch.delete_alarms(AlarmNames=[name])


# 82, 97
def test_an_update_loses_no_request(local: SageMaker) -> None:
    models = [local.model(f"time.sleep(0.05); {says(word)}") for word in ("old", "new")]
    old, new = (local.config(model) for model in models)
    name = local.endpoint(old)
    local.delete_model(ModelName=models[0])
    with requests(local, name) as answers:
        until(lambda: answers["old"] > 20)
        before = containers(name)
        local.update_endpoint(EndpointName=name, EndpointConfigName=new)
        pending = local.describe_endpoint(EndpointName=name)
        assert pending["EndpointConfigName"] == old
        assert pending["EndpointStatus"] == "Updating"
        assert pending["PendingDeploymentSummary"]["EndpointConfigName"] == new
        served = local.settled(name)
        assert (served["EndpointStatus"], served["EndpointConfigName"]) == ("InService", new)
        then = answers["new"]
        until(lambda: answers["new"] > then + 20)
    assert set(answers) == {"old", "new"}
    until(lambda: not set(before) & set(containers(name)))
    assert "terminated" in local.log(f"/aws/sagemaker/Endpoints/{name}", "A/")


# 83
def test_an_unhealthy_update_leaves_the_old_configuration_in_service(local: SageMaker) -> None:
    old, new = local.config(local.model(says("old"))), local.config(local.model(**BROKEN))
    name = local.endpoint(old)
    with requests(local, name) as answers:
        local.update_endpoint(EndpointName=name, EndpointConfigName=new)
        settled = local.settled(name)
    assert (settled["EndpointStatus"], settled["EndpointConfigName"]) == ("InService", old)
    assert settled["FailureReason"] == PING_REASON
    assert "PendingDeploymentSummary" not in settled
    assert set(answers) == {"old"}
    assert len(containers(name)) == 1
    better = local.config(local.model(says("better")))
    local.update_endpoint(EndpointName=name, EndpointConfigName=better)
    assert "FailureReason" not in local.settled(name)
    assert local.ask(name) == b"better"


# 84
def test_an_alarm_during_the_canary_rolls_back(local: SageMaker, alarm: str) -> None:
    old, new = (local.config(local.model(says(word)), InitialInstanceCount=2) for word in ("old", "new"))
    name = local.endpoint(old)
    policy = shift("CANARY", 600, routing={"CanarySize": percent(50)}, alarms=[alarm])
    with requests(local, name) as answers:
        local.update_endpoint(EndpointName=name, EndpointConfigName=new, DeploymentConfig=policy)
        until(lambda: answers["new"] > 20)
        assert answers["old"] > 20
        variant = local.describe_endpoint(EndpointName=name)["PendingDeploymentSummary"]["ProductionVariants"][0]
        assert variant["VariantStatus"][0]["Status"] == "Baking"
        local.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="test")
        settled = local.settled(name)
    assert (settled["EndpointStatus"], settled["EndpointConfigName"]) == ("InService", old)
    assert alarm in settled["FailureReason"]
    assert "PendingDeploymentSummary" not in settled
    assert settled["LastDeploymentConfig"] == policy
    assert set(answers) == {"old", "new"}
    assert local.ask(name) == b"old"
    code, message = refusal(
        local.update_endpoint, EndpointName=name, EndpointConfigName=new, DeploymentConfig=shift(alarms=["nowhere"])
    )
    assert code == "ValidationException"
    assert "nowhere" in message


def test_an_alarm_that_fires_already_stops_the_deployment(local: SageMaker, alarm: str) -> None:
    old, new = (local.config(local.model(says(word))) for word in ("old", "new"))
    name = local.endpoint(old)
    local.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="test")
    local.update_endpoint(EndpointName=name, EndpointConfigName=new, DeploymentConfig=shift(alarms=[alarm]))
    settled = local.settled(name)
    assert settled["EndpointConfigName"] == old
    assert alarm in settled["FailureReason"]


@pytest.mark.parametrize(
    "policy",
    [
        shift("CANARY", 1, routing={"CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1}}),
        shift("LINEAR", 1, routing={"LinearStepSize": percent(50)}),
        {"RollingUpdatePolicy": {"MaximumBatchSize": percent(50), "WaitIntervalInSeconds": 1}},
        shift("ALL_AT_ONCE", 1, TerminationWaitInSeconds=1),
    ],
    ids=["canary", "linear", "rolling", "all-at-once"],
)
def test_every_way_of_shifting_ends_with_the_new_fleet(local: SageMaker, policy: dict[str, Any]) -> None:
    old, new = (local.config(local.model(says(word)), InitialInstanceCount=2) for word in ("old", "new"))
    name = local.endpoint(old)
    with requests(local, name) as answers:
        local.update_endpoint(EndpointName=name, EndpointConfigName=new, DeploymentConfig=policy)
        settled = local.settled(name)
    assert (settled["EndpointStatus"], settled["EndpointConfigName"]) == ("InService", new)
    assert settled["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert settled["LastDeploymentConfig"] == policy
    assert set(answers) == {"old", "new"}
    until(lambda: len(containers(name)) == 2)
    assert {local.ask(name) for _ in range(8)} == {b"new"}


def test_a_rolling_update_that_fails_halfway_brings_the_old_instances_back(local: SageMaker, alarm: str) -> None:
    old, new = (local.config(local.model(says(word)), InitialInstanceCount=2) for word in ("old", "new"))
    name = local.endpoint(old)
    policy = {
        "RollingUpdatePolicy": {"MaximumBatchSize": percent(50), "WaitIntervalInSeconds": 5},
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]},
    }
    with requests(local, name) as answers:
        local.update_endpoint(EndpointName=name, EndpointConfigName=new, DeploymentConfig=policy)
        until(lambda: answers["new"] > 0)
        local.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="test")
        settled = local.settled(name)
    assert (settled["EndpointStatus"], settled["EndpointConfigName"]) == ("InService", old)
    assert settled["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert set(answers) == {"old", "new"}
    until(lambda: len(containers(name)) == 2)


# 85
def test_deployment_policies_out_of_bounds_are_refused(local: SageMaker) -> None:
    old, new = local.config(local.model()), local.config(local.model(), InitialInstanceCount=4)
    name = local.endpoint(old)

    def message(policy: dict[str, Any]) -> str:
        code, text = refusal(local.update_endpoint, EndpointName=name, EndpointConfigName=new, DeploymentConfig=policy)
        assert code == "ValidationException"
        return text

    assert "CanarySize must be at most 50%" in message(shift("CANARY", 1, routing={"CanarySize": percent(60)}))
    three = {"Type": "INSTANCE_COUNT", "Value": 3}
    assert "between 10% and 50%" in message(shift("LINEAR", 1, routing={"LinearStepSize": three}))
    assert "CanarySize is required" in message(shift("CANARY", 1))
    assert "LinearStepSize cannot be used" in message(shift(routing={"LinearStepSize": percent(20)}))
    rolling = {"MaximumBatchSize": percent(80), "WaitIntervalInSeconds": 0}
    assert "between 5% and 50%" in message({"RollingUpdatePolicy": rolling})
    assert "Only one of" in message({**shift(), "RollingUpdatePolicy": rolling})
    long = shift(wait=3600, MaximumExecutionTimeoutInSeconds=600)
    assert "MaximumExecutionTimeoutInSeconds" in message(long)
    assert "trafficRoutingConfiguration.waitIntervalInSeconds" in message(shift(wait=3601))
    single = shift("CANARY", 1, routing={"CanarySize": percent(10)})
    one = local.config(local.model())
    assert (
        "CanarySize"
        in refusal(local.update_endpoint, EndpointName=name, EndpointConfigName=one, DeploymentConfig=single)[1]
    )
    assert "uses already" in refusal(local.update_endpoint, EndpointName=name, EndpointConfigName=old)[1]


def test_what_cannot_become_what_is_refused(local: SageMaker) -> None:
    old, other = local.config(local.model()), local.name("config")
    name = local.endpoint(old)
    variant = {"VariantName": "A", "ModelName": local.model()}

    def message(change: dict[str, Any], **more: Any) -> str:
        config = local.name(other)
        local.create_endpoint_config(EndpointConfigName=config, ProductionVariants=[{**variant, **change}])
        code, text = refusal(local.update_endpoint, EndpointName=name, EndpointConfigName=config, **more)
        assert code == "ValidationException"
        return text

    instance = {"InstanceType": "ml.t2.medium", "InitialInstanceCount": 1}
    assert "serverless" in message({"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}})
    rolling = {"RollingUpdatePolicy": {"MaximumBatchSize": percent(50), "WaitIntervalInSeconds": 0}}
    renamed = {**instance, "VariantName": "Z"}
    assert "same production variant" in message(renamed, DeploymentConfig=rolling)

    # 104
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{name}/variant/A",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling = client(local.service, "application-autoscaling")
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
    assert "scalable target" in message({**instance, "InstanceType": "ml.m5.large"})
    same = local.config(local.model())
    local.update_endpoint(EndpointName=name, EndpointConfigName=same)
    assert local.settled(name)["EndpointConfigName"] == same
    local.delete_endpoint(EndpointName=name.upper())
    until(lambda: not local.list_endpoints(NameContains=name)["Endpoints"])
    assert scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []
