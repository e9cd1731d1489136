"""The command line: one error boundary around the stages, and nothing else."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from shapemaker_action import __version__, inputs, lazy, signals, trust
from shapemaker_action.arguments import from_argv
from shapemaker_action.config.load import load
from shapemaker_action.context import Context
from shapemaker_action.errors import (
    AccessError,
    Cancelled,
    CancelledError,
    ConfigError,
    EnvironmentProblemError,
    ShapemakerError,
    TerminatedError,
)
from shapemaker_action.events import Notice, StageFinished, StageStarted
from shapemaker_action.github.event import Event as TriggerEvent
from shapemaker_action.record import replace
from shapemaker_action.report import reporters
from shapemaker_action.report.result import Result, Run, StageResult
from shapemaker_action.signals import Guard
from shapemaker_action.stages.registry import STAGES

TYPE_CHECKING = False
if TYPE_CHECKING:
    import platform
    import traceback
    from collections.abc import Iterator

    from shapemaker_action import git, identity
    from shapemaker_action.aws import session
    from shapemaker_action.aws.session import Aws
    from shapemaker_action.config.project import Project
    from shapemaker_action.containers import select
    from shapemaker_action.containers.engine import Engine
    from shapemaker_action.events import Emit, Event
    from shapemaker_action.invocation import Invocation
    from shapemaker_action.outcome import Outcome
    from shapemaker_action.report.reporter import Reporter
    from shapemaker_action.stages import dev, init, local, models, plan, schema
else:
    platform, traceback = lazy.modules("", "platform", "traceback")
    git, identity, session, select = lazy.modules(
        "shapemaker_action", "git", "identity", "aws.session", "containers.select"
    )
    dev, init, local, models, plan, schema = lazy.modules(
        "shapemaker_action.stages", "dev", "init", "local", "models", "plan", "schema"
    )

_OWN_PLAN = frozenset({"plan", "delete"})
"""Stages that hold their own plan against `--fingerprint`; for the others it is that of the plan stage."""

_MACHINE = frozenset(
    {
        errno.EACCES,
        errno.EDQUOT,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.ENOSPC,
        errno.EPERM,
        errno.EROFS,
    }
)
"""What the machine refuses or lacks; any other error of the operating system that gets to the top is a bug."""


def main(argv: list[str] | None = None) -> int:
    """Run one command; the exit code is of `errors.ExitCode`."""
    # A signal has to wait until it can be answered with a report.
    signals.hold()
    arguments = sys.argv[1:] if argv is None else argv
    result = Result()
    # Known before anything can go wrong: an error has to come in the format that was asked for.
    reporter = reporters.choose(inputs.format_of(arguments, os.environ), os.environ)
    began = time.monotonic()

    def report(unheeded: int) -> int:
        if unheeded:
            _cancel(result, Cancelled(unheeded))
        result.seconds = time.monotonic() - began
        reporter.finish(result)
        return int(result.exit_code)

    guard = Guard(report)
    with guard.listening():
        try:
            with guard.interruptible():
                _command(arguments, reporter, result, guard)
        except ShapemakerError as error:
            result.error = error
        except Cancelled as cancelled:
            _cancel(result, cancelled)
        except OSError as error:
            result.error = _lacking(error) if error.errno in _MACHINE else _bug(error)
        except Exception as error:  # noqa: BLE001 - the one boundary: what gets here is a bug of ours
            result.error = _bug(error)
        return guard.end()


def _command(arguments: list[str], reporter: Reporter, result: Result, guard: Guard) -> None:
    invocation = _invocation(arguments)
    result.run = Run.of(invocation)
    if invocation.is_tool:
        guard.be_patient()
    else:
        result.resume = invocation.resume(invocation.words[0])
    guard.release()
    if invocation.engine:
        # An option wins over a variable, also in what we start: so it becomes the variable.
        os.environ[select.OVERRIDE] = invocation.engine
    run(invocation, reporter, result)


def run(invocation: Invocation, reporter: Reporter, result: Result) -> None:
    """As `main`, but it raises; `result` grows stage by stage."""

    def emit(event: Event) -> None:
        result.record(event)
        reporter.event(event)

    event = TriggerEvent.of(os.environ)
    invocation = trust.allowed(invocation, event, emit)
    if event.base_commit and not invocation.switches.changed_since:
        invocation = replace(invocation, switches=replace(invocation.switches, changed_since=event.base_commit))
    result.run = Run.of(invocation)
    if invocation.is_tool:
        try:
            _finish(reporter, result, invocation.words[0], 0, _run_tool(invocation, reporter, emit))
        except Cancelled as cancelled:
            raise _cancelled(cancelled.number, "it was stopped", "run the same command again") from cancelled
        return
    if invocation.globs:
        _run_many(invocation, reporter, result, emit)
        return
    context = build_context(invocation, reporter, emit)
    with _explained(context):
        if invocation.switches.fingerprint and not _OWN_PLAN.issuperset(invocation.stages):
            _demand_account(context)
            plan.whole(context).demand(invocation.switches.fingerprint)
        for number, stage in enumerate(invocation.stages):
            result.resume = context.again(",".join(invocation.stages[number:]))
            if stage != "validate":
                _demand_account(context)
            emit(StageStarted(stage=stage))
            began = time.monotonic()
            # Only the last stage may leave before its work is done: each of the others is what the next one needs.
            waiting = context if stage == invocation.stages[-1] else _patient(context)
            outcome = STAGES[stage](waiting)
            _finish(reporter, result, stage, time.monotonic() - began, outcome)
        result.resume = ""


def _run_many(invocation: Invocation, reporter: Reporter, result: Result, emit: Emit) -> None:
    known = models.stages(invocation, emit)
    for stage in invocation.stages:
        emit(StageStarted(stage=stage))
        began = time.monotonic()
        outcome, errors = known[stage]()
        _finish(reporter, result, stage, time.monotonic() - began, outcome)
        if errors:
            raise ConfigError(errors)
    result.resume = ""


def _patient(context: Context) -> Context:
    return replace(context, switches=replace(context.switches, wait=True))


@contextmanager
def _explained(context: Context) -> Iterator[None]:
    try:
        yield
    except session.AwsCallError as error:
        raise error.explain(context.again) from error


def _finish(reporter: Reporter, result: Result, stage: str, seconds: float, outcome: Outcome) -> None:
    result.ended(StageResult(stage=stage, seconds=seconds, outcome=outcome))
    if stage in STAGES:
        reporter.event(StageFinished(stage=stage, seconds=seconds, outcome=outcome.summary))
    reporter.outcome(outcome)


def _run_tool(invocation: Invocation, reporter: Reporter, emit: Emit) -> Outcome:
    tool = invocation.words[0]
    if tool == "schema":
        return schema.run()
    if tool == "init":
        return init.run(init.Request.of(invocation))
    if tool == "local":
        return local.run(local.Request.of(invocation, _region(invocation, emit)), os.environ)
    request = dev.Request.of(invocation)
    context = build_context(invocation, reporter, emit)
    with _explained(context):
        return dev.run(context, request)


def _demand_account(context: Context) -> None:
    """Before anything is read or changed: whether these credentials are of the account that the project allows."""
    allowed = context.project.aws.account
    if allowed and (found := context.aws.realm.account) != allowed:
        raise AccessError(
            f"the credentials are of account {found}, but aws.account allows only {allowed}",
            state="nothing was changed",
            remedy="use credentials of the right account, or change aws.account in the configuration",
        )


def build_context(invocation: Invocation, reporter: Reporter, emit: Emit | None = None) -> Context:
    """Read the configuration, choose the target, and put together what the stages work with."""
    loaded = load(
        [Path(config) for config in invocation.configs],
        root=invocation.root,
        environment=invocation.environment,
        sets=[*invocation.sets, *([f"aws.region={invocation.region}"] if invocation.region else [])],
    )
    for warning in loaded.warnings:
        reporter.diagnostic(warning)
    project, aws = _target(invocation, loaded.project, emit or reporter.event)

    @cache
    def commit() -> str:
        return git.described(invocation.root)

    @cache
    def engine() -> Engine:
        return select.choose(invocation.engine or project.build.engine)

    return Context(
        project=project,
        root=invocation.root,
        config=invocation.configs,
        aws=aws,
        engine=engine,
        emit=emit or reporter.event,
        command=invocation.again,
        checked_out=commit,
        switches=invocation.switches,
    )


def _target(invocation: Invocation, project: Project, emit: Emit) -> tuple[Project, Aws]:
    """The one place that knows the difference: where the session goes, and whose account it is."""
    if set(invocation.stages) <= {"validate"}:
        # It never calls, so it needs none of the code for it.
        return project, lazy.value(lambda: session.Aws(session.Target(region=project.aws.region)))
    if invocation.target == "aws":
        who = identity.chosen(invocation.role_to_assume, os.environ, emit)
        return project, session.Aws(session.Target(region=project.aws.region, identity=who))
    service = local.ensure(invocation.engine or project.build.engine, os.environ)
    there = session.Target(
        region=project.aws.region,
        endpoint_url=service.url,
        access_key=service.access_key,
        secret_key=service.secret_key,
    )
    return project.here, session.Aws(there)


def _invocation(arguments: list[str]) -> Invocation:
    program = _program(Path(sys.argv[0]))
    if not arguments and inputs.given(os.environ):
        return inputs.from_inputs(os.environ, "shapemaker")
    return from_argv(arguments or ["--help"], os.environ, program)


def _region(invocation: Invocation, emit: Emit) -> str:
    """For `local env`, the region that AWS clients are pointed to: as asked, else the project's, if there is one."""
    if invocation.words[1:] != ("env",) or invocation.region or not (invocation.root / invocation.configs[0]).is_file():
        return invocation.region
    paths = [Path(config) for config in invocation.configs]
    try:
        return load(paths, root=invocation.root, environment=invocation.environment).project.aws.region
    except ConfigError as error:
        emit(Notice(text=f"{error.message}; the region is the local SageMaker's own (or say --region)", warning=True))
        return ""


def _program(path: Path) -> str:
    """How the user would start us again from here: `shapemaker` when installed, `./entrypoint` in a checkout."""
    if path.name != "entrypoint":
        return "shapemaker"
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else f"./{relative}"


def _cancel(result: Result, cancelled: Cancelled) -> None:
    """End the run by a signal. What was stopped on purpose is begun anew by the command that goes on."""
    again = f"go on with: {result.resume}" if result.resume else "run the same command again; it re-attaches"
    result.error = _cancelled(cancelled.number, cancelled.state or "jobs and rollouts that were started go on", again)
    # There is no time for it.
    result.run = replace(result.run, comment=False)


def _cancelled(number: int, state: str, remedy: str) -> ShapemakerError:
    error = CancelledError if number == signal.SIGINT else TerminatedError
    return error("cancelled", state=state, remedy=remedy)


def _lacking(error: OSError) -> ShapemakerError:
    place = f": {error.filename}" if error.filename else ""
    return EnvironmentProblemError(
        f"{error.strerror}{place}",
        state="what was done so far stays; running again is safe",
        remedy="free what this machine lacks, or change who may read and write there, then run the same command again",
    )


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
