"""The evaluation: a processing job in the training image that leaves a report about one model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from shapemaker_action.naming import SPEC_TAG, content_name, digest
from shapemaker_action.resources import job
from shapemaker_action.resources.request import Request, by_content, with_api, with_tags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapemaker_action.context import Context
    from shapemaker_action.resources.channel import Channel
    from shapemaker_action.resources.place import Place

INPUT = "/opt/ml/processing/input"
MODEL = "/opt/ml/processing/model"
OUTPUT = "/opt/ml/processing/output"


@dataclass(frozen=True, kw_only=True)
class ProcessingJob(job.Job):
    """A job that judges a model."""

    kind: ClassVar[str] = job.PROCESSING.noun
    work: ClassVar[job.JobKind] = job.PROCESSING

    report_uri: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """The model that is judged: the job that made it, its artifacts and the image it was trained in."""

    training_job: str
    model_data: str
    image_uri: str


def wanted(context: Context, place: Place, candidate: Candidate, channels: Sequence[Channel]) -> ProcessingJob:
    """The evaluation of one model on the configured channels."""
    evaluate = context.project.evaluate
    inputs = [_input("model", candidate.model_data, MODEL)]
    inputs += [_input(channel.name, channel.uri, f"{INPUT}/{channel.name}") for channel in channels]
    ours: Request = {
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": evaluate.instance,
                "VolumeSizeInGB": evaluate.volume_gb,
            }
        },
        "AppSpecification": {"ImageUri": candidate.image_uri, "ContainerArguments": ["evaluate"]},
        "RoleArn": place.role_arn,
        "ProcessingInputs": inputs,
        "StoppingCondition": {"MaxRuntimeInSeconds": evaluate.max_runtime},
        "Environment": dict(evaluate.environment),
    }
    request = with_api({key: value for key, value in ours.items() if value}, evaluate.api, "CreateProcessingJob")
    content = by_content(request, "AppSpecification", "ImageUri", place)
    content.pop("RoleArn", None)  # who may read the data doesn't change the verdict
    spec = digest([content, candidate.training_job, [channel.identity(context.aws) for channel in channels]])
    base = content_name(context.project.scope, "evaluate", spec)

    def folder_of(name: str) -> str:
        return f"{place.evaluation_output(candidate.training_job)}/{name}"

    name = job.newest_attempt(context, job.PROCESSING, base, lambda each: f"{folder_of(each)}/report.json")
    folder = folder_of(name)
    output = {
        "OutputName": "report",
        "S3Output": {"S3Uri": folder, "LocalPath": OUTPUT, "S3UploadMode": "EndOfJob"},
    }
    tags = {**context.tags, SPEC_TAG: spec}
    full = {"ProcessingJobName": name, **request, "ProcessingOutputConfig": {"Outputs": [output]}}
    return ProcessingJob(
        name=name,
        owner=context.project.name,
        request=with_tags(full, tags),
        report_uri=f"{folder}/report.json",
        limit=job.PENDING_ALLOWANCE + evaluate.max_runtime,
        tags=tags,
    )


def _input(name: str, uri: str, path: str) -> Request:
    source = {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": name, "S3Input": source}
