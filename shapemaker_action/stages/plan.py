"""plan: what every stage would create, change or remove, from reads alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.events import Notice
from shapemaker_action.outcome import Outcome, comparison
from shapemaker_action.plan import Plan, make, union
from shapemaker_action.resources import endpoint_config as configs
from shapemaker_action.resources import model
from shapemaker_action.resources.job import ENDED_BADLY
from shapemaker_action.stages import deploy, generations, standing
from shapemaker_action.stages.wants import Wants

if TYPE_CHECKING:
    from shapemaker_action.context import Context


def run(context: Context) -> Outcome:
    """The union of what provision, build, train, evaluate and deploy want."""
    plan = whole(context)
    for change in plan.pending:
        for difference in change.differences:
            if difference.field == "status" and difference.before in ENDED_BADLY:
                text = f"{change.kind} '{change.name}' is {difference.before}; another attempt needs --retry"
                context.emit(Notice(text=text, warning=True))
    plan.demand(context.switches.fingerprint)
    known = standing.foreseen(context, Wants(context))
    table = comparison(known)
    return Outcome(
        plan=plan,
        applied=False,
        values={"fingerprint": plan.fingerprint, **known},
        tables=(table,) if table else (),
        next=context.again("run") if plan.pending else context.again("invoke"),
    )


def whole(context: Context) -> Plan:
    """Every change that a run would make; the fingerprint of this plan is what gets approved."""
    wants = Wants(context)
    candidate = wants.candidate
    source = model.Source(
        image_uri=wants.inference_image.uri, model_data=candidate.model_data, training_job=candidate.training_job
    )
    if context.switches.model_data or context.switches.training_job:
        source = deploy.choose(context, wants)
    desired = [wants.provision(), wants.images(), wants.training(), wants.evaluation(candidate), wants.serving(source)]
    coming = configs.wanted(context, model.wanted(context, wants.place, source).name)
    return union([*(make(context, group) for group in desired), generations.surplus(context, wants, coming)])
