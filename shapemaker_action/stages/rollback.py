"""rollback: the endpoint goes back to the generation it served before; the same nouns, another configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.errors import ForeignError, InvalidInputError
from shapemaker_action.outcome import Outcome
from shapemaker_action.resources import endpoint_config
from shapemaker_action.resources.model import Model
from shapemaker_action.stages.converge import converge
from shapemaker_action.stages.wants import Wants

if TYPE_CHECKING:
    from shapemaker_action.context import Context


def run(context: Context) -> Outcome:
    """Return to the previous generation; done twice, it returns to where it began."""
    wants = Wants(context)
    serving = wants.endpoint("").read(context)
    if serving is None:
        raise InvalidInputError(
            f"there is no endpoint '{context.project.deploy.endpoint}' to roll back",
            state="nothing was changed",
            remedy=f"deploy one: {context.again('deploy')}",
        )
    previous = serving.way_back
    if not previous:
        raise InvalidInputError(
            f"endpoint '{serving.name}' serves its first generation; there is nothing to go back to",
            state=f"it serves {serving.config}",
            remedy=f"see the generations with: {context.again('status')}",
        )
    _demand_material(context, previous)
    plan = converge(context, [wants.endpoint(previous)])
    return Outcome(
        plan=plan,
        values={"endpoint-name": serving.name, "endpoint-config": previous},
        next=context.again("invoke"),
    )


def _demand_material(context: Context, name: str) -> None:
    config = endpoint_config.EndpointConfig(name=name, owner="").read(context)
    missing = [
        *([f"endpoint configuration {name}"] if config is None else []),
        *(
            f"model {served}"
            for served in (config.models if config else ())
            if Model(name=served, owner="").read(context) is None
        ),
    ]
    if missing:
        raise ForeignError(
            f"cannot roll back: {', '.join(missing)} was deleted outside shapemaker",
            state="the endpoint serves on, unchanged",
            remedy=f"deploy a named model instead: {context.again('deploy')} --training-job NAME",
        )
