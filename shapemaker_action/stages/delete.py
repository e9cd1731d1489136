"""delete: remove what is owned, in order: endpoints, configurations, models; with --everything also what holds data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action import apply
from shapemaker_action.errors import ForeignError
from shapemaker_action.events import Notice
from shapemaker_action.naming import ENVIRONMENT_TAG, OWNER_TAG
from shapemaker_action.outcome import Outcome
from shapemaker_action.plan import not_owned, removal
from shapemaker_action.resources import endpoint_config, model, role
from shapemaker_action.resources.processing_job import ProcessingJob
from shapemaker_action.resources.request import sagemaker_tags
from shapemaker_action.resources.training_job import TrainingJob
from shapemaker_action.stages.wants import Wants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapemaker_action.context import Context
    from shapemaker_action.plan import Resource
    from shapemaker_action.resources.job import Job


def run(context: Context) -> Outcome:
    """Endpoints first: a configuration must never be deleted below a live endpoint."""
    wants = Wants(context)
    configs = endpoint_config.owned(context)
    owned: list[Resource] = [*_endpoints(context, wants, configs), *configs, *model.owned(context)]
    if context.switches.everything:
        _demand_alone(context)
        owned += [*_jobs(context), *_shared(context, wants)]
    else:
        context.emit(Notice(text="bucket, repository, role and job records stay; --everything removes them, too"))
    plan = removal(owned, context.project.name)
    plan.demand(context.switches.fingerprint)
    apply.run(context, plan)
    return Outcome(plan=plan, next=context.again("run"))


def _endpoints(context: Context, wants: Wants, configs: list[endpoint_config.EndpointConfig]) -> list[Resource]:
    """The configured endpoint, and every other that our configurations were made for."""
    configured = wants.endpoint("")
    names = {config.endpoint for config in configs if config.endpoint} | {configured.name}
    found: list[Resource] = []
    for name in sorted(names):
        observed = wants.endpoint("", name).read(context)
        if observed and context.owns(observed.tags):
            found.append(observed)
        elif observed and name == configured.name:
            raise not_owned(configured, observed)
    return found


def _jobs(context: Context) -> list[Resource]:
    kinds: dict[str, type[Job]] = {"train": TrainingJob, "evaluate": ProcessingJob}
    return [
        kind(name=name, owner=context.project.name, tags=tags)
        for word, kind in kinds.items()
        for name, tags in _tagged(context, kind.work.word, f"{context.project.scope}-{word}-")
        if context.owns(tags)
    ]


def _demand_alone(context: Context) -> None:
    """Bucket, repository and role serve all environments of a project; the last one out removes them."""
    own = context.project.environment or "default"
    for noun in ("Endpoint", "Model", "TrainingJob"):
        for name, tags in _tagged(context, noun, context.project.name):
            other = tags.get(ENVIRONMENT_TAG, "")
            if tags.get(OWNER_TAG) == context.project.name and other not in ("", own):
                raise ForeignError(
                    f"environment '{other}' still has the {noun} '{name}', and shares bucket, repository and role",
                    state="nothing was deleted",
                    remedy=f"delete that environment first, or leave --everything out: {context.again('delete')}",
                )


def _tagged(context: Context, noun: str, name: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Names and tags of the resources whose name contains `name`."""
    key = f"{noun}Summaries" if noun.endswith("Job") else f"{noun}s"
    for item in context.aws.pages("sagemaker", f"List{noun}s", key, {"NameContains": name, "MaxResults": 100}):
        yield str(item[f"{noun}Name"]), sagemaker_tags(context.aws, str(item[f"{noun}Arn"]))


def _shared(context: Context, wants: Wants) -> list[Resource]:
    """Bucket, repository and roles; a borrowed one that isn't ours stays, and is named."""
    found: list[Resource] = [*role.owned(context, wants.place)]
    for desired in wants.provision():
        observed = desired.read(context)
        if observed is None or observed in found:
            continue
        if observed.owner == desired.owner:
            found.append(observed)
        elif desired.borrowed:
            context.emit(Notice(text=f"{desired.kind} '{desired.name}' is not owned by shapemaker and stays"))
        else:
            raise not_owned(desired, observed)
    return list(reversed(found))
