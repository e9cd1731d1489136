"""Every stage by its name on the command line."""

from __future__ import annotations

from collections.abc import Callable

from shapemaker_action.context import Context
from shapemaker_action.outcome import Outcome
from shapemaker_action.stages import (
    build,
    delete,
    deploy,
    evaluate,
    invoke,
    plan,
    provision,
    rollback,
    status,
    train,
    validate,
)

Stage = Callable[[Context], Outcome]

STAGES: dict[str, Stage] = {
    "validate": validate.run,
    "plan": plan.run,
    "provision": provision.run,
    "build": build.run,
    "train": train.run,
    "evaluate": evaluate.run,
    "deploy": deploy.run,
    "invoke": invoke.run,
    "status": status.run,
    "rollback": rollback.run,
    "delete": delete.run,
}
