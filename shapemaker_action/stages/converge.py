"""Make the desired resources so: plan, then apply."""

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
    apply.run(context, plan)
    return plan
