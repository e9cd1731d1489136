"""Endpoints: create, update, describe, list, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapemaker_action.local.sagemaker import endpoint_config, images, model, scaling, tags
from shapemaker_action.local.sagemaker.deployment import Policy
from shapemaker_action.local.sagemaker.endpoint_run import EndpointRun, plan, variants_of
from shapemaker_action.local.sagemaker.listing import LISTABLE, page
from shapemaker_action.local.sagemaker.refusals import ANY, Honoured, already_exists, invalid, not_found, refuse_others
from shapemaker_action.local.sagemaker.service import service
from shapemaker_action.local.sagemaker.store import Key, Record
from shapemaker_action.local.sagemaker.variant import Variant
from shapemaker_action.local.wire import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapemaker_action.local.wire import Call
    from shapemaker_action.local.world import World

CREATABLE: Honoured = dict.fromkeys(("EndpointName", "EndpointConfigName", "DeploymentConfig", "Tags"), ANY)
UPDATABLE: Honoured = dict.fromkeys(
    (
        "EndpointName",
        "EndpointConfigName",
        "RetainAllVariantProperties",
        "ExcludeRetainedVariantProperties",
        "DeploymentConfig",
        "RetainDeploymentConfig",
    ),
    ANY,
)
RESIZABLE: Honoured = dict.fromkeys(
    (
        "EndpointName",
        "DesiredWeightsAndCapacities.VariantName",
        "DesiredWeightsAndCapacities.DesiredWeight",
        "DesiredWeightsAndCapacities.DesiredInstanceCount",
    ),
    ANY,
)
BUSY = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")
INSTANCE_LIMIT = 4
"""Instances of one endpoint: each is a real container on this machine."""


def create(world: World, call: Call) -> dict[str, Any]:
    """CreateEndpoint."""
    body, key = call.body, _key(call)
    arn = _arn(world, call)
    labels = tags.from_request(body.get("Tags"))
    refuse_others(call, CREATABLE)
    if service(world).store.get(key):
        raise already_exists("endpoint", arn)
    variants = _variants(world, call)
    _require_quota(variants)
    Policy.of(body.get("DeploymentConfig"), variants)
    now = service(world).now()
    record = Record(
        kind="endpoint",
        region=call.region,
        name=body["EndpointName"],
        arn=arn,
        created=now,
        modified=now,
        request={},
        tags=labels,
        state={
            "status": "Creating",
            "pending": plan(body["EndpointConfigName"], variants, now),
            # Kept for an update with RetainDeploymentConfig; a creation has nothing to shift.
            "last_policy": body.get("DeploymentConfig"),
        },
    )
    if not service(world).store.add(record):
        raise already_exists("endpoint", arn)
    EndpointRun(service(world), key).start(EndpointRun.create)
    return {"EndpointArn": arn}


def update(world: World, call: Call) -> dict[str, Any]:
    """UpdateEndpoint: to another configuration, blue/green or rolling."""
    body = call.body
    refuse_others(call, UPDATABLE)
    record = _idle(world, call)
    deployed = record.state["deployed"]
    _require_alarms(world, call)
    if body["EndpointConfigName"] == deployed["config"]:
        raise invalid(
            f'Cannot update endpoint "{record.arn}" with the endpoint configuration that it uses already '
            f'("{deployed["config"]}").'
        )
    # SageMaker cannot change an endpoint whose present configuration was deleted.
    endpoint_config.find(world, call.region, deployed["config"])
    variants = _retained(body, variants_of(deployed), _variants(world, call))
    _require_quota(variants)
    policy = body.get("DeploymentConfig")
    if body.get("RetainDeploymentConfig"):
        if policy:
            raise invalid("DeploymentConfig cannot be specified together with RetainDeploymentConfig.")
        policy = record.state.get("last_policy")
    _check_transition(variants_of(deployed), variants, Policy.of(policy, variants))
    scaling.require_free(world, record.key, variants_of(deployed), variants)
    pending = {**plan(body["EndpointConfigName"], variants, service(world).now()), "policy": policy}

    def begin(current: Record) -> None:
        _require_idle(current)
        current.state.update(status="Updating", pending=pending, last_policy=policy)
        current.state.pop("failure", None)

    service(world).store.change(record.key, begin)
    EndpointRun(service(world), record.key).start(EndpointRun.update)
    return {"EndpointArn": record.arn}


def resize(world: World, call: Call) -> dict[str, Any]:
    """UpdateEndpointWeightsAndCapacities."""
    refuse_others(call, RESIZABLE)
    record = _idle(world, call)
    changes = {each["VariantName"]: each for each in call.body["DesiredWeightsAndCapacities"]}
    resized = record.state["deployed"]
    unknown = sorted(changes.keys() - {each["name"] for each in resized["variants"]})
    if unknown:
        raise invalid(
            f'The variant name(s) "{", ".join(unknown)}" is/are not present within endpoint configuration '
            f'"{resized["config"]}".'
        )
    counts = [each["DesiredInstanceCount"] for each in changes.values() if "DesiredInstanceCount" in each]
    if len(counts) > 1:
        raise invalid("The capacity of only one production variant can be changed in one request.")
    if 0 in counts:
        raise invalid("DesiredInstanceCount must be at least 1 for a real-time endpoint.")
    for each in resized["variants"]:
        change = changes.get(each["name"], {})
        each["weight"] = float(change.get("DesiredWeight", each["weight"]))
        each["count"] = change.get("DesiredInstanceCount", each["count"])
    _require_quota(variants_of(resized))

    def begin(current: Record) -> None:
        _require_idle(current)
        current.state.update(status="Updating", resized=resized)
        current.state.pop("failure", None)

    service(world).store.change(record.key, begin)
    EndpointRun(service(world), record.key).start(EndpointRun.resize)
    return {"EndpointArn": record.arn}


def delete(world: World, call: Call) -> dict[str, Any]:
    """DeleteEndpoint: possible unless a change is under way."""

    def begin(record: Record) -> None:
        if record.status in BUSY:
            raise _in_progress(record.arn)
        record.state["status"] = "Deleting"

    record = service(world).store.change(_key(call), begin)
    if record is None:
        raise not_found("endpoint", _arn(world, call))
    if deployed := record.state.get("deployed"):
        scaling.deregister(world, record.key, variants_of(deployed))
    EndpointRun(service(world), record.key).start(EndpointRun.delete)
    return {}


def list_endpoints(world: World, call: Call) -> dict[str, Any]:
    """ListEndpoints."""
    refuse_others(call, LISTABLE)
    records, token = page(service(world).store.all("endpoint", call.region), call.body)
    return {
        "Endpoints": [
            {
                "EndpointName": record.name,
                "EndpointArn": record.arn,
                "CreationTime": record.created,
                "LastModifiedTime": record.modified,
                "EndpointStatus": record.status,
            }
            for record in records
        ],
        **token,
    }


def find(world: World, call: Call) -> Record:
    """The endpoint that a call names, or SageMaker's error."""
    record = service(world).store.get(_key(call))
    if record is None:
        raise not_found("endpoint", _arn(world, call))
    return record


