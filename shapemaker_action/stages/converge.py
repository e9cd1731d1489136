"""Make the desired resources so: plan, check the approved fingerprint, apply."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action import apply
from shapemaker_action.plan import make

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapemaker_action.context import Context
    from shapemaker_action.plan import Plan, Resource


def converge(context: Context, desired: Sequence[Resource]) -> Plan:
    """The plan that was carried out."""
    plan = make(context, desired)
    plan.demand(context.switches.fingerprint)
    apply.run(context, plan)
    return plan
