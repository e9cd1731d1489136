"""train: the training job of this configuration, started, attached to, or reused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.errors import JobFailedError
from shapemaker_action.events import Notice
from shapemaker_action.outcome import Outcome, Table
from shapemaker_action.resources import job
from shapemaker_action.resources.training_job import metrics
from shapemaker_action.stages.converge import converge
from shapemaker_action.stages.wants import Wants

if TYPE_CHECKING:
    from shapemaker_action.aws.session import Reply
    from shapemaker_action.context import Context
    from shapemaker_action.naming import Json


def run(context: Context) -> Outcome:
    """Train, unless equal work is done or under way."""
    wants = Wants(context)
    plan = converge(context, wants.training())
    wanted = wants.training_job
    reply = job.describe(context, job.TRAINING, wanted.name)
    if reply is None:
        raise AssertionError(f"BUG: {wanted.name} was made and is not there")
    values: dict[str, Json] = {"training-job": wanted.name, "model-data": wanted.model_data}
    if not context.switches.wait:
        context.emit(Notice(text=f"{wanted.name} is {job.TRAINING.state(reply)}; not waiting for it"))
        return Outcome(plan=plan, values=values, next=context.again("train"))
    demand_artifacts(context, wanted.name, reply)
    found = metrics(reply)
    return Outcome(
        plan=plan,
        values={**values, "training-metrics": dict(found)},
        tables=(metric_table("Training metrics", found),) if found else (),
        next=context.again("evaluate" if context.project.evaluate.enabled else "deploy"),
    )


def metric_table(title: str, found: dict[str, float]) -> Table:
    """Metrics for people."""
    return Table(title=title, header=("metric", "value"), rows=tuple((k, f"{v:.6g}") for k, v in sorted(found.items())))


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
