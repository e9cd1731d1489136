"""deploy: the newest good model, or the one the user names, behind the endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action import apply
from shapemaker_action.errors import InvalidInputError, LockedError, QualityGateError
from shapemaker_action.events import Notice, ValuesKnown
from shapemaker_action.naming import split_uri
from shapemaker_action.outcome import Outcome
from shapemaker_action.plan import make, union
from shapemaker_action.resources import console, job, model, training_job
from shapemaker_action.resources import endpoint_config as configs
from shapemaker_action.resources.training_job import EXPERIMENTAL_TAG
from shapemaker_action.stages import gate, generations
from shapemaker_action.stages.wants import Wants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapemaker_action.aws.session import Reply
    from shapemaker_action.context import Context

_ONE = (
    "s3://bucket/key.tar.gz",
    ".tar.gz",
    "SageMaker reads model data only from a gzipped tar archive in S3",
)
_MANY = (
    "s3://bucket/prefix/",
    "/",
    "the models of a multi-model endpoint are the archives below a prefix",
)
"""What the URI of model data is like, how it ends, and why."""


def run(context: Context) -> Outcome:
    """Deploy and keep the last generations to roll back to."""
    wants = Wants(context)
    source = choose(context, wants)
    # The image must be there before anything is made that refers to it.
    make(context, [wants.inference_image]).demand_nothing("image", context.again("build"))
    desired = wants.serving(source)
    served, config, endpoint = (resource.name for resource in desired)
    url = console.endpoint(context, endpoint)
    context.emit(ValuesKnown(values={"endpoint-name": endpoint, "endpoint-url": url}))
    plan = make(context, desired)
    if context.switches.wait:
        plan = union([plan, generations.surplus(context, wants, configs.wanted(context, desired[0].name))])
    apply.run(context, plan)
    return Outcome(
        plan=plan,
        values={
            "endpoint-name": endpoint,
            "endpoint-url": url,
            "endpoint-config": config,
            "model-name": served,
            "model-data": source.model_data,
            "training-job": source.training_job,
        },
        next=context.again("invoke"),
    )


def choose(context: Context, wants: Wants) -> model.Source:
    """Named artifacts, a named job's, this configuration's, or those of the newest good job.

    Raises:
        InvalidInputError: what was named does not exist, or is an experiment that was not named.
        LockedError: this configuration's job is still running.
        QualityGateError: the model has not passed the gate, or there is none to deploy.
    """
    switches = context.switches
    if switches.model_data:
        _demand_object(context, switches.model_data)
        context.emit(Notice(text=f"deploying {switches.model_data} as you say, past the quality gate"))
        return model.Source(image_uri=wants.inference_image.uri, model_data=switches.model_data)
    if switches.training_job:
        return _named(context, wants, switches.training_job)
    if switches.experimental:
        raise InvalidInputError(
            "an experiment is never deployed by itself",
            state="nothing was deployed",
            remedy=f"name it if you mean it: {context.again('deploy')} --training-job NAME",
        )
    own = wants.training_job.name
    reply = job.describe(context, job.TRAINING, own)
    return _own(context, wants, own, reply) if reply else _newest_good(context, wants, instead_of=own)


def _named(context: Context, wants: Wants, name: str) -> model.Source:
    reply = job.describe(context, job.TRAINING, name)
    if reply is None:
        raise InvalidInputError(
            f"there is no training job '{name}'", state="nothing was changed", remedy=f"see: {context.again('status')}"
        )
    return _source(context, wants, name, reply)


def _own(context: Context, wants: Wants, name: str, reply: Reply) -> model.Source:
    if job.TRAINING.status(reply) in job.RUNNING:
        raise LockedError(
            f"training job '{name}' is still running",
            state="nothing was deployed",
            remedy=f"wait for it: {context.again('train,evaluate,deploy')}",
        )
    evaluation = wants.evaluation_job(wants.candidate).name if context.project.evaluate.enabled else ""
    return _source(context, wants, name, reply, evaluation)


def _source(context: Context, wants: Wants, name: str, reply: Reply, evaluation: str = "") -> model.Source:
    """The model of a completed job that has passed the gate, in the named evaluation if there is one."""
    job.demand_completed(context, job.TRAINING, name, reply)
    uri = training_job.demand_artifacts(context, name, reply)
    if context.project.deploy.is_multi_model and uri.endswith("/"):
        raise InvalidInputError(
            f"the artifacts of training job '{name}' are no archive, and a multi-model endpoint takes only archives",
            state="nothing was deployed",
            remedy="deploy a job that compressed its artifacts",
        )
    if not gate.has_passed(context, job.tags_of(context, job.TRAINING, reply), evaluation):
        if not context.switches.force:
            raise QualityGateError(
                f"training job '{name}' has not passed the quality gate",
                state="nothing was deployed; what serves is unchanged",
                remedy=f"evaluate it: {context.again('evaluate')}; or deploy it all the same with --force",
            )
        context.emit(Notice(text=f"{name} has not passed the quality gate; deploying it as you say", warning=True))
    return model.Source(image_uri=wants.inference_image.uri, model_data=uri, training_job=name)


def _newest_good(context: Context, wants: Wants, *, instead_of: str) -> model.Source:
    for found, tags in _completed(context):
        if context.switches.force or gate.has_passed(context, tags):
            name = str(found["TrainingJobName"])
            context.emit(Notice(text=f"{instead_of} is not trained; deploying the newest good job instead: {name}"))
            return _named(context, wants, name)
    raise QualityGateError(
        "there is no good model to deploy: no completed training job of this project has passed the gate",
        state="nothing was changed",
        remedy=f"train one: {context.again('train,evaluate')}",
    )


def _completed(context: Context) -> Iterator[tuple[Reply, dict[str, str]]]:
    """Completed jobs of this project and environment with their tags, newest first, experiments left out."""
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
            yield item, tags


def _demand_object(context: Context, uri: str) -> None:
    form, end, reason = _MANY if context.project.deploy.is_multi_model else _ONE
    _, key = split_uri(uri)
    if not uri.startswith("s3://") or not key.endswith(end):
        raise InvalidInputError(f"--model-data takes {form}, not {uri!r}", state="nothing was changed", remedy=reason)
    if not job.exists(context, uri):
        raise InvalidInputError(f"there is no object {uri}", state="nothing was changed", remedy="check the URI")
