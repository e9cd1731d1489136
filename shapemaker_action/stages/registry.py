"""Every stage by its name on the command line."""

from __future__ import annotations

from shapemaker_action import lazy

TYPE_CHECKING = False
if TYPE_CHECKING:
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
else:
    build, delete, deploy, evaluate, invoke, plan, provision, rollback, status, train, validate = lazy.modules(
        "shapemaker_action.stages",
        *("build", "delete", "deploy", "evaluate", "invoke", "plan", "provision", "rollback", "status"),
        *("train", "validate"),
    )

# ruff: noqa: PLW0108 - a lambda looks its stage up when it runs, and so imports it only then
STAGES: dict[str, Callable[[Context], Outcome]] = {
    "validate": lambda context: validate.run(context),
    "plan": lambda context: plan.run(context),
    "provision": lambda context: provision.run(context),
    "build": lambda context: build.run(context),
    "train": lambda context: train.run(context),
    "evaluate": lambda context: evaluate.run(context),
    "deploy": lambda context: deploy.run(context),
    "invoke": lambda context: invoke.run(context),
    "status": lambda context: status.run(context),
    "rollback": lambda context: rollback.run(context),
    "delete": lambda context: delete.run(context),
}
