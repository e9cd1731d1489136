"""The generations of an endpoint: which are kept to roll back to, and what nobody needs any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.plan import Plan, removal
from shapemaker_action.resources import endpoint_config, model

if TYPE_CHECKING:
    from shapemaker_action.context import Context
    from shapemaker_action.resources.endpoint_config import EndpointConfig
    from shapemaker_action.stages.wants import Wants


def surplus(context: Context, wants: Wants, coming: EndpointConfig) -> Plan:
    """What a deploy of `coming` makes superfluous: configurations beyond `deploy.keep`, and models nobody refers to.

    What serves now is kept, since it is what a rollback returns to, and so is all that other endpoints need.
    """
    every = endpoint_config.owned(context)
    ours = [config for config in every if config.endpoint == context.project.deploy.endpoint]
    serving = wants.endpoint("").read(context)
    back = (serving.way_back if serving.config == coming.name else serving.config) if serving else ""
    kept = _kept(ours, [coming.name, back], context.project.deploy.keep)
    if serving:
        kept |= {serving.config, serving.pending}
    unneeded = [config for config in ours if config.name not in kept]
    needed = {name for config in [*every, coming] if config not in unneeded for name in config.models}
    orphans = [found for found in model.owned(context) if found.name not in needed]
    return removal([*unneeded, *orphans], context.project.name)


def _kept(configs: list[EndpointConfig], first: list[str], keep: int) -> set[str]:
    """The names in `first`, then the newest, `keep` in all; what is coming is kept whatever `keep` says."""
    newest = sorted(configs, key=lambda config: config.created, reverse=True)
    names = [name for name in dict.fromkeys([*first, *(config.name for config in newest)]) if name]
    return set(names[: max(1, keep)])
