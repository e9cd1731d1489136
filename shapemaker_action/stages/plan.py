"""plan: what every stage would create, change or remove, from reads alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.outcome import Outcome
from shapemaker_action.plan import make, union
from shapemaker_action.resources import model
from shapemaker_action.stages.wants import Wants

if TYPE_CHECKING:
    from shapemaker_action.context import Context


def run(context: Context) -> Outcome:
    """The union of what provision, build, train, evaluate and deploy want."""
    wants = Wants(context)
    candidate = wants.candidate
    source = model.Source(
        image_uri=wants.inference_image.uri, model_data=candidate.model_data, training_job=candidate.training_job
    )
    desired = [wants.provision(), wants.images(), wants.training(), wants.evaluation(candidate), wants.serving(source)]
    plan = union(make(context, resources) for resources in desired)
    plan.demand(context.switches.fingerprint)
    return Outcome(
        plan=plan,
        applied=False,
        values={"fingerprint": plan.fingerprint},
        next=context.again("run") if plan.pending else context.again("invoke"),
    )
