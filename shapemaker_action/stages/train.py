"""train: the training job of this configuration, started, attached to, or reused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.events import Notice, ValuesKnown
from shapemaker_action.outcome import Outcome, metric_table
from shapemaker_action.resources import console, job, training_job
from shapemaker_action.stages import metric_log
from shapemaker_action.stages.converge import converge
from shapemaker_action.stages.wants import Wants

if TYPE_CHECKING:
    from shapemaker_action.context import Context
    from shapemaker_action.naming import Json


def run(context: Context) -> Outcome:
    """Train, unless equal work is done or under way."""
    wants = Wants(context)
    wanted = wants.training_job
    values: dict[str, Json] = {
        "training-job": wanted.name,
        "model-data": wanted.model_data,
        "training-job-url": console.training_job(context, wanted.name),
        "training-log-url": console.log(context, job.TRAINING.log_group, f"{wanted.name}/"),
    }
    # Whatever happens while it is waited for, a later step knows which job to look at.
    context.emit(ValuesKnown(values={name: value for name, value in values.items() if name != "model-data"}))
    plan = converge(metric_log.heard(context), wants.training())
    reply = job.describe(context, job.TRAINING, wanted.name)
    if reply is None:
        raise AssertionError(f"BUG: {wanted.name} was made and is not there")
    if not context.switches.wait and job.TRAINING.status(reply) in job.RUNNING:
        context.emit(Notice(text=f"{wanted.name} is {job.TRAINING.state(reply)}; not waiting for it"))
        return Outcome(plan=plan, values=values, next=context.again("train"))
    job.demand_completed(context, job.TRAINING, wanted.name, reply)
    training_job.demand_artifacts(context, wanted.name, reply)
    found = training_job.metrics(reply)
    return Outcome(
        plan=plan,
        values={**values, "training-metrics": dict(found)},
        tables=(metric_table("Training metrics", found),) if found else (),
        next=context.again("evaluate" if context.project.evaluate.enabled else "deploy"),
    )
