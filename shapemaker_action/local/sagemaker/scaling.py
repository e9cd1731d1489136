"""Application Auto Scaling as far as endpoints heed it: what is registered for their variants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.local.sagemaker.refusals import invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapemaker_action.local.sagemaker.store import Key
    from shapemaker_action.local.sagemaker.variant import Variant
    from shapemaker_action.local.world import World

NAMESPACE = "sagemaker"


def require_free(world: World, endpoint: Key, old: Sequence[Variant], new: Sequence[Variant]) -> None:
    """Raise if an update would take away, or change the instance type of, a variant that is a scalable target."""
    kinds = {variant.name: variant.instance_type for variant in new}
    for variant in old:
        if kinds.get(variant.name) != variant.instance_type and _dimensions(world, endpoint, variant.name):
            raise invalid(
                f"The production variant {variant.name} of endpoint {endpoint.name} is a scalable target of "
                "Application Auto Scaling. Deregister it before you remove the variant or change its instance type."
            )


def deregister(world: World, endpoint: Key, variants: Sequence[Variant]) -> None:
    """What SageMaker does for an endpoint that is deleted."""
    client = world.client("application-autoscaling", endpoint.region)
    for variant in variants:
        for dimension in _dimensions(world, endpoint, variant.name):
            client.deregister_scalable_target(
                ServiceNamespace=NAMESPACE,
                ResourceId=_resource(endpoint, variant.name),
                ScalableDimension=dimension,
            )


def _dimensions(world: World, endpoint: Key, variant: str) -> list[str]:
    found = world.client("application-autoscaling", endpoint.region).describe_scalable_targets(
        ServiceNamespace=NAMESPACE, ResourceIds=[_resource(endpoint, variant)]
    )
    return [target["ScalableDimension"] for target in found["ScalableTargets"]]


def _resource(endpoint: Key, variant: str) -> str:
    return f"endpoint/{endpoint.name}/variant/{variant}"
