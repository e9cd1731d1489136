"""Multi-model endpoints of the local SageMaker in real containers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support import probe_image
from tests.support.sagemaker import BUCKET, refusal, tar_gz

if TYPE_CHECKING:
    from tests.support.sagemaker import SageMaker

CODE = """
place = MODEL.parent / "models" / (self.path.split("/") + [""])[2] / "model"
if self.path == "/models":
    self.answer(200, b"")
else:
    said = [self.path.rpartition("/")[2], self.headers["X-Amzn-SageMaker-Target-Model"]]
    said += [os.environ["SAGEMAKER_MULTI_MODEL"], (place / "value.txt").read_text()]
    self.answer(200, " ".join(said).encode())
"""
PREFIX = f"s3://{BUCKET}/many/"


def container(local: SageMaker, **changes: Any) -> dict[str, Any]:
    """A container with many models, of an image that promises to take them."""
    image = probe_image.push(local.service, tag="many", capability="multi-models")
    made = {"Image": image, "Mode": "MultiModel", "ModelDataUrl": PREFIX, **changes}
    return {name: value for name, value in made.items() if value}


def deployed(local: SageMaker) -> str:
    name = local.name("model")
    primary = container(local, Environment={"CODE": CODE})
    local.create_model(ModelName=name, ExecutionRoleArn=local.role, PrimaryContainer=primary)
    return local.endpoint(local.config(name, InitialInstanceCount=2))


def test_containers_find_the_models_that_requests_name(local: SageMaker) -> None:
    local.put("many/a.tar.gz", tar_gz(**{"value.txt": "A"}))
    local.put("many/deep/b.tar.gz", tar_gz(**{"value.txt": "B"}))
    endpoint = deployed(local)
    for target, value in {"a.tar.gz": "A", "deep/b.tar.gz": "B"}.items():
        for _ in range(4):  # of two instances
            assert local.ask(endpoint, TargetModel=target) == f"invoke {target} true {value}".encode()
    code, message = refusal(local.runtime.invoke_endpoint, EndpointName=endpoint, Body=b"", TargetModel="c.tar.gz")
    assert code == "ValidationError"
    assert message.startswith(f"Failed to download model data(bucket: {BUCKET}, key: many/c.tar.gz).")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ModelDataUrl": f"{PREFIX}a.tar.gz"}, "must be a prefix that ends with a slash."),
        ({"ModelDataUrl": f"s3://{BUCKET}/none/"}, f"Could not find model data at s3://{BUCKET}/none/."),
        ({"ModelDataUrl": ""}, "Member must not be null"),
        ({"MultiModelConfig": {"ModelCacheSetting": "Disabled"}}, "MultiModelConfig.ModelCacheSetting=Disabled"),
    ],
)
def test_what_is_no_place_for_many_models_is_refused(local: SageMaker, changes: dict[str, Any], reason: str) -> None:
    local.put("many/a.tar.gz", tar_gz(**{"value.txt": "A"}))
    request = {"ModelName": local.name("model"), "ExecutionRoleArn": local.role}
    code, message = refusal(local.create_model, **request, PrimaryContainer=container(local, **changes))
    assert code == "ValidationException"
    assert reason in message


def test_an_image_that_does_not_promise_it_is_refused(local: SageMaker) -> None:
    local.put("many/a.tar.gz", tar_gz(**{"value.txt": "A"}))
    request = {"ModelName": local.name("model"), "ExecutionRoleArn": local.role}
    label = "com.amazonaws.sagemaker.capabilities.multi-models=true"
    assert refusal(local.create_model, **request, PrimaryContainer=container(local, Image=local.image)) == (
        "ValidationException",
        f"Your Ecr Image {local.image} does not contain required {label} Docker label(s).",
    )
