"""delete: remove what is owned, in order: endpoint, configurations, models; with --everything also what holds data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action import apply
from shapemaker_action.events import Notice
from shapemaker_action.outcome import Outcome
from shapemaker_action.plan import not_owned, removal
from shapemaker_action.resources import endpoint_config, job, model
from shapemaker_action.resources.training_job import TrainingJob
from shapemaker_action.stages.wants import Wants

if TYPE_CHECKING:
    from shapemaker_action.context import Context
    from shapemaker_action.plan import Resource


def run(context: Context) -> Outcome:
    """Endpoint first: a configuration must never be deleted below a live endpoint."""
    wants = Wants(context)
    owned: list[Resource] = [*_endpoint(context, wants), *endpoint_config.owned(context), *model.owned(context)]
    if context.switches.everything:
        owned += [*_training_jobs(context), *_shared(context, wants)]
    else:
        context.emit(Notice(text="bucket, repository, role and job records stay; --everything removes them, too"))
    plan = removal(owned, context.project.name)
    plan.demand(context.switches.fingerprint)
    apply.run(context, plan)
    return Outcome(plan=plan, next=context.again("run"))


def _endpoint(context: Context, wants: Wants) -> list[Resource]:
    desired = wants.endpoint("")
    observed = desired.read(context)
    if observed is None:
        return []
    if not context.owns(observed.tags):
        raise not_owned(desired, observed)
    return [observed]


def _training_jobs(context: Context) -> list[Resource]:
    listed = context.aws.pages(
        "sagemaker",
        "ListTrainingJobs",
        "TrainingJobSummaries",
        {"NameContains": f"{context.project.scope}-train-", "MaxResults": 100},
    )
    return [
        TrainingJob(name=str(item["TrainingJobName"]), owner=context.project.name, request={}, tags=tags)
        for item in listed
        if context.owns(tags := job.tags_of(context, job.TRAINING, item))
    ]


def _shared(context: Context, wants: Wants) -> list[Resource]:
    """Bucket, repository and role; a borrowed one that isn't ours stays, and is named."""
    found: list[Resource] = []
    for desired in wants.provision():
        observed = desired.read(context)
        if observed is None:
            continue
        if observed.owner == desired.owner:
            found.append(observed)
        elif desired.borrowed:
            context.emit(Notice(text=f"{desired.kind} '{desired.name}' is not owned by shapemaker and stays"))
        else:
            raise not_owned(desired, observed)
    return list(reversed(found))
