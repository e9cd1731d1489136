"""The command line: one error boundary around the stages, and nothing else."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
import traceback
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from shapemaker_action import __version__
from shapemaker_action.arguments import HELPERS, Invocation, from_argv, from_inputs
from shapemaker_action.aws.session import Aws, AwsCallError, Target
from shapemaker_action.config.load import load
from shapemaker_action.containers.select import choose
from shapemaker_action.context import Context
from shapemaker_action.errors import CancelledError, ShapemakerError, TerminatedError
from shapemaker_action.events import StageFinished, StageStarted
from shapemaker_action.report import reporters
from shapemaker_action.report.result import Result, StageResult
from shapemaker_action.stages import dev, init, local, schema
from shapemaker_action.stages.registry import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from shapemaker_action.config.project import Project
    from shapemaker_action.containers.engine import Engine
    from shapemaker_action.outcome import Outcome
    from shapemaker_action.report.reporter import Reporter


def main(argv: list[str] | None = None) -> int:
    """Run one command; the exit code is of `errors.ExitCode`."""
    arguments = sys.argv[1:] if argv is None else argv
    result = Result(command=" ".join(arguments))
    reporter = reporters.choose("text", os.environ)
    began = time.monotonic()
    try:
        with _signals():
            invocation = _invocation(arguments)
            reporter = reporters.choose(invocation.format, os.environ)
            result.target = invocation.target
            run(invocation, reporter, result)
    except ShapemakerError as error:
        result.error = error
    except AwsCallError as error:
        result.error = error.explain()
    except Exception as error:  # noqa: BLE001 - the one boundary: what gets here is a bug of ours
        result.error = _bug(error)
    result.seconds = time.monotonic() - began
    reporter.finish(result)
    return int(result.exit_code)


def run(invocation: Invocation, reporter: Reporter, result: Result) -> None:
    """As `main`, but it raises; `result` grows stage by stage."""
    if invocation.words[0] in HELPERS and invocation.words[0] != "run":
        _finish(reporter, result, invocation.words[0], 0, _help_out(invocation, reporter))
        return
    context = build_context(invocation, reporter)
    for stage in invocation.stages:
        reporter.event(StageStarted(stage=stage))
        began = time.monotonic()
        outcome = STAGES[stage](context)
        _finish(reporter, result, stage, time.monotonic() - began, outcome)


def _finish(reporter: Reporter, result: Result, stage: str, seconds: float, outcome: Outcome) -> None:
    result.stages.append(StageResult(stage=stage, seconds=seconds, outcome=outcome))
    if stage in STAGES:
        reporter.event(StageFinished(stage=stage, seconds=seconds, outcome=outcome.summary))
    reporter.outcome(outcome)


def _help_out(invocation: Invocation, reporter: Reporter) -> Outcome:
    helper = invocation.words[0]
    if helper == "schema":
        return schema.run()
    if helper == "init":
        return init.run(invocation.root, invocation.eject)
    if helper == "local":
        return local.run(local.Request.of(invocation, _region(invocation)), os.environ)
    return dev.run(build_context(invocation, reporter), dev.Request.of(invocation))


def build_context(invocation: Invocation, reporter: Reporter) -> Context:
    """Read the configuration, choose the target, and put together what the stages work with."""
    loaded = load(
        [Path(config) for config in invocation.configs],
        root=invocation.root,
        environment=invocation.environment,
        sets=[*invocation.sets, *([f"aws.region={invocation.region}"] if invocation.region else [])],
    )
    for warning in loaded.warnings:
        reporter.diagnostic(warning)
    project, aws = _target(invocation, loaded.project)

    @cache
    def engine() -> Engine:
        return choose(invocation.engine or project.build.engine)

    return Context(
        project=project,
        root=invocation.root,
        config=invocation.configs,
        aws=aws,
        engine=engine,
        emit=reporter.event,
        command=invocation.again,
        commit=_commit(invocation.root),
        switches=invocation.switches,
    )


def _target(invocation: Invocation, project: Project) -> tuple[Project, Aws]:
    """The one place that knows the difference: where the session goes, and whose account it is."""
    if invocation.target == "aws" or set(invocation.stages) <= {"validate"}:
        return project, Aws(Target(region=project.aws.region))
    service = local.ensure(invocation.engine or project.build.engine, os.environ)
    there = Target(
        region=project.aws.region,
        endpoint_url=service.url,
        access_key=service.access_key,
        secret_key=service.secret_key,
    )
    # A role and an account number of the real AWS mean nothing there.
    return replace(project, aws=replace(project.aws, account="", role="")), Aws(there)


def _invocation(arguments: list[str]) -> Invocation:
    program = _program(Path(sys.argv[0]))
    if not arguments and "SHAPEMAKER_INPUT_STAGE" in os.environ:
        return from_inputs(os.environ, "shapemaker")
    return from_argv(arguments or ["--help"], os.environ, program)


def _region(invocation: Invocation) -> str:
    """The region that AWS clients are pointed to: as asked, else the project's, if there is one here."""
    if invocation.region or not (invocation.root / invocation.configs[0]).is_file():
        return invocation.region
    paths = [Path(config) for config in invocation.configs]
    return load(paths, root=invocation.root, environment=invocation.environment).project.aws.region


def _program(path: Path) -> str:
    """How the user would start us again from here: `shapemaker` when installed, `./entrypoint` in a checkout."""
    if path.name != "entrypoint":
        return "shapemaker"
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else f"./{relative}"


def _commit(root: Path) -> str:
    """The commit that is checked out, marked when files differ from it; empty outside of git."""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty=+changes", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


@contextmanager
def _signals() -> Iterator[None]:
    """SIGINT and SIGTERM end our waiting at once; nothing remote is stopped."""

    def raise_(error: type[ShapemakerError]) -> None:
        raise error(
            "cancelled",
            state="jobs and rollouts that were started go on",
            remedy="run the same command again; it re-attaches",
        )

    def on_int(_number: int, _frame: FrameType | None) -> None:
        raise_(CancelledError)

    def on_term(_number: int, _frame: FrameType | None) -> None:
        raise_(TerminatedError)

    before = signal.signal(signal.SIGINT, on_int), signal.signal(signal.SIGTERM, on_term)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])


def _bug(error: Exception) -> ShapemakerError:
    versions = f"shapemaker {__version__}, Python {platform.python_version()}, {platform.platform()}"
    return ShapemakerError(
        f"this is a bug of shapemaker: {type(error).__name__}: {error}",
        state="what was done so far stays; running again is safe",
        remedy=f"please report it with the lines above ({versions})",
        details=tuple("".join(traceback.format_exception(error)).splitlines()),
    )


if __name__ == "__main__":
    sys.exit(main())
