"""Processing jobs: create, describe, list, stop."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from shapemaker_action.local.sagemaker import channel, job_record, role, tags
from shapemaker_action.local.sagemaker.job_record import TERMINAL, first_state, tidy
from shapemaker_action.local.sagemaker.listing import LISTABLE, page
from shapemaker_action.local.sagemaker.processing_run import ProcessingRun
from shapemaker_action.local.sagemaker.processing_spec import ProcessingSpec, stopping
from shapemaker_action.local.sagemaker.refusals import ANY, Honoured, invalid, missing, refuse_others
from shapemaker_action.local.sagemaker.service import service
from shapemaker_action.local.sagemaker.store import Key, Record
from shapemaker_action.local.wire import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shapemaker_action.local.wire import Call
    from shapemaker_action.local.world import World

HONOURED: Honoured = {
    "ProcessingJobName": ANY,
    "RoleArn": ANY,
    "Tags": ANY,
    "Environment": ANY,
    "AppSpecification": ANY,
    "ProcessingResources.ClusterConfig.InstanceCount": ANY,
    "ProcessingResources.ClusterConfig.InstanceType": ANY,
    # There is no volume to make: the disk of this machine is what there is.
    "ProcessingResources.ClusterConfig.VolumeSizeInGB": ANY,
    "ProcessingInputs.InputName": ANY,
    "ProcessingInputs.S3Input.S3Uri": ANY,
    "ProcessingInputs.S3Input.LocalPath": ANY,
    "ProcessingInputs.S3Input.S3DataType": ANY,
    "ProcessingInputs.S3Input.S3InputMode": ("File",),
    "ProcessingInputs.S3Input.S3DataDistributionType": ANY,
    "ProcessingInputs.S3Input.S3CompressionType": ("None",),
    "ProcessingOutputConfig.Outputs.OutputName": ANY,
    "ProcessingOutputConfig.Outputs.S3Output.S3Uri": ANY,
    "ProcessingOutputConfig.Outputs.S3Output.LocalPath": ANY,
    # Continuous promises no moment for an upload: here it is the end.
    "ProcessingOutputConfig.Outputs.S3Output.S3UploadMode": ANY,
    "StoppingCondition": ANY,
    "NetworkConfig.EnableNetworkIsolation": ANY,
}
ECHOED = (
    "ProcessingJobName",
    "ProcessingInputs",
    "ProcessingOutputConfig",
    "ProcessingResources",
    "AppSpecification",
    "Environment",
    "NetworkConfig",
    "RoleArn",
)


def create(world: World, call: Call) -> dict[str, Any]:
    """Check the request as SageMaker does, then start the job."""
    body = call.body
    check(call)
    key = Key("processing-job", call.region, body["ProcessingJobName"])
    arn = world.realm(call.region).arn("sagemaker", f"processing-job/{key.slug}")
    if service(world).store.get(key):
        raise _taken(arn)
    spec = ProcessingSpec.of(body)
    labels = tags.from_request(body.get("Tags"))
    role.check(world, call.region, body["RoleArn"])
    for each in spec.inputs:
        channel.require_data(world, call.region, each.source, body["RoleArn"])
    now = service(world).now()
    record = Record(
        kind="processing-job",
        region=call.region,
        name=body["ProcessingJobName"],
        arn=arn,
        created=now,
        modified=now,
        request=body,
        tags=labels,
        state=first_state(world, spec.image, spec.hosts),
    )
    if not service(world).store.add(record):
        raise _taken(arn)
    begin(world, record)
    return {"ProcessingJobArn": arn}


def begin(world: World, record: Record) -> None:
    """Set a job to work in the background."""
    run = ProcessingRun(service(world), record)
    service(world).jobs[record.key] = run
    world.start(f"processing {record.name}", run)


def resume(world: World) -> None:
    """Go on with the jobs that an earlier server left, and clear up behind those that it finished."""
    for record in service(world).store.all("processing-job"):
        if record.status not in TERMINAL:
            begin(world, record)
        elif not record.state.get("tidy"):
            world.start(f"tidy {record.name}", partial(tidy, service(world), record))


def check(call: Call) -> None:
    """What SageMaker demands beyond the service model, and what cannot be had here."""
    refuse_others(call, HONOURED)
    absent = list(dict.fromkeys(_gaps(call.body)))
    if absent:
        raise missing(*absent)
    paths = [
        item[part]["LocalPath"]
        for items, part in ((call.body.get("ProcessingInputs"), "S3Input"), (_outputs(call.body), "S3Output"))
        for item in items or ()
    ]
    for path in paths:
        if not path.startswith("/") or ".." in path.split("/"):
            raise invalid(f"The LocalPath {path} is not an absolute path.")
    if len(set(paths)) != len(paths):
        raise invalid("Inputs and outputs of a processing job must have different LocalPaths.")


def _gaps(body: Mapping[str, Any]) -> Iterator[str]:
    cluster = body["ProcessingResources"].get("ClusterConfig") or {}
    for name in ("InstanceCount", "InstanceType"):
        if name not in cluster:
            yield f"ProcessingResources.ClusterConfig.{name}"
    for item in body.get("ProcessingInputs") or ():
        if not (item.get("S3Input") or {}).get("LocalPath"):
            yield "ProcessingInputs.S3Input.LocalPath"
    for item in _outputs(body):
        if not (item.get("S3Output") or {}).get("LocalPath"):
            yield "ProcessingOutputConfig.Outputs.S3Output.LocalPath"


def _outputs(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return (body.get("ProcessingOutputConfig") or {}).get("Outputs") or []


def describe(world: World, call: Call) -> dict[str, Any]:
    """DescribeProcessingJob."""
    record = _find(world, call)
    state = record.state
    optional = {
        "ExitMessage": state.get("message"),
        "FailureReason": state.get("failure"),
        "ProcessingStartTime": state.get("started"),
        "ProcessingEndTime": state.get("ended"),
    }
    return {
        **{name: record.request[name] for name in ECHOED if name in record.request},
        "StoppingCondition": stopping(record.request),
        "ProcessingJobArn": record.arn,
        "ProcessingJobStatus": record.status,
        "CreationTime": record.created,
        "LastModifiedTime": record.modified,
        **{name: value for name, value in optional.items() if value},
    }


def list_jobs(world: World, call: Call) -> dict[str, Any]:
    """ListProcessingJobs."""
    refuse_others(call, LISTABLE)
    records, token = page(service(world).store.all("processing-job", call.region), call.body)
    return {"ProcessingJobSummaries": [_summary(record) for record in records], **token}


def stop(world: World, call: Call) -> dict[str, Any]:
    """StopProcessingJob."""

    def apply(record: Record) -> None:
        if record.status in TERMINAL:
            raise invalid(f"The request was rejected because the processing job is in status {record.status}.")
        record.state["status"] = "Stopping"

    record = service(world).store.change(_find(world, call).key, apply)
    if record and (run := service(world).jobs.get(record.key)):
        run.stop()
    return {}


def delete(world: World, call: Call) -> dict[str, Any]:
    """DeleteProcessingJob."""
    return job_record.delete(world, _find(world, call))


def _summary(record: Record) -> dict[str, Any]:
    optional = {
        "ProcessingEndTime": record.state.get("ended"),
        "FailureReason": record.state.get("failure"),
        "ExitMessage": record.state.get("message"),
    }
    return {
        "ProcessingJobName": record.name,
        "ProcessingJobArn": record.arn,
        "CreationTime": record.created,
        "LastModifiedTime": record.modified,
        "ProcessingJobStatus": record.status,
        **{name: value for name, value in optional.items() if value},
    }


def _find(world: World, call: Call) -> Record:
    name = call.body["ProcessingJobName"]
    record = service(world).store.get(Key("processing-job", call.region, name))
    if record is None:
        raise invalid(f"Could not find requested job with name: {name}")
    return record


def _taken(arn: str) -> ApiError:
    return ApiError(
        "ResourceInUse",
        f"Job name must be unique within an AWS account and region, and a job with this name already exists ({arn})",
    )
