"""deploy: the newest good model, or the one the user names, behind the endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action import apply
from shapemaker_action.errors import InvalidInputError, QualityGateError
from shapemaker_action.events import Notice
from shapemaker_action.outcome import Outcome
from shapemaker_action.plan import make, removal
from shapemaker_action.resources import endpoint_config, job, model
from shapemaker_action.resources import evaluation_report as reports
from shapemaker_action.resources.training_job import EXPERIMENTAL_TAG
from shapemaker_action.stages import gate
from shapemaker_action.stages.converge import converge
from shapemaker_action.stages.train import demand_artifacts
from shapemaker_action.stages.wants import Wants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapemaker_action.aws.session import Reply
    from shapemaker_action.context import Context
    from shapemaker_action.resources.endpoint_config import EndpointConfig


def run(context: Context) -> Outcome:
    """Deploy and keep the last generations to roll back to."""
    wants = Wants(context)
    source = choose(context, wants)
    desired = wants.serving(source)
    # The image must be there before anything is made that refers to it.
    make(context, [wants.inference_image]).demand_nothing("image", context.again("build"))
    plan = converge(context, desired)
    if context.switches.wait:
        prune(context, wants)
    served, config, endpoint = (resource.name for resource in desired)
    return Outcome(
        plan=plan,
        values={
            "endpoint-name": endpoint,
            "endpoint-config": config,
            "model-name": served,
            "model-data": source.model_data,
            "training-job": source.training_job,
        },
        next=context.again("invoke"),
    )


def choose(context: Context, wants: Wants) -> model.Source:
    """Named artifacts, a named job's, this configuration's, or those of the newest good job."""
    switches = context.switches
    image_uri = wants.inference_image.uri
    if switches.model_data:
        _demand_object(context, switches.model_data)
        context.emit(Notice(text=f"deploying {switches.model_data} as you say, past the quality gate"))
        return model.Source(image_uri=image_uri, model_data=switches.model_data)
    if switches.training_job:
        return _of_job(context, wants, switches.training_job)
    own = wants.training_job.name
    reply = job.describe(context, job.TRAINING, own)
    if reply and job.TRAINING.status(reply) == job.DONE:
        return _of_job(context, wants, own)
    return _newest_good(context, wants, instead_of=own)


def _of_job(context: Context, wants: Wants, name: str) -> model.Source:
    reply = job.describe(context, job.TRAINING, name)
    if reply is None:
        raise InvalidInputError(
            f"there is no training job '{name}'", state="nothing was changed", remedy=f"see: {context.again('status')}"
        )
    job.demand_completed(context, job.TRAINING, name, reply)
    uri = demand_artifacts(context, name, reply)
    if not context.switches.force:
        gate.demand(context, _verdicts(context, wants, name))
    return model.Source(image_uri=wants.inference_image.uri, model_data=uri, training_job=name)


def _verdicts(context: Context, wants: Wants, name: str) -> tuple[gate.Verdict, ...]:
    if not context.project.evaluate.enabled:
        return ()
    return gate.judge(
        context.project.evaluate.thresholds,
        reports.newest(context, wants.place, name),
        None,  # what serves was compared when the model was evaluated; here it may be the model itself
    )


def _newest_good(context: Context, wants: Wants, *, instead_of: str) -> model.Source:
    for found in _completed(context):
        name = str(found["TrainingJobName"])
        if all(verdict.passed for verdict in _verdicts(context, wants, name)):
            context.emit(Notice(text=f"{instead_of} is not trained; deploying the newest good job instead: {name}"))
            return _of_job(context, wants, name)
    raise QualityGateError(
        "there is no good model to deploy: no completed training job of this project has passed the gate",
        state="nothing was changed",
        remedy=f"train one: {context.again('train,evaluate')}",
    )


def _completed(context: Context) -> Iterator[Reply]:
    """Completed jobs of this project and environment, newest first, experiments left out."""
    listed = context.aws.pages(
        "sagemaker",
        "ListTrainingJobs",
        "TrainingJobSummaries",
        {
            "NameContains": f"{context.project.scope}-train-",
            "StatusEquals": job.DONE,
            "SortBy": "CreationTime",
            "SortOrder": "Descending",
            "MaxResults": 100,
        },
    )
    for item in listed:
        tags = job.tags_of(context, job.TRAINING, item)
        if context.owns(tags) and EXPERIMENTAL_TAG not in tags:
            yield item


def _demand_object(context: Context, uri: str) -> None:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not key.endswith(".tar.gz"):
        raise InvalidInputError(
            f"--model-data takes s3://bucket/key.tar.gz, not {uri!r}",
            state="nothing was changed",
            remedy="SageMaker reads model data only from a gzipped tar archive in S3",
        )
    if context.aws.find("s3", "HeadObject", {"Bucket": bucket, "Key": key}) is None:
        raise InvalidInputError(f"there is no object {uri}", state="nothing was changed", remedy="check the URI")


def prune(context: Context, wants: Wants) -> None:
    """Delete generations older than the `keep` before the one that serves, and models that none of the rest needs."""
    serving = wants.endpoint("").read(context)
    if serving is None:
        return
    configs = endpoint_config.owned(context)
    kept = _kept(configs, serving.config, serving.tags.get("shapemaker:previous", ""), context.project.deploy.keep)
    needed = {name for config in configs if config.name in kept for name in config.models}
    unneeded = [config for config in configs if config.name not in kept]
    orphans = [found for found in model.owned(context) if found.name not in needed]
    apply.run(context, removal([*unneeded, *orphans], context.project.name))


def _kept(configs: list[EndpointConfig], serving: str, previous: str, keep: int) -> set[str]:
    newest = sorted(configs, key=lambda config: config.created, reverse=True)
    others = [config.name for config in newest if config.name not in {serving, previous}]
    return {serving, previous, *others[: max(0, keep - 1)]}
