"""Endpoints of the local SageMaker in real containers; the numbers are those of the conformance list."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.support.probe import (
    BROKEN,
    PING_REASON,
    SLOW_PING,
    containers,
    says,
)
from tests.support.sagemaker import refusal, tar_gz, until

if TYPE_CHECKING:
    from tests.support.sagemaker import SageMaker


# 76, 79, 80, 81
def test_an_endpoint_serves_once_it_is_healthy_and_is_busy_until_then(local: SageMaker) -> None:
    config = local.config(local.model(says("here"), **SLOW_PING))
    name = local.name("endpoint")
    arn = local.create_endpoint(EndpointName=name, EndpointConfigName=config)["EndpointArn"]
    described = local.describe_endpoint(EndpointName=name)
    assert described["EndpointStatus"] == "Creating"
    assert "ProductionVariants" not in described
    pending = described["PendingDeploymentSummary"]
    assert pending["EndpointConfigName"] == config
    assert pending["ProductionVariants"][0]["VariantStatus"][0]["Status"] == "Creating"
    busy = ("ValidationException", f'Cannot update in-progress endpoint "{arn}".')
    assert refusal(local.delete_endpoint, EndpointName=name) == busy
    assert refusal(local.update_endpoint, EndpointName=name, EndpointConfigName=config) == busy
    assert "not found" in refusal(local.runtime.invoke_endpoint, EndpointName=name, Body=b"")[1]
    assert refusal(local.create_endpoint, EndpointName=name, EndpointConfigName=config) == (
        "ValidationException",
        f'Cannot create already existing endpoint "{arn}".',
    )
    local.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    served = local.describe_endpoint(EndpointName=name)
    assert "PendingDeploymentSummary" not in served
    assert "FailureReason" not in served
    (variant,) = served["ProductionVariants"]
    (deployed,) = variant["DeployedImages"]
    assert deployed["SpecifiedImage"] == local.image
    assert deployed["ResolvedImage"].startswith(f"{local.image.rpartition(':')[0]}@sha256:")
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (1, 1)
    assert (variant["CurrentWeight"], variant["DesiredWeight"]) == (1.0, 1.0)
    assert local.ask(name) == b"here"
    (stream,) = local.logs.describe_log_streams(logGroupName=f"/aws/sagemaker/Endpoints/{name}")["logStreams"]
    assert stream["logStreamName"].startswith("A/i-")

    local.delete_endpoint(EndpointName=name)
    local.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    assert containers(name) == []
    assert "terminated" in local.log(f"/aws/sagemaker/Endpoints/{name}", "A/")


# 77
def test_a_container_that_ends_fails_the_endpoint_at_once(local: SageMaker) -> None:
    config = local.config(local.model(**BROKEN))
    name = local.name("endpoint")
    local.create_endpoint(EndpointName=name, EndpointConfigName=config)
    failed = local.settled(name)
    assert failed["EndpointStatus"] == "Failed"
    assert failed["FailureReason"] == PING_REASON
    assert "no model here" in local.log(f"/aws/sagemaker/Endpoints/{name}", "A/")
    assert containers(name) == []
    code, _ = refusal(local.update_endpoint, EndpointName=name, EndpointConfigName=config)
    assert code == "ValidationException"
    assert "not found" in refusal(local.runtime.invoke_endpoint, EndpointName=name, Body=b"")[1]
    local.delete_endpoint(EndpointName=name)
    until(lambda: not local.list_endpoints(NameContains=name)["Endpoints"])


def test_model_data_that_cannot_be_unpacked_fails_the_endpoint(local: SageMaker) -> None:
    uri = local.put("models/no-archive.tar.gz", b"no archive")
    model = local.name("model")
    container = {"Image": local.image, "ModelDataUrl": uri}
    local.create_model(ModelName=model, ExecutionRoleArn=local.role, PrimaryContainer=container)
    name = local.name("endpoint")
    local.create_endpoint(EndpointName=name, EndpointConfigName=local.config(model))
    reason = local.settled(name)["FailureReason"]
    assert reason.startswith(f'Failed to extract model data archive for container "container_1" from URL "{uri}".')


def test_model_data_is_mounted_read_only(local: SageMaker) -> None:
    uri = local.put("models/good.tar.gz", tar_gz(weights="w", deep__more="m"))
    code = """
try:
    (MODEL / 'new').write_text('')
    body = b'written'
except OSError:
    body = ' '.join(sorted(str(p.relative_to(MODEL)) for p in MODEL.rglob('*'))).encode()
