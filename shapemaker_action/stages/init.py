"""init: a repository to begin with, its workflows, the move from the cookiecutter template, or an ejected part."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shapemaker_action.errors import InvalidInputError
from shapemaker_action.stages import eject, starter, workflows
from shapemaker_action.stages.migration import migrate

if TYPE_CHECKING:
    from pathlib import Path

    from shapemaker_action.invocation import Invocation
    from shapemaker_action.outcome import Outcome

_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")


@dataclass(frozen=True, kw_only=True)
class Request:
    """What `shapemaker init …` was asked. Empty strings: not said."""

    root: Path
    config: str
    environment: str
    program: str
    name: str = ""
    framework: str = ""
    region: str = ""
    role: str = ""
    """ARN of the role that the workflows assume."""
    workflow: bool = False
    from_template: str = ""
    makefile: bool = False
    eject: str = ""
    asks: bool = False
    """Whether questions may be put to a person."""

    @classmethod
    def of(cls, invocation: Invocation) -> Request:
        """From the command line."""
        start = invocation.start
        if invocation.words[1:]:
            raise InvalidInputError(
                f"unexpected {invocation.words[1]!r} after init", state="nothing was written", remedy="see --help"
            )
        return cls(
            root=invocation.root,
            config=invocation.configs[0],
            environment=invocation.environment,
            program=invocation.program,
            name=start.name,
            framework=start.framework,
            region=invocation.region,
            role=invocation.role_to_assume,
            workflow=start.workflow,
            from_template=start.from_template,
            makefile=start.makefile,
            eject=invocation.eject,
            asks=not start.yes and invocation.format == "text",
        )


def run(request: Request) -> Outcome:
    """Write new files; nothing that is there is ever changed."""
    _refuse_mixtures(request)
    if request.eject:
        return eject.run(request.root, request.eject)
    if request.from_template:
        return migrate.run(
            migrate.Request(
                root=request.root,
                project=request.from_template,
                makefile=request.makefile,
                workflows=request.workflow,
                role=request.role,
                program=request.program,
            )
        )
    if request.workflow:
        return workflows.run(request.root, request.config, environment=request.environment, role=request.role)
    wanted = starter.Answers(name=request.name, framework=request.framework, region=request.region or _region())
    if request.asks:
        wanted = starter.ask(request.root, wanted, region_is_given=bool(request.region))
    return starter.run(request.root, wanted, role=request.role, program=request.program)


def _refuse_mixtures(request: Request) -> None:
    """Options that say nothing together would be forgotten silently."""
    if request.eject and (request.workflow or request.from_template or request.name or request.framework):
        _refuse("--eject goes alone", "leave the other options of init out")
    if request.makefile and not request.from_template:
        _refuse("--makefile goes with --from-template", "name the project of the cookiecutter template")
    given = {"--name": request.name, "--framework": request.framework}
    for option, value in given.items():
        if value and (request.workflow or request.from_template):
            _refuse(f"{option} is read from the project that is there", f"leave {option} out")


def _refuse(message: str, remedy: str) -> None:
    raise InvalidInputError(message, state="nothing was written", remedy=remedy)


def _region() -> str:
    return next((os.environ[name] for name in _REGIONS if os.environ.get(name)), "")
