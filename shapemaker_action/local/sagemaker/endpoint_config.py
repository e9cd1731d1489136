"""Endpoint configurations: immutable lists of production variants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapemaker_action.local.sagemaker import model, role, tags
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
from shapemaker_action.local.sagemaker.variant import MULTI_MODEL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapemaker_action.local.wire import Call
    from shapemaker_action.local.world import World

HONOURED: Honoured = {
    "EndpointConfigName": ANY,
    "Tags": ANY,
    "ExecutionRoleArn": ANY,
    "ProductionVariants.VariantName": ANY,
    "ProductionVariants.ModelName": ANY,
    "ProductionVariants.InitialInstanceCount": ANY,
    "ProductionVariants.InstanceType": ANY,
    "ProductionVariants.InitialVariantWeight": ANY,
    # A serverless variant is one instance here that never sleeps.
    "ProductionVariants.ServerlessConfig.MemorySizeInMB": ANY,
    "ProductionVariants.ServerlessConfig.MaxConcurrency": ANY,
    "ProductionVariants.ServerlessConfig.ProvisionedConcurrency": ANY,
    # There is no volume to make, and S3 is on this machine.
    "ProductionVariants.VolumeSizeInGB": ANY,
    "ProductionVariants.ModelDataDownloadTimeoutInSeconds": ANY,
    "ProductionVariants.ContainerStartupHealthCheckTimeoutInSeconds": ANY,
    "ProductionVariants.RoutingConfig.RoutingStrategy": ("LEAST_OUTSTANDING_REQUESTS", "RANDOM"),
}
MEMORY_SIZES = (1024, 2048, 3072, 4096, 5120, 6144)


def create(world: World, call: Call) -> dict[str, Any]:
    """CreateEndpointConfig: its models must exist."""
    body = call.body
    arn = _arn(world, call)
    labels = tags.from_request(body.get("Tags"))
    refuse_others(call, HONOURED)
    _check(body["ProductionVariants"])
    if service(world).store.get(_key(call)):
        raise already_exists("endpoint-config", arn)
    for variant in body["ProductionVariants"]:
        _check_model(world, call.region, variant)
    if body.get("ExecutionRoleArn"):
        role.check(world, call.region, body["ExecutionRoleArn"])
    now = service(world).now()
    record = Record(
        kind="endpoint-config",
        region=call.region,
        name=body["EndpointConfigName"],
        arn=arn,
        created=now,
        modified=now,
        request={name: value for name, value in body.items() if name != "Tags"},
        tags=labels,
    )
    for variant in record.request["ProductionVariants"]:
        variant.setdefault("InitialVariantWeight", 1.0)
    if not service(world).store.add(record):
        raise already_exists("endpoint-config", arn)
    return {"EndpointConfigArn": arn}


def _check_model(world: World, region: str, variant: Mapping[str, Any]) -> None:
    found = service(world).store.get(Key("model", region, variant["ModelName"]))
    if found is None:
        raise not_found("model", world.realm(region).arn("sagemaker", f"model/{variant['ModelName'].lower()}"))
    if variant.get("ServerlessConfig") and model.primary(found).get("Mode") == MULTI_MODEL:
        raise invalid("Serverless endpoints do not support multi-model containers.")


def _check(variants: Sequence[Mapping[str, Any]]) -> None:
    names = [variant["VariantName"] for variant in variants]
    if len(set(names)) != len(names):
        raise invalid("Production variant names must be unique within an endpoint configuration.")
    for variant in variants:
        if not variant.get("ModelName"):
            raise missing("ProductionVariants.ModelName")
        _check_capacity(variant)
    if len(variants) > 1 and any(variant.get("ServerlessConfig") for variant in variants):
        raise invalid("Serverless endpoints do not support multiple production variants.")


def _check_capacity(variant: Mapping[str, Any]) -> None:
    serverless = variant.get("ServerlessConfig")
    if not serverless:
        absent = [f"ProductionVariants.{n}" for n in ("InstanceType", "InitialInstanceCount") if not variant.get(n)]
        if absent:
            raise missing(*absent)
        return
    if variant.get("InstanceType") or variant.get("InitialInstanceCount"):
        raise invalid(
            f"Production variant {variant['VariantName']} must have either a ServerlessConfig or instances, not both."
        )
    if serverless["MemorySizeInMB"] not in MEMORY_SIZES:
        raise invalid(f"MemorySizeInMB must be one of {', '.join(map(str, MEMORY_SIZES))}.")
    if serverless.get("ProvisionedConcurrency", 0) > serverless["MaxConcurrency"]:
        raise invalid("ProvisionedConcurrency must not be greater than MaxConcurrency.")


def describe(world: World, call: Call) -> dict[str, Any]:
    """DescribeEndpointConfig: what was given."""
    record = _find(world, call)
    return {
        "EnableNetworkIsolation": False,
        **record.request,
        "EndpointConfigArn": record.arn,
        "CreationTime": record.created,
    }


def list_configs(world: World, call: Call) -> dict[str, Any]:
    """ListEndpointConfigs."""
    refuse_others(call, LISTABLE)
    records, token = page(service(world).store.all("endpoint-config", call.region), call.body)
    return {
        "EndpointConfigs": [
            {"EndpointConfigName": r.name, "EndpointConfigArn": r.arn, "CreationTime": r.created} for r in records
        ],
        **token,
    }


def delete(world: World, call: Call) -> dict[str, Any]:
    """DeleteEndpointConfig: allowed while an endpoint uses it, which can't be updated from then on."""
    service(world).store.remove(_find(world, call).key)
    return {}


def find(world: World, region: str, name: str) -> Record:
    """The configuration of this name, or SageMaker's error."""
    key = Key("endpoint-config", region, name)
    record = service(world).store.get(key)
    if record is None:
        raise not_found("endpoint-config", world.realm(region).arn("sagemaker", f"endpoint-config/{key.slug}"))
    return record


def _find(world: World, call: Call) -> Record:
    return find(world, call.region, call.body["EndpointConfigName"])


def _key(call: Call) -> Key:
    return Key("endpoint-config", call.region, call.body["EndpointConfigName"])


def _arn(world: World, call: Call) -> str:
    return world.realm(call.region).arn("sagemaker", f"endpoint-config/{_key(call).slug}")
