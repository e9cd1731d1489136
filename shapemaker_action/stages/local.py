"""local: the local SageMaker, started, stopped and looked at; the only room that knows it is there."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shapemaker_action.errors import InvalidInputError
from shapemaker_action.local import lifecycle
from shapemaker_action.outcome import Outcome, Table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shapemaker_action.invocation import Invocation
    from shapemaker_action.local.lifecycle import LocalService

ACTIONS = ("up", "down", "status", "logs", "env")
SHOWN_LINES = 200


@dataclass(frozen=True, kw_only=True)
class Request:
    """What `shapemaker local …` was asked."""

    action: str
    engine: str
    port: int
    requests: bool
    region: str
    """For `env`; empty for the service's own."""
    program: str

    @classmethod
    def of(cls, invocation: Invocation, region: str) -> Request:
        """From the command line."""
        action = " ".join(invocation.words[1:]) or "status"
        if action not in ACTIONS:
            raise InvalidInputError(
                f"unknown: local {action}", remedy=f"one of: {', '.join(f'local {name}' for name in ACTIONS)}"
            )
        return cls(
            action=action,
            engine=invocation.engine or "auto",
            port=invocation.port,
            requests=invocation.requests,
            region=region,
            program=invocation.program,
        )


def ensure(engine: str, environ: Mapping[str, str]) -> LocalService:
    """The running service; started when there is none."""
    return lifecycle.up(lifecycle.state_directory(environ), engine=engine or "auto")


def run(request: Request, environ: Mapping[str, str]) -> Outcome:
    """One of the five actions."""
    state = lifecycle.state_directory(environ)
    if request.action == "up":
        service = lifecycle.up(state, engine=request.engine, port=request.port)
        return _described(service, f'eval "$({request.program} local env)"')
    if request.action == "down":
        lifecycle.down(state)
        return Outcome(next=f"{request.program} local up")
    if request.action == "env":
        return Outcome(data=_exports(lifecycle.up(state, engine=request.engine), request.region))
    if request.action == "logs":
        return Outcome(tables=(_calls(state) if request.requests else _log(state),))
    running = lifecycle.status(state)
    if running is None:
        rows = (("state", "not running"), ("directory", str(state)))
        return Outcome(
            tables=(Table(title="Local SageMaker", header=("", ""), rows=rows),),
            next=f"{request.program} local up",
        )
    return _described(running, f"{request.program} run --target local")


def _described(service: LocalService, command: str) -> Outcome:
    rows = (
        ("state", "running"),
        ("url", service.url),
        ("account", service.account),
        ("engine", service.engine),
        ("process", str(service.pid)),
        ("directory", str(service.state)),
    )
    return Outcome(
        values={"url": service.url, "account": service.account, "engine": service.engine},
        tables=(Table(title="Local SageMaker", header=("", ""), rows=rows),),
        next=command,
    )


def _exports(service: LocalService, region: str) -> str:
    variables = lifecycle.environment(service)
    if region:
        variables |= {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    # A profile or a session token of the real AWS would win over these or be sent along with them.
    return "\n".join([*lines, "unset AWS_PROFILE AWS_SESSION_TOKEN AWS_DEFAULT_PROFILE"])


def _log(state: Path) -> Table:
    rows = tuple((line,) for line in _last_lines(state / "server.log"))
    return Table(title="Log of the local SageMaker", header=("",), rows=rows)


def _calls(state: Path) -> Table:
    """The last API calls; those that changed something have a star."""
    rows = []
    for line in _last_lines(state / "requests.jsonl"):
        try:
            entry = json.loads(line)
        except ValueError:
            # The server was writing this line while it was read.
            continue
        mark = "*" if entry.get("mutating") else ""
        rows.append((mark, *(str(entry.get(key, "")) for key in ("status", "service", "operation", "resource"))))
    header = ("", "status", "service", "operation", "resource")
    return Table(title="Calls of the local SageMaker", header=header, rows=tuple(rows))


def _last_lines(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return text.splitlines()[-SHOWN_LINES:]
