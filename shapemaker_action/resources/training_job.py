"""The training job, named by image, hyperparameters, channel contents and resources: equal work is paid once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from shapemaker_action.config import variables
from shapemaker_action.errors import JobFailedError
from shapemaker_action.naming import SPEC_TAG, content_name, digest
from shapemaker_action.resources import job
from shapemaker_action.resources.request import Request, by_content, with_api, with_tags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapemaker_action.aws.session import Reply
    from shapemaker_action.context import Context
    from shapemaker_action.resources.channel import Channel
    from shapemaker_action.resources.place import Place

EXPERIMENTAL_TAG = "shapemaker:experimental"


@dataclass(frozen=True, kw_only=True)
class TrainingJob(job.Job):
    """A job that makes a model."""

    kind: ClassVar[str] = job.TRAINING.noun
    work: ClassVar[job.JobKind] = job.TRAINING

    @property
    def model_data(self) -> str:
        """Where SageMaker puts the model artifacts of this job; known before it runs."""
        return model_data(self.request, self.name)


def wanted(context: Context, place: Place, image_uri: str, channels: Sequence[Channel]) -> TrainingJob:
    """The training job of this configuration. Reads: which attempt at this content counts."""
    train = context.project.train
    experimental = context.switches.experimental
    stopping: Request = {"MaxRuntimeInSeconds": train.max_runtime}
    if train.spot:
        stopping["MaxWaitTimeInSeconds"] = train.max_wait
    ours: Request = {
        "AlgorithmSpecification": {
            "TrainingImage": image_uri,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": metric.name, "Regex": metric.regex} for metric in train.metrics],
        },
        "RoleArn": place.role_arn,
        "HyperParameters": dict(train.hyperparameters),
        "InputDataConfig": [_channel(channel) for channel in channels],
        "OutputDataConfig": {"S3OutputPath": place.training_output(experimental=experimental)},
        "ResourceConfig": {
            "InstanceType": train.instance,
            "InstanceCount": train.instance_count,
            "VolumeSizeInGB": train.volume_gb,
        },
        "StoppingCondition": stopping,
        "EnableManagedSpotTraining": train.spot,
        "Environment": {**variables.of_training(context.project.serve), **train.environment},
    }
    request = with_api(
        {key: value for key, value in ours.items() if value not in ({}, [])}, train.api, "CreateTrainingJob"
    )
    content = by_content(request, "AlgorithmSpecification", "TrainingImage", place)
    content.pop("RoleArn", None)  # who may read the data doesn't change what comes of them
    spec = digest([content, [channel.identity(context.aws) for channel in channels], train.checkpoints])
    base = content_name(context.project.scope, "train", spec)
    if train.checkpoints:
        request["CheckpointConfig"] = {"S3Uri": f"{place.prefix_uri}/checkpoints/{base}"}
    tags = {**context.tags, SPEC_TAG: spec, **({EXPERIMENTAL_TAG: "true"} if experimental else {})}
    name = job.newest_attempt(context, job.TRAINING, base, lambda each: model_data(request, each))
    return TrainingJob(
        name=name,
        owner=context.project.name,
        request=with_tags({"TrainingJobName": name, **request}, tags),
        tags=tags,
        limit=job.PENDING_ALLOWANCE + (train.max_wait if train.spot else train.max_runtime),
    )


def model_data(request: Request, name: str) -> str:
    """Where SageMaker puts the artifacts of a job of this name: an archive, or files below a prefix."""
    given = request.get("OutputDataConfig")
    output: Request = given if isinstance(given, dict) else {}
    place = f"{str(output.get('S3OutputPath', '')).rstrip('/')}/{name}/output"
    return f"{place}/model/" if output.get("CompressionType") == "NONE" else f"{place}/model.tar.gz"


def _channel(channel: Channel) -> Request:
    entry: Request = {
        "ChannelName": channel.name,
        "DataSource": channel.data_source(),
        "InputMode": channel.settings.input_mode,
    }
    if channel.settings.content_type:
        entry["ContentType"] = channel.settings.content_type
    return entry


def metrics(reply: Reply) -> dict[str, float]:
    """The last value of each metric that SageMaker read out of the log."""
    return {str(item["MetricName"]): float(item["Value"]) for item in reply.get("FinalMetricDataList", [])}


def demand_artifacts(context: Context, name: str, reply: Reply) -> str:
    """The model data of a completed job; a job can be Completed and have left nothing.

    Raises:
        JobFailedError: there is no object, or an empty one.
    """
    uri = str(reply.get("ModelArtifacts", {}).get("S3ModelArtifacts", ""))
    if not job.exists(context, uri):
        raise JobFailedError(
            f"training job '{name}' is Completed, but its model artifacts are missing: {uri or 'no URI'}",
            state="nothing was deployed",
            remedy="save() must write into the directory that it is given; if the artifacts were deleted, train again: "
            f"{context.again('train')} --retry",
        )
    return uri
