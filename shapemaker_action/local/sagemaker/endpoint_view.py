"""DescribeEndpoint: what serves, and what is on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapemaker_action.local.sagemaker import endpoint, images
from shapemaker_action.local.sagemaker.endpoint_run import variants_of
from shapemaker_action.local.sagemaker.service import service

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.local.sagemaker.service import Service
    from shapemaker_action.local.sagemaker.variant import Variant
    from shapemaker_action.local.wire import Call
    from shapemaker_action.local.world import World


def describe(world: World, call: Call) -> dict[str, Any]:
    """ProductionVariants are absent until the endpoint has served for the first time."""
    record = endpoint.find(world, call)
    state = record.state
    deployed, pending = state.get("deployed"), state.get("pending")
    optional = {
        "FailureReason": state.get("failure"),
        "LastDeploymentConfig": state.get("last_policy"),
        "ProductionVariants": deployed and _variants(service(world), deployed, state.get("resized")),
        "PendingDeploymentSummary": pending and _pending(service(world), pending),
    }
    return {
        "EndpointName": record.name,
        "EndpointArn": record.arn,
        "EndpointConfigName": (deployed or pending or {}).get("config") or state.get("failed_config", ""),
        "EndpointStatus": record.status,
        "CreationTime": record.created,
        "LastModifiedTime": record.modified,
        **{name: value for name, value in optional.items() if value},
    }


def _variants(
    sagemaker: Service, deployed: Mapping[str, Any], resized: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    desired = {variant.name: variant for variant in variants_of(resized or deployed)}
    return [_summary(sagemaker, deployed, variant, desired[variant.name]) for variant in variants_of(deployed)]


def _pending(sagemaker: Service, pending: Mapping[str, Any]) -> dict[str, Any]:
    status = [{"Status": pending["stage"], "StartTime": pending["since"]}]
    return {
        "EndpointConfigName": pending["config"],
        "StartTime": pending["since"],
        "ProductionVariants": [
            {
                **_summary(sagemaker, pending, variant, variant),
                **({"InstanceType": variant.instance_type} if variant.instance_type else {}),
                "VariantStatus": status,
            }
            for variant in variants_of(pending)
        ],
    }


def _summary(sagemaker: Service, generation: Mapping[str, Any], variant: Variant, desired: Variant) -> dict[str, Any]:
    fleet = sagemaker.fleets.get(generation["generation"])
    shown: dict[str, Any] = {
        "VariantName": variant.name,
        "DeployedImages": [
            {
                "SpecifiedImage": variant.image,
                "ResolvedImage": variant.pinned or images.repository(variant.image),
                "ResolutionTime": variant.resolved_at,
            }
        ],
        "CurrentWeight": variant.weight,
        "DesiredWeight": desired.weight,
    }
    if variant.serverless:
        return {
            **shown,
            "CurrentServerlessConfig": variant.serverless,
            "DesiredServerlessConfig": variant.serverless,
        }
    return {
        **shown,
        "CurrentInstanceCount": fleet.count(variant.name) if fleet else 0,
        "DesiredInstanceCount": desired.count,
    }