def _idle(world: World, call: Call) -> Record:
    record = find(world, call)
    _require_idle(record)
    return record


def _require_idle(record: Record) -> None:
    if record.status in BUSY:
        raise _in_progress(record.arn)
    if record.status != "InService":
        raise invalid(f'Cannot update endpoint "{record.arn}" in status {record.status}; it can only be deleted.')


def _in_progress(arn: str) -> ApiError:
    return invalid(f'Cannot update in-progress endpoint "{arn}".')


def _variants(world: World, call: Call) -> list[Variant]:
    """The variants of the configuration that a call names, with their images resolved now."""
    config = endpoint_config.find(world, call.region, call.body["EndpointConfigName"])
    found: list[Variant] = []
    for entry in config.request["ProductionVariants"]:
        key = Key("model", call.region, entry["ModelName"])
        record = service(world).store.get(key)
        if record is None:
            raise not_found("model", world.realm(call.region).arn("sagemaker", f"model/{key.slug}"))
        container = model.primary(record)
        found.append(Variant.of(entry, container, images.pinned(world, container["Image"]), service(world).now()))
    return found


def _retained(body: Mapping[str, Any], old: Sequence[Variant], new: Sequence[Variant]) -> list[Variant]:
    """The new variants with what RetainAllVariantProperties keeps of those of the same name."""
    if not body.get("RetainAllVariantProperties"):
        return list(new)
    given_up = {each["VariantPropertyType"] for each in body.get("ExcludeRetainedVariantProperties") or ()}
    before = {variant.name: variant for variant in old}
    return [
        variant.scaled(
            count=before[variant.name].count if "DesiredInstanceCount" not in given_up else variant.count,
            weight=before[variant.name].weight if "DesiredWeight" not in given_up else variant.weight,
        )
        if variant.name in before
        else variant
        for variant in new
    ]


def _check_transition(old: Sequence[Variant], new: Sequence[Variant], policy: Policy) -> None:
    """What cannot become what."""
    if any(variant.serverless for variant in old) != any(variant.serverless for variant in new):
        raise invalid("An endpoint cannot be updated from instances to serverless or back.")
    if policy.rolling and [variant.name for variant in old] != [variant.name for variant in new]:
        raise invalid("RollingUpdatePolicy needs the same production variant in the old and the new configuration.")


def _require_quota(variants: Sequence[Variant]) -> None:
    wanted = sum(variant.count for variant in variants)
    if wanted > INSTANCE_LIMIT:
        kind = next((variant.instance_type for variant in variants if variant.instance_type), "ml.m5.large")
        raise ApiError(
            "ResourceLimitExceeded",
            f"The account-level service limit '{kind} for endpoint usage' is {INSTANCE_LIMIT} Instances, with current "
            f"utilization of 0 Instances and a request delta of {wanted} Instances. Please use AWS Service Quotas to "
            "request an increase for this quota. If AWS Service Quotas is not available, contact AWS support to "
            f"request an increase for this quota. (The local SageMaker runs at most {INSTANCE_LIMIT} per endpoint.)",
        )


def _require_alarms(world: World, call: Call) -> None:
    """An alarm that isn't there would never stop a bad deployment."""
    config = (call.body.get("DeploymentConfig") or {}).get("AutoRollbackConfiguration") or {}
    names = [alarm["AlarmName"] for alarm in config.get("Alarms") or ()]
    if not names:
        return
    found = world.client("cloudwatch", call.region).describe_alarms(AlarmNames=names)
    known = {alarm["AlarmName"] for kind in ("MetricAlarms", "CompositeAlarms") for alarm in found.get(kind, [])}
    if absent := sorted(set(names) - known):
        raise invalid(f"The CloudWatch alarms {', '.join(absent)} in AutoRollbackConfiguration do not exist.")


def _key(call: Call) -> Key:
    return Key("endpoint", call.region, call.body["EndpointName"])


def _arn(world: World, call: Call) -> str:
    return world.realm(call.region).arn("sagemaker", f"endpoint/{_key(call).slug}")
