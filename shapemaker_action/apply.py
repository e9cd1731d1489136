"""Converge: carry out a plan's changes in order and say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.events import ChangeFinished, ChangeStarted
from shapemaker_action.plan import Action

if TYPE_CHECKING:
    from shapemaker_action.context import Context
    from shapemaker_action.plan import Change, Plan


def run(context: Context, plan: Plan) -> None:
    """Apply every pending change. An interruption leaves a state from which the same command converges."""
    for change in plan.pending:
        symbol = change.action.symbol
        context.emit(ChangeStarted(symbol=symbol, kind=change.kind, name=change.name))
        began = context.clock.now()
        _carry_out(context, change)
        took = context.clock.now() - began
        context.emit(ChangeFinished(symbol=symbol, kind=change.kind, name=change.name, seconds=took))


def _carry_out(context: Context, change: Change) -> None:
    if change.action is Action.CREATE:
        change.resource.create(context)
    elif change.action is Action.DELETE:
        change.resource.delete(context)
    elif change.observed is not None:
        change.resource.update(context, change.observed)
