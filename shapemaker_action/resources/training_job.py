"""The training job, named by image, hyperparameters, channel contents and resources: equal work is paid once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from shapemaker_action.errors import JobFailedError
from shapemaker_action.naming import OWNER_TAG, SPEC_TAG, content_name, digest
from shapemaker_action.resources import job
from shapemaker_action.resources.request import Request, with_api, with_tags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapemaker_action.aws.session import Reply
    from shapemaker_action.context import Context
    from shapemaker_action.plan import Resource
    from shapemaker_action.resources.channel import Channel
    from shapemaker_action.resources.place import Place

EXPERIMENTAL_TAG = "shapemaker:experimental"


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """Desired is always Completed: a job that runs is attached to, a failed one is an error."""

    kind: ClassVar[str] = job.TRAINING.noun
    borrowed: ClassVar[bool] = False

    name: str
    owner: str
    status: str = job.DONE
    request: Request = field(compare=False, repr=False)
    tags: Mapping[str, str] = field(compare=False)
    limit: float = field(default=0, compare=False)
    """Seconds that it may take, waiting for instances included."""

    @property
    def model_data(self) -> str:
        """Where SageMaker puts the model artifacts of this job; known before it runs."""
        return model_data(self.request, self.name)

    def read(self, context: Context) -> TrainingJob | None:
        """The job of this name, whatever its state."""
        reply = job.describe(context, job.TRAINING, self.name)
        if reply is None:
            return None
        tags = job.tags_of(context, job.TRAINING, reply)
        return TrainingJob(
            name=self.name,
            owner=tags.get(OWNER_TAG, ""),
            status=job.TRAINING.status(reply),
            request=self.request,
            tags=tags,
        )

    def create(self, context: Context) -> None:
        """Start it and, unless told otherwise, follow it to its end."""
        job.create(context, job.TRAINING, self.request)
        self._follow(context)

    def update(self, context: Context, observed: Resource) -> None:  # noqa: ARG002 - the job is described anew
        """Attach to it; a failed one raises with its reason."""
        self._follow(context)

    def delete(self, context: Context) -> None:
        """Stop it if it runs, then delete its record."""
        reply = job.describe(context, job.TRAINING, self.name)
        if reply and job.TRAINING.status(reply) == "InProgress":
            context.aws.find("sagemaker", "StopTrainingJob", {"TrainingJobName": self.name})
        job.settle(context, job.TRAINING, self.name)
        context.aws.find("sagemaker", "DeleteTrainingJob", {"TrainingJobName": self.name})

    def _follow(self, context: Context) -> None:
        if context.switches.wait:
            job.wait(context, job.TRAINING, self.name, self.limit)


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
        "Environment": dict(train.environment),
    }
    request = with_api(
        {key: value for key, value in ours.items() if value not in ({}, [])}, train.api, "CreateTrainingJob"
    )
    spec = digest(
        [_nameless(request, image_uri, place.image_identity(image_uri)), [c.identity(context.aws) for c in channels]]
    )
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
    """Where SageMaker puts the artifacts of a job of this name."""
    output = request.get("OutputDataConfig")
    path = output.get("S3OutputPath", "") if isinstance(output, dict) else ""
    return f"{str(path).rstrip('/')}/{name}/output/model.tar.gz"


def _nameless(request: Request, image_uri: str, identity: str) -> Request:
    """The request with the image named by content, not by the registry that happens to hold it."""
    specification = request.get("AlgorithmSpecification")
    if isinstance(specification, dict) and specification.get("TrainingImage") == image_uri:
        return {**request, "AlgorithmSpecification": {**specification, "TrainingImage": identity}}
    return request


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
