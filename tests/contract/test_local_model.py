"""Models and endpoint configurations of the local SageMaker; the numbers are those of the conformance list."""

from __future__ import annotations

import base64
import json
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.probe_image import role as make_role
from tests.support.sagemaker import BUCKET, refusal

if TYPE_CHECKING:
    from tests.support.sagemaker import SageMaker


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
