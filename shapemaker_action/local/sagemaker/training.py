"""Training jobs: create, describe, list, stop, delete."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from shapemaker_action.local.sagemaker import channel, job_record, metrics, role, tags
from shapemaker_action.local.sagemaker.job_record import TERMINAL, first_state, tidy
from shapemaker_action.local.sagemaker.listing import LISTABLE, page
from shapemaker_action.local.sagemaker.refusals import ANY, Honoured, invalid, missing, refuse_others
from shapemaker_action.local.sagemaker.service import service
from shapemaker_action.local.sagemaker.store import Key, Record
from shapemaker_action.local.sagemaker.training_run import TrainingRun
from shapemaker_action.local.sagemaker.training_spec import TrainingSpec, stopping
from shapemaker_action.local.sagemaker.transitions import enter
from shapemaker_action.local.wire import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.local.wire import Call
    from shapemaker_action.local.world import World

HONOURED: Honoured = {
    "TrainingJobName": ANY,
    "RoleArn": ANY,
    "HyperParameters": ANY,
    "Environment": ANY,
    "Tags": ANY,
    "AlgorithmSpecification.TrainingImage": ANY,
    "AlgorithmSpecification.TrainingInputMode": ANY,
    "AlgorithmSpecification.MetricDefinitions": ANY,
    "AlgorithmSpecification.EnableSageMakerMetricsTimeSeries": ANY,
    "AlgorithmSpecification.ContainerEntrypoint": ANY,
    "AlgorithmSpecification.ContainerArguments": ANY,
    "AlgorithmSpecification.TrainingImageConfig.TrainingRepositoryAccessMode": ("Platform",),
    "InputDataConfig.ChannelName": ANY,
    "InputDataConfig.ContentType": ANY,
    "InputDataConfig.InputMode": ANY,
    "InputDataConfig.CompressionType": ("None",),
    "InputDataConfig.RecordWrapperType": ("None",),
    "InputDataConfig.DataSource.S3DataSource.S3Uri": ANY,
    "InputDataConfig.DataSource.S3DataSource.S3DataType": ("S3Prefix", "ManifestFile"),
    "InputDataConfig.DataSource.S3DataSource.S3DataDistributionType": ANY,
    "OutputDataConfig.S3OutputPath": ANY,
    "OutputDataConfig.CompressionType": ANY,
    "ResourceConfig.InstanceType": ANY,
    "ResourceConfig.InstanceCount": ANY,
    # There is no volume to make: the disk of this machine is what there is.
    "ResourceConfig.VolumeSizeInGB": ANY,
    "StoppingCondition": ANY,
    "CheckpointConfig": ANY,
    "EnableNetworkIsolation": ANY,
    # Spot instances are never taken away here.
    "EnableManagedSpotTraining": ANY,
    # The two are always sent by SageMaker's own SDK; the debugger and the profiler live in the container.
    "DebugHookConfig": ANY,
    "ProfilerConfig": ANY,
    "RetryStrategy": ANY,
}
ECHOED = (
    "TrainingJobName",
    "HyperParameters",
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "Environment",
    "CheckpointConfig",
    "DebugHookConfig",
    "ProfilerConfig",
    "RetryStrategy",
)
FLAGS = ("EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining")


def create(world: World, call: Call) -> dict[str, Any]:
    """Check the request as SageMaker does, then start the job."""
    body = call.body
    sagemaker = service(world)
    key = Key("training-job", call.region, body["TrainingJobName"])
    arn = world.realm(call.region).arn("sagemaker", f"training-job/{key.slug}")
    check(call)
    if sagemaker.store.get(key):
        raise _taken(arn)
    spec = TrainingSpec.of(body)
    labels = tags.from_request(body.get("Tags"))
    role.check(world, call.region, body["RoleArn"])
    for each in spec.channels:
        channel.require_data(world, call.region, each.source, body["RoleArn"])
    now = service(world).now()
    record = Record(
        kind="training-job",
        region=call.region,
        name=body["TrainingJobName"],
        arn=arn,
        created=now,
        modified=now,
        request=body,
        tags=labels,
        state=first_state(world, spec.image, spec.hosts),
    )
    enter(record, "Starting", now, "Starting the training job")
    if not sagemaker.store.add(record):
        raise _taken(arn)
    begin(world, record)
    return {"TrainingJobArn": arn}


def begin(world: World, record: Record) -> None:
    """Set a job to work in the background."""
    run = TrainingRun(service(world), record)
    service(world).jobs[record.key] = run
    world.start(f"training {record.name}", run)


def resume(world: World) -> None:
    """Go on with the jobs that an earlier server left, and clear up behind those that it finished."""
    for record in service(world).store.all("training-job"):
        if record.status not in TERMINAL:
            begin(world, record)
        elif not record.state.get("tidy"):
            world.start(f"tidy {record.name}", partial(tidy, service(world), record))


def check(call: Call) -> None:
    """What SageMaker demands beyond the service model, and what cannot be had here."""
    body = call.body
    absent = [name for name in ("AlgorithmSpecification", "ResourceConfig") if not body.get(name)]
    if absent:
        raise missing(*absent)
    algorithm, resources = body["AlgorithmSpecification"], body["ResourceConfig"]
    if bool(algorithm.get("TrainingImage")) == bool(algorithm.get("AlgorithmName")):
        raise invalid(
            "You must specify either TrainingImage or AlgorithmName in AlgorithmSpecification, and not both of them."
        )
    refuse_others(call, HONOURED)
    absent = [f"ResourceConfig.{name}" for name in ("InstanceType", "InstanceCount") if not resources.get(name)]
    if absent:
        raise missing(*absent)
    if regex := metrics.broken(algorithm.get("MetricDefinitions") or ()):
        raise invalid(f"Invalid regular expression in MetricDefinitions: {regex}")
    _check_channels(body)
    _check_spot(body)


def _check_channels(body: Mapping[str, Any]) -> None:
    names = [item["ChannelName"] for item in body.get("InputDataConfig") or ()]
    for item in body.get("InputDataConfig") or ():
        if "S3DataSource" not in item["DataSource"]:
            raise missing("InputDataConfig.DataSource.S3DataSource")
    if len(set(names)) != len(names):
        raise invalid("Channel names in InputDataConfig must be unique.")


def _check_spot(body: Mapping[str, Any]) -> None:
    limits = stopping(body)
    longest = limits.get("MaxWaitTimeInSeconds")
    if not body.get("EnableManagedSpotTraining"):
        if longest is not None:
            raise invalid(
                "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true"
            )
    elif longest is None or longest < limits["MaxRuntimeInSeconds"]:
        raise invalid(
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
        )


def describe(world: World, call: Call) -> dict[str, Any]:
    """DescribeTrainingJob; tags are not part of it."""
    record = _find(world, call)
    state = record.state
    optional = {
        "FailureReason": state.get("failure"),
        "TrainingStartTime": state.get("started"),
        "TrainingEndTime": state.get("ended"),
        "TrainingTimeInSeconds": state.get("seconds"),
        "BillableTimeInSeconds": state.get("seconds"),
        "FinalMetricDataList": state.get("metrics"),
    }
    return {
        **{name: record.request[name] for name in ECHOED if name in record.request},
        **{name: bool(record.request.get(name)) for name in FLAGS},
        "TrainingJobArn": record.arn,
        "TrainingJobStatus": record.status,
        "SecondaryStatus": state["secondary"],
        "SecondaryStatusTransitions": state["transitions"],
        "StoppingCondition": stopping(record.request),
        "ModelArtifacts": {"S3ModelArtifacts": TrainingSpec.of(record.request).model_uri},
        "CreationTime": record.created,
        "LastModifiedTime": record.modified,
        **{name: value for name, value in optional.items() if value},
    }


def list_jobs(world: World, call: Call) -> dict[str, Any]:
    """ListTrainingJobs."""
    refuse_others(call, LISTABLE)
    records, token = page(service(world).store.all("training-job", call.region), call.body)
    return {"TrainingJobSummaries": [_summary(record) for record in records], **token}


def stop(world: World, call: Call) -> dict[str, Any]:
    """StopTrainingJob: SIGTERM now, SIGKILL two minutes later; what is in the model directory is kept."""

    def stopping(record: Record) -> None:
        if record.status in TERMINAL:
            raise invalid(f"The request was rejected because the training job is in status {record.status}.")
        if record.status != "Stopping":
            record.state["status"] = "Stopping"
            enter(record, "Stopping", service(world).now())

    record = service(world).store.change(_find(world, call).key, stopping)
    if record is None:
        raise invalid("Requested resource not found.")
    if run := service(world).jobs.get(record.key):
        run.stop()
    return {}


def delete(world: World, call: Call) -> dict[str, Any]:
    """DeleteTrainingJob."""
    return job_record.delete(world, _find(world, call))


def _summary(record: Record) -> dict[str, Any]:
    ended = record.state.get("ended")
    return {
        "TrainingJobName": record.name,
        "TrainingJobArn": record.arn,
        "CreationTime": record.created,
        "LastModifiedTime": record.modified,
        "TrainingJobStatus": record.status,
        "SecondaryStatus": record.state["secondary"],
        **({"TrainingEndTime": ended} if ended else {}),
    }


def _find(world: World, call: Call) -> Record:
    record = service(world).store.get(Key("training-job", call.region, call.body["TrainingJobName"]))
    if record is None:
        raise invalid("Requested resource not found.")
    return record


def _taken(arn: str) -> ApiError:
    return ApiError(
        "ResourceInUse",
        "Training job names must be unique within an AWS account and region, and a training job with this name "
        f"already exists ({arn})",
    )
