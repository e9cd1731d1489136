"""An AWS that answers from a script and remembers what it was asked, and a context that works with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shapemaker_action.aws.session import Aws, AwsCallError, Target
from shapemaker_action.aws.wait import Clock
from shapemaker_action.config.load import load
from shapemaker_action.context import Context
from tests.support.consumer import MEAN, write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.containers.engine import Engine

ACCOUNT = "111122223333"
MISSING = AwsCallError("any", "any", "404", "", 404)


class Scripted(Aws):
    """Answers by operation: a reply, an error, or a list of them, of which the last stays; unscripted is empty."""

    def __init__(self, script: Mapping[str, Any], region: str = "eu-west-1") -> None:
        super().__init__(Target(region=region))
        user = {"Arn": f"arn:aws:iam::{ACCOUNT}:user/somebody"}
        self.script: dict[str, Any] = {"GetCallerIdentity": user, **script}
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def call(self, service: str, operation: str, request: Mapping[str, Any] | None = None) -> dict[str, Any]:
        self.asked.append((f"{service} {operation}", dict(request or {})))
        answer = self.script.get(operation, {})
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, AwsCallError):
            raise answer
        reply: dict[str, Any] = answer
        return reply

    def call_briefly(self, service: str, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        return self.call(service, operation, request)

    def requests(self, operation: str) -> list[dict[str, Any]]:
        return [request for name, request in self.asked if name.endswith(f" {operation}")]


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.seconds, sleep=self.sleep)


def context(folder: Path, aws: Aws, *sets: str, environment: str = "", more: str = "") -> Context:
    """The smallest project, named `law`, with settings laid over it."""
    text = MEAN["shapemaker.yml"].replace("NAME", "law") + more
    root = write(folder, {**MEAN, "shapemaker.yml": text})
    loaded = load([Path("shapemaker.yml")], root=root, environment=environment, sets=sets)
    return Context(
        project=loaded.project,
        root=root,
        config=("shapemaker.yml",),
        aws=aws,
        engine=no_engine,
        emit=lambda _: None,
        command="shapemaker {stages}",
        clock=Time().clock,
    )


def no_engine() -> Engine:
    raise AssertionError("no container engine is needed here")


def without_waiting(of: Context) -> Context:
    return replace(of, switches=replace(of.switches, wait=False))
