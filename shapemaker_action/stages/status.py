"""status: what serves, from which commit, image digest and job, and what can be rolled back to."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from shapemaker_action.events import LogLine, Notice
from shapemaker_action.naming import COMMIT_TAG
from shapemaker_action.outcome import Outcome, Table
from shapemaker_action.resources import endpoint_config
from shapemaker_action.resources.model import TRAINING_JOB_TAG, Model
from shapemaker_action.stages.wants import Wants

if TYPE_CHECKING:
    from shapemaker_action.context import Context
    from shapemaker_action.naming import Json
    from shapemaker_action.resources.endpoint import Endpoint


def run(context: Context) -> Outcome:
    """Reads only."""
    wants = Wants(context)
    serving = wants.endpoint("").read(context)
    if serving is None:
        context.emit(Notice(text=f"endpoint '{context.project.deploy.endpoint}' does not exist"))
        return Outcome(values={"endpoint-status": "none"}, next=context.again("run"))
    facts = _facts(context, serving)
    if context.switches.logs:
        for line in serving.log(context).new_lines():
            context.emit(LogLine(source=serving.name, text=line))
    return Outcome(
        values={f"endpoint-{key}": value for key, value in facts.items()},
        tables=(
            Table(title="Endpoint", header=("", ""), rows=tuple((key, str(value)) for key, value in facts.items())),
            _generations(context, serving),
        ),
        next=context.again("rollback" if serving.way_back else "invoke"),
    )


def _facts(context: Context, serving: Endpoint) -> dict[str, Json]:
    config = endpoint_config.EndpointConfig(name=serving.config, owner="").read(context)
    model = Model(name=config.models[0], owner="").read(context) if config and config.models else None
    container = model.request.get("PrimaryContainer", {}) if model else {}
    data = str(container.get("ModelDataUrl", "")) if isinstance(container, dict) else ""
    return {
        "name": serving.name,
        "status": serving.status,
        "config": serving.config,
        "model": model.name if model else "unknown",
        "model-data": data,
        "training-job": model.tags.get(TRAINING_JOB_TAG, "none, artifacts were named") if model else "unknown",
        "commit": model.tags.get(COMMIT_TAG, "unknown") if model else "unknown",
        "image": ", ".join(serving.images) or "unknown",
        "previous": serving.way_back or "none",
        **({"reason": serving.reason} if serving.reason else {}),
    }


def _generations(context: Context, serving: Endpoint) -> Table:
    rows = []
    for config in endpoint_config.of_endpoint(context, serving.name):
        made = dt.datetime.fromtimestamp(config.created, tz=dt.timezone.utc)
        mark = {serving.config: "serves", serving.way_back: "previous"}.get(config.name, "")
        rows.append((config.name, f"{made:%Y-%m-%d %H:%M} UTC", ", ".join(config.models), mark))
    return Table(title="Generations", header=("configuration", "made", "models", ""), rows=tuple(rows))
