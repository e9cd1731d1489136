"""Models and endpoints of the local SageMaker in real containers; the numbers are those of the conformance list."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
import urllib.request
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from shapemaker_action.local import lifecycle
from tests.support.local_service import client
from tests.support.probe_image import role as make_role
from tests.support.sagemaker import BUCKET, refusal, tar_gz, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.sagemaker import SageMaker

SLOW_PING = {"BEFORE": "BORN = time.time()", "PING": "self.answer(200 if time.time() > BORN + 3 else 503, b'')"}
"""Healthy after three seconds."""
BROKEN = {"BEFORE": "print('no model here', flush=True); sys.exit(1)"}
PING_REASON = (
    "The primary container for production variant A did not pass the ping health check. Please check CloudWatch logs "
    "for this endpoint."
)


def says(word: str) -> str:
    """Code that answers every request with a word."""
    return f"self.answer(200, b'{word}')"


def containers(endpoint: str) -> list[str]:
    """Ids of the containers of an endpoint, running or not."""
    label = f"label=shapemaker.endpoint=eu-west-1/{endpoint}"
    argv = ["docker", "ps", "--all", "--quiet", "--no-trunc", "--filter", label]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()


def shift(kind: str = "ALL_AT_ONCE", wait: int = 0, **more: Any) -> dict[str, Any]:
    """A DeploymentConfig for blue/green."""
    alarms = more.pop("alarms", ())
    config: dict[str, Any] = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": wait, **more.pop("routing", {})},
            **more,
        }
    }
    if alarms:
        config["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": name} for name in alarms]}
    return config


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


@contextmanager
def requests(local: SageMaker, endpoint: str) -> Iterator[Counter[str]]:
    """Four clients that ask all the time; the answers and, as `failed …`, what went wrong."""
    answers: Counter[str] = Counter()
    enough = threading.Event()

    def ask() -> None:
        while not enough.is_set():
            try:
                answer = local.ask(endpoint, b"x").decode()
            except local.runtime.exceptions.ClientError as error:
                answer = f"failed {error}"
            answers[answer] += 1

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    try:
        yield answers
    finally:
        enough.set()
        for asker in askers:
            asker.join()


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


# 70, 106
def test_a_model_name_is_used_once(local: SageMaker) -> None:
    name = local.model()
    request = {"ModelName": name, "ExecutionRoleArn": local.role, "PrimaryContainer": {"Image": local.image}}
    assert refusal(local.create_model, **request) == (
        "ValidationException",
        f'Cannot create already existing model "{local.arn("model", name)}".',
    )


# 71
def test_hosting_refuses_other_manifests_than_dockers(local: SageMaker) -> None:
    host, _, rest = local.image.partition("/")
    repository, _, tag = rest.partition(":")
    authorization = base64.b64encode(f"AWS:{local.service.registry_password}".encode()).decode()

    def exchange(method: str, reference: str, body: bytes | None = None, kind: str = "") -> bytes:
        request = urllib.request.Request(
            f"http://{host}/v2/{repository}/manifests/{reference}",
            data=body,
            method=method,
            headers={"Authorization": f"Basic {authorization}", "Content-Type": kind, "Accept": "*/*"},
        )
        with urllib.request.urlopen(request) as response:  # noqa: S310 - the same
            answer: bytes = response.read()
        return answer

    manifest = json.loads(exchange("GET", tag))
    oci = "application/vnd.oci.image.manifest.v1+json"
    manifest["mediaType"] = oci
    manifest["config"]["mediaType"] = "application/vnd.oci.image.config.v1+json"
    for layer in manifest["layers"]:
        layer["mediaType"] = "application/vnd.oci.image.layer.v1.tar+gzip"
    exchange("PUT", "oci", json.dumps(manifest).encode(), oci)
    image = f"{host}/{repository}:oci"
    request = {"ModelName": local.name(), "ExecutionRoleArn": local.role, "PrimaryContainer": {"Image": image}}
    assert refusal(local.create_model, **request) == (
        "ValidationException",
        (
            f"Unsupported manifest media type {oci} for image {image}. "
            "Ensure that valid manifest media type is used for specified image."
        ),
    )
    request["PrimaryContainer"] = {"Image": f"{host}/{repository}:nowhere"}
    assert refusal(local.create_model, **request) == (
        "ValidationException",
        f"Requested image {host}/{repository}:nowhere not found.",
    )


# 72, 73
def test_model_data_and_role_are_looked_at_when_the_model_is_created(local: SageMaker) -> None:
    def message(container: dict[str, Any] | None = None, role: str = local.role) -> str:
        primary = {"Image": local.image, **(container or {})}
        request = {"ModelName": local.name(), "ExecutionRoleArn": role, "PrimaryContainer": primary}
        code, text = refusal(local.create_model, **request)
        assert code == "ValidationException"
        return text

    for uri in (f"s3://{BUCKET}/no/model.tar.gz", "s3://no-such-bucket/model.tar.gz"):
        assert message({"ModelDataUrl": uri}) == f"Could not find model data at {uri}."
    prefix = {"S3Uri": f"s3://{BUCKET}/no/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    assert message({"ModelDataSource": {"S3DataSource": prefix}}) == f"Could not find model data at s3://{BUCKET}/no/."
    foreign = make_role(local.service, "other-service", "lambda.amazonaws.com")
    assert message(role=foreign) == (
        f"Could not assume role {foreign}. Please ensure that the role exists and allows principal "
        "'sagemaker.amazonaws.com' to assume the role."
    )


# 74, 75, 106
def test_what_is_not_there_is_not_found(local: SageMaker) -> None:
    variant = {"VariantName": "A", "ModelName": "nowhere", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    model = f'Could not find model "{local.arn("model", "nowhere")}".'
    config = f'Could not find endpoint configuration "{local.arn("endpoint-config", "nowhere")}".'
    endpoint = f'Could not find endpoint "{local.arn("endpoint", "nowhere")}".'
    desired = [{"VariantName": "A", "DesiredWeight": 1}]
    for call, request, message in (
        (local.describe_model, {"ModelName": "nowhere"}, model),
        (local.delete_model, {"ModelName": "nowhere"}, model),
        (
            local.create_endpoint_config,
            {"EndpointConfigName": local.name(), "ProductionVariants": [variant]},
            model,
        ),
        (local.describe_endpoint_config, {"EndpointConfigName": "nowhere"}, config),
        (local.delete_endpoint_config, {"EndpointConfigName": "nowhere"}, config),
        (local.create_endpoint, {"EndpointName": local.name(), "EndpointConfigName": "nowhere"}, config),
        (local.describe_endpoint, {"EndpointName": "nowhere"}, endpoint),
        (local.delete_endpoint, {"EndpointName": "nowhere"}, endpoint),
        (local.update_endpoint, {"EndpointName": "nowhere", "EndpointConfigName": "nowhere"}, endpoint),
        (
            local.update_endpoint_weights_and_capacities,
            {"EndpointName": "nowhere", "DesiredWeightsAndCapacities": desired},
            endpoint,
        ),
    ):
        assert refusal(call, **request) == ("ValidationException", message)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("DataCaptureConfig", {
            "EnableCapture": True,
            "InitialSamplingPercentage": 1,
            "DestinationS3Uri": "s3://b/x",
            "CaptureOptions": [{"CaptureMode": "Input"}],
        }),
        ("AsyncInferenceConfig", {"OutputConfig": {"S3OutputPath": "s3://bucket/async"}}),
        ("ShadowProductionVariants", [{"VariantName": "S", "ModelName": "m"}]),
    ],
)  # fmt: skip
def test_a_configuration_that_is_not_honoured_is_refused_by_name(local: SageMaker, field: str, value: Any) -> None:
    variant = {
        "VariantName": "A",
        "ModelName": local.model(),
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    request = {"EndpointConfigName": local.name(), "ProductionVariants": [variant], field: value}
    code, message = refusal(local.create_endpoint_config, **request)
    assert code == "ValidationException"
    assert field in message


def test_described_as_created(local: SageMaker) -> None:
    model = local.model("pass", COLOUR="blue")
    described = local.describe_model(ModelName=model)
    assert described["PrimaryContainer"] == {
        "Image": local.image,
        "Environment": {"CODE": "pass", "COLOUR": "blue"},
    }
    assert described["ModelArn"] == local.arn("model", model)
    config = local.config(model, ContainerStartupHealthCheckTimeoutInSeconds=60)
    (variant,) = local.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    assert variant == {
        "VariantName": "A",
        "ModelName": model,
        "InstanceType": "ml.t2.medium",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": 1.0,
        "ContainerStartupHealthCheckTimeoutInSeconds": 60,
    }


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


# 108
@pytest.mark.parametrize("gently", [True, False])
def test_an_endpoint_comes_back_with_the_server(local: SageMaker, gently: bool) -> None:  # noqa: FBT001 - a case
    uri = local.put("models/restart.tar.gz", tar_gz(word="kept"))
    model = local.name("model")
    environment = {"CODE": "self.answer(200, (MODEL / 'word').read_bytes())"}
    container = {"Image": local.image, "ModelDataUrl": uri, "Environment": environment}
    local.create_model(ModelName=model, ExecutionRoleArn=local.role, PrimaryContainer=container)
    name = local.endpoint(local.config(model))
    before = containers(name)
    local.s3.delete_object(Bucket=BUCKET, Key="models/restart.tar.gz")
    if gently:
        lifecycle.down(local.service.state)
        assert containers(name) == []
    else:
        local.kill()
        assert containers(name) == before
    local.up()
    assert local.ask(name) == b"kept"
    described = local.settled(name)
    assert described["EndpointStatus"] == "InService"
    until(lambda: local.describe_endpoint(EndpointName=name)["ProductionVariants"][0]["CurrentInstanceCount"] == 1)
    assert len(containers(name)) == 1
    assert containers(name) != before
    local.delete_endpoint(EndpointName=name)


# 108
def test_what_was_under_way_goes_on_after_the_server_is_killed(local: SageMaker) -> None:
    old, new = local.config(local.model(says("old"))), local.config(local.model(says("new"), **SLOW_PING))
    updated, deleted, created = local.endpoint(old), local.endpoint(old), local.name("endpoint")
    local.create_endpoint(EndpointName=created, EndpointConfigName=new)
    local.update_endpoint(EndpointName=updated, EndpointConfigName=new)
    local.delete_endpoint(EndpointName=deleted)
    local.kill()
    local.up()
    for name in (updated, created):
        described = local.settled(name)
        assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", new)
        assert local.ask(name) == b"new"
    until(lambda: not local.list_endpoints(NameContains=deleted)["Endpoints"])
    until(lambda: [len(containers(name)) for name in (updated, created, deleted)] == [1, 1, 0])