self.answer(200, body)
"""
    model = local.name("model")
    container = {"Image": local.image, "ModelDataUrl": uri, "Environment": {"CODE": code}}
    local.create_model(ModelName=model, ExecutionRoleArn=local.role, PrimaryContainer=container)
    assert local.ask(local.endpoint(local.config(model))) == b"deep deep/more weights"


# 86
def test_requests_are_shared_out_by_weight(local: SageMaker) -> None:
    name = local.name("endpoint")
    variants = [
        {
            "VariantName": letter,
            "ModelName": local.model(says(letter)),
            "InstanceType": "ml.t2.medium",
            "InitialInstanceCount": 1,
            "InitialVariantWeight": weight,
        }
        for letter, weight in (("A", 1), ("B", 3))
    ]
    local.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
    local.create_endpoint(EndpointName=name, EndpointConfigName=name)
    assert local.settled(name)["EndpointStatus"] == "InService"

    def shares(number: int) -> Counter[str]:
        counted: Counter[str] = Counter()
        for _ in range(number):
            response = local.runtime.invoke_endpoint(EndpointName=name, Body=b"")
            assert response["InvokedProductionVariant"] == response["Body"].read().decode()
            counted[response["InvokedProductionVariant"]] += 1
        return counted

    assert shares(40) == {"A": 10, "B": 30}
    assert {local.ask(name, TargetVariant="A") for _ in range(4)} == {b"A"}
    code, message = refusal(local.runtime.invoke_endpoint, EndpointName=name, Body=b"", TargetVariant="C")
    assert code == "ValidationError"
    assert "C" in message

    # 87
    weights = [{"VariantName": "A", "DesiredWeight": 1}, {"VariantName": "B", "DesiredWeight": 0}]
    local.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=weights)
    described = {each["VariantName"]: each for each in local.settled(name)["ProductionVariants"]}
    assert (described["B"]["CurrentWeight"], described["B"]["DesiredWeight"]) == (0.0, 0.0)
    assert shares(10) == {"A": 10}
    assert local.ask(name, TargetVariant="B") == b"B"


# 87, 88
def test_capacities_change_and_are_retained_on_demand(local: SageMaker) -> None:
    first, second, third = (local.config(local.model(says(word))) for word in ("first", "second", "third"))
    name = local.endpoint(first)

    def capacity(count: int) -> None:
        wanted = [{"VariantName": "A", "DesiredInstanceCount": count, "DesiredWeight": 2}]
        local.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=wanted)
        assert local.describe_endpoint(EndpointName=name)["EndpointStatus"] in {"Updating", "InService"}

    def variant() -> tuple[int, int, float]:
        (described,) = local.settled(name)["ProductionVariants"]
        return described["CurrentInstanceCount"], described["DesiredInstanceCount"], described["CurrentWeight"]

    capacity(2)
    assert variant() == (2, 2, 2.0)
    assert len(containers(name)) == 2
    capacity(1)
    assert variant() == (1, 1, 2.0)
    assert len(containers(name)) == 1
    capacity(2)
    variant()
    local.update_endpoint(EndpointName=name, EndpointConfigName=second, RetainAllVariantProperties=True)
    assert variant() == (2, 2, 2.0)
    local.update_endpoint(EndpointName=name, EndpointConfigName=third)
    assert variant() == (1, 1, 1.0)

    def message(*wanted: dict[str, Any]) -> str:
        call = local.update_endpoint_weights_and_capacities
        return refusal(call, EndpointName=name, DesiredWeightsAndCapacities=list(wanted))[1]

    assert message({"VariantName": "Z", "DesiredWeight": 1}) == (
        f'The variant name(s) "Z" is/are not present within endpoint configuration "{third}".'
    )
    assert "DesiredInstanceCount" in message({"VariantName": "A", "DesiredInstanceCount": 0})
    assert message({"VariantName": "A", "DesiredInstanceCount": 5}).startswith(
        "The account-level service limit 'ml.t2.medium for endpoint usage' is 4 Instances, with current utilization "
        "of 0 Instances and a request delta of 5 Instances."
    )


def test_more_instances_than_this_machine_bears_are_a_quota(local: SageMaker) -> None:
    config = local.config(local.model(), InitialInstanceCount=5)
    code, message = refusal(local.create_endpoint, EndpointName=local.name(), EndpointConfigName=config)
    assert code == "ResourceLimitExceeded"
    assert "ml.t2.medium for endpoint usage" in message


# 97
def test_models_and_configurations_in_use_can_be_deleted(local: SageMaker) -> None:
    model = local.model(says("here"))
    config = local.config(model)
    name = local.endpoint(config)
    local.delete_endpoint_config(EndpointConfigName=config)
    local.delete_model(ModelName=model)
    assert local.ask(name) == b"here"
    assert local.describe_endpoint(EndpointName=name)["EndpointConfigName"] == config
    new = local.config(local.model())
    assert refusal(local.update_endpoint, EndpointName=name, EndpointConfigName=new) == (
        "ValidationException",
        f'Could not find endpoint configuration "{local.arn("endpoint-config", config)}".',
    )
    local.delete_endpoint(EndpointName=name)


def test_a_container_that_dies_is_replaced(local: SageMaker) -> None:
    name = local.endpoint(local.config(local.model("os._exit(1) if body == b'die' else self.answer(200, b'alive')")))
    (first,) = containers(name)
    code, _ = refusal(local.runtime.invoke_endpoint, EndpointName=name, Body=b"die")
    assert code == "ModelError"
    assert local.ask(name) == b"alive"
    assert first not in containers(name)
    assert local.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService"


def test_a_serverless_variant_is_served_by_one_container(local: SageMaker) -> None:
    name = local.name("endpoint")
    serverless = {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
    variant = {"VariantName": "A", "ModelName": local.model(says("here")), "ServerlessConfig": serverless}
    local.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    local.create_endpoint(EndpointName=name, EndpointConfigName=name)
    (described,) = local.settled(name)["ProductionVariants"]
    assert described["CurrentServerlessConfig"] == serverless
    assert local.ask(name, b"x" * 4 * 1024 * 1024) == b"here"
    # 93
    code, message = refusal(local.runtime.invoke_endpoint, EndpointName=name, Body=b"x" * (4 * 1024 * 1024 + 1))
    assert code == "ValidationError"
    assert message.endswith("has oversize body.")
    wrong = {**variant, "ServerlessConfig": {"MemorySizeInMB": 1500, "MaxConcurrency": 5}}
    request = {"EndpointConfigName": local.name(), "ProductionVariants": [wrong]}
    assert refusal(local.create_endpoint_config, **request)[0] == "ValidationException"
