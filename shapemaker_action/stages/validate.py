"""validate: what can be known without AWS. The configuration was checked when it was read; here its files are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.outcome import Outcome

if TYPE_CHECKING:
    from shapemaker_action.context import Context


def run(context: Context) -> Outcome:
    """Nothing is sent anywhere."""
    return Outcome(next=context.again("plan"))
