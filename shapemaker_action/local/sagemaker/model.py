"""Models: an inference image with model data, checked when they are created."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shapemaker_action.local.sagemaker import images, objects, role, tags
from shapemaker_action.local.sagemaker.listing import LISTABLE, page
from shapemaker_action.local.sagemaker.refusals import (
    ANY,
    Honoured,
    already_exists,
    invalid,
    missing,
    not_found,
    refuse_others,
)
from shapemaker_action.local.sagemaker.service import service
from shapemaker_action.local.sagemaker.store import Key, Record
from shapemaker_action.local.sagemaker.variant import MULTI_MODEL, ModelData

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.local.wire import Call
    from shapemaker_action.local.world import World

_CONTAINER: Honoured = {
    "Image": ANY,
    "ImageConfig.RepositoryAccessMode": ("Platform",),
    "Mode": ANY,
    "MultiModelConfig.ModelCacheSetting": ("Enabled",),
    "ModelDataUrl": ANY,
    "ModelDataSource.S3DataSource.S3Uri": ANY,
    "ModelDataSource.S3DataSource.S3DataType": ANY,
    "ModelDataSource.S3DataSource.CompressionType": ANY,
    "Environment": ANY,
    "ContainerHostname": ANY,
}
HONOURED: Honoured = {
    "ModelName": ANY,
    "ExecutionRoleArn": ANY,
    "Tags": ANY,
    **{f"{part}.{name}": values for part in ("PrimaryContainer", "Containers") for name, values in _CONTAINER.items()},
}


def create(world: World, call: Call) -> dict[str, Any]:
    """CreateModel: role, image and model data are looked at now, not when the model is deployed."""
    body = call.body
    arn = _arn(world, call)
    labels = tags.from_request(body.get("Tags"))
    container = _container(call)
    if service(world).store.get(_key(call)):
        raise already_exists("model", arn)
    if not body.get("ExecutionRoleArn"):
        raise missing("ExecutionRoleArn")
    role.check(world, call.region, body["ExecutionRoleArn"])
    images.require_hostable(world, container["Image"])
    if container.get("Mode") == MULTI_MODEL:
        images.require_multi_model(world, container["Image"])
    _require_data(world, call.region, ModelData.of(container))
    now = service(world).now()
    record = Record(
        kind="model",
        region=call.region,
        name=body["ModelName"],
        arn=arn,
        created=now,
        modified=now,
        request={name: value for name, value in body.items() if name != "Tags"},
        tags=labels,
    )
    if not service(world).store.add(record):
        raise already_exists("model", arn)
    return {"ModelArn": arn}


def primary(record: Record) -> dict[str, Any]:
    """The one container of a model."""
    container: dict[str, Any] = record.request.get("PrimaryContainer") or record.request["Containers"][0]
    return container


def _container(call: Call) -> dict[str, Any]:
    body = call.body
    given = [*([body["PrimaryContainer"]] if body.get("PrimaryContainer") else []), *(body.get("Containers") or [])]
    if body.get("PrimaryContainer") and body.get("Containers"):
        raise invalid("You must specify either PrimaryContainer or Containers, and not both of them.")
    if not given:
        raise missing("PrimaryContainer")
    refuse_others(call, HONOURED)
    if len(given) > 1:
        raise invalid("The local SageMaker does not honour more than one container of CreateModel.")
    container: dict[str, Any] = given[0]
    if not container.get("Image"):
        raise missing("PrimaryContainer.Image")
    if container.get("ModelDataUrl") and container.get("ModelDataSource"):
        raise invalid("You must specify either ModelDataUrl or ModelDataSource, and not both of them.")
    if container.get("Mode") == MULTI_MODEL:
        _check_shelf(container)
    return container


def _check_shelf(container: Mapping[str, Any]) -> None:
    """With an archive where a prefix belongs, no model would ever be found."""
    uri = container.get("ModelDataUrl", "")
    if container.get("ModelDataSource"):
        raise invalid("ModelDataSource is not supported for containers of mode MultiModel; specify ModelDataUrl.")
    if not uri:
        raise missing("PrimaryContainer.ModelDataUrl")
    if not uri.endswith("/"):
        raise invalid(f'The ModelDataUrl "{uri}" of a MultiModel container must be a prefix that ends with a slash.')


def _require_data(world: World, region: str, data: ModelData | None) -> None:
    if data is None:
        return
    place = objects.location(data.uri)
    if data.is_prefix and not data.uri.endswith("/"):
        raise invalid(f'The S3Uri "{data.uri}" of an S3Prefix must end with a slash.')
    client = world.client("s3", region)
    try:
        found = place is not None and (
            any(objects.keys(client, place, limit=1)) if data.is_prefix else objects.exists(client, place)
        )
    except ClientError:
        found = False
    if not found:
        raise invalid(f"Could not find model data at {data.uri}.")


def describe(world: World, call: Call) -> dict[str, Any]:
    """DescribeModel: what was given."""
    record = _find(world, call)
    return {
        "EnableNetworkIsolation": False,
        **record.request,
        "ModelArn": record.arn,
        "CreationTime": record.created,
    }


def list_models(world: World, call: Call) -> dict[str, Any]:
    """ListModels."""
    refuse_others(call, LISTABLE)
    records, token = page(service(world).store.all("model", call.region), call.body)
    return {
        "Models": [{"ModelName": r.name, "ModelArn": r.arn, "CreationTime": r.created} for r in records],
        **token,
    }


def delete(world: World, call: Call) -> dict[str, Any]:
    """DeleteModel: endpoints that serve it go on."""
    service(world).store.remove(_find(world, call).key)
    return {}


def _find(world: World, call: Call) -> Record:
    record = service(world).store.get(_key(call))
    if record is None:
        raise not_found("model", _arn(world, call))
    return record


def _key(call: Call) -> Key:
    return Key("model", call.region, call.body["ModelName"])


def _arn(world: World, call: Call) -> str:
    return world.realm(call.region).arn("sagemaker", f"model/{_key(call).slug}")
