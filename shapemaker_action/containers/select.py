"""Which container engine to use: the one asked for, or the first that works here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shapemaker_action.assets import state_directory
from shapemaker_action.containers import buildkit, command
from shapemaker_action.containers.docker import Docker, Podman, client_environment
from shapemaker_action.containers.process import ProcessEngine
from shapemaker_action.errors import EnvironmentProblemError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.containers.engine import Engine

OVERRIDE = "SHAPEMAKER_ENGINE"
"""The variable that wins over the configuration."""

_PATIENCE = 20.0


def choose(preference: str, environ: Mapping[str, str] = os.environ) -> Engine:
    """`auto`, `docker`, `podman` or `process`; `EnvironmentProblemError` when the one asked for does not work here."""
    name = environ.get(OVERRIDE) or preference
    tried: list[str] = []
    if name in ("auto", "docker") and (client := _answering("docker", environ, tried)):
        return Docker(client, environ)
    if name in ("auto", "podman") and (client := _answering("podman", environ, tried)):
        return Podman(client, environ)
    if name in ("auto", "process"):
        return ProcessEngine(state_directory(environ), environ)
    if name not in ("docker", "podman"):
        raise InvalidInputError(
            f"there is no container engine {name!r}", remedy="choose auto, docker, podman or process"
        )
    raise EnvironmentProblemError(
        f"{name} does not work here",
        remedy=f"start or install {name}, or choose another engine (build.engine, {OVERRIDE}): auto, process",
        details=tuple(tried) or (f"there is no {name} on PATH",),
    )


def _answering(name: str, environ: Mapping[str, str], tried: list[str]) -> str:
    """The first client of that name that reaches its engine; the others leave a line in `tried`."""
    question = {"docker": ["version", "--format", "{{.Server.Version}}"], "podman": ["info"]}[name]
    for client in buildkit.clients(environ, name):
        try:
            # podman likes to answer to docker's name; it is asked under its own.
            if name == "docker" and "podman" in command.ask([client, "--version"], environ).output.lower():
                continue
            answer = command.ask([client, *question], client_environment(environ), timeout=_PATIENCE)
        except EnvironmentProblemError as error:
            tried.append(f"{client}: {error.message}")
            continue
        if answer.code == 0:
            return client
        tried.append(f"{client}: {answer.last_line}")
    return ""
