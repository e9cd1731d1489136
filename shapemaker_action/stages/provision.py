"""provision: bucket, image repository and execution role, hardened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.outcome import Outcome
from shapemaker_action.stages.converge import converge
from shapemaker_action.stages.wants import Wants

if TYPE_CHECKING:
    from shapemaker_action.context import Context


def run(context: Context) -> Outcome:
    """Make what the other stages write into."""
    wants = Wants(context)
    plan = converge(context, wants.provision())
    values = {"bucket": wants.place.bucket, "repository": wants.place.repository, "role-arn": wants.place.role_arn}
    return Outcome(plan=plan, values=values, next=context.again("build"))
