"""The grammar of the command line."""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from shapemaker_action import __version__, lazy
from shapemaker_action.context import Switches
from shapemaker_action.errors import InvalidInputError
from shapemaker_action.invocation import DEFAULT_CONFIG, STAGES, TOOLS, Invocation, Start

if TYPE_CHECKING:
    import difflib
    from collections.abc import Mapping, Sequence
else:
    (difflib,) = lazy.modules("", "difflib")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InvalidInputError(message, state="nothing was done", remedy=f"see {self.prog} --help")


class _Help(argparse.RawDescriptionHelpFormatter):
    """As wide as the terminal; argparse makes one for every option, and would import the archivers of shutil for it."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told) > 0:
        return int(told)
    try:
        return os.get_terminal_size().columns or 80
    except OSError:
        return 80


def parser(program: str) -> argparse.ArgumentParser:
    """The grammar: `shapemaker STAGE[,STAGE…] [options]`."""
    lines = [f"  {name:<10} {text}" for name, text in (STAGES | TOOLS).items()]
    made = _Parser(
        prog=program,
        usage="%(prog)s STAGE[,STAGE...] [options]",
        description="Bring your own container to Amazon SageMaker, from model code to an answered invocation.",
        epilog="\n".join(["stages and tools:", *lines]),
        formatter_class=_Help,
        allow_abbrev=False,
    )
    made.add_argument("words", metavar="STAGE", nargs="+", help="what to do; several stages separated by commas")
    made.add_argument("--version", action="version", version=f"shapemaker {__version__}")
    for add in (_add_common, _add_training, _add_deployment, _add_workflow, _add_tools):
        add(made)
    return made


def _add_common(made: argparse.ArgumentParser) -> None:
    group = made.add_argument_group("every stage")
    group.add_argument(
        "--config",
        metavar="PATH",
        action="append",
        default=[],
        help=f"configuration file, YAML or JSON; repeat it to overlay several (default: {DEFAULT_CONFIG})",
    )
    group.add_argument("--environment", metavar="NAME", default="", help="entry of `environments:` to lay over it")
    group.add_argument("--target", choices=("aws", "local"), default="aws", help="AWS, or the local SageMaker")
    group.add_argument("--region", metavar="REGION", default="", help="wins over aws.region of the configuration")
    group.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], help="replace one value: train.spot=true"
    )
    group.add_argument(
        "--format", choices=("text", "json"), default="text", help="json: one document (not for --help, --version)"
    )
    group.add_argument(
        "--engine",
        choices=("docker", "podman", "process"),
        default="",
        help="container engine (default: what is there)",
    )
    group.add_argument(
        "--directory", metavar="PATH", default="", help="the repository (default: the current directory)"
    )
    group.add_argument("--no-wait", action="store_true", help="do not wait for a job or an endpoint")
    group.add_argument(
        "--timeout", metavar="SECONDS", type=_seconds, default=0, help="stop waiting after this; work goes on"
    )
    group.add_argument("--fingerprint", metavar="DIGEST", default="", help="apply only a plan with this fingerprint")
    group.add_argument(
        "--changed-since", metavar="REV", default="", help="plan of many models: leave out those unchanged since then"
    )


def _add_workflow(made: argparse.ArgumentParser) -> None:
    group = made.add_argument_group("in a workflow")
    group.add_argument(
        "--role-to-assume", metavar="ARN", default="", help="exchange the OIDC token of the job for this role"
    )
    group.add_argument(
        "--on-cancel",
        choices=("leave", "stop"),
        default="leave",
        help="what a signal does to the job that is waited for",
    )
    group.add_argument("--no-comment", action="store_true", help="no comment on the pull request")
    group.add_argument("--no-summary", action="store_true", help="no job summary")


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"expected seconds, 0 or more, got {text!r}")
    return value


def _add_training(made: argparse.ArgumentParser) -> None:
    group = made.add_argument_group("train")
    group.add_argument("--retry", action="store_true", help="another attempt at a job that failed or was stopped")
    group.add_argument(
        "--experimental", action="store_true", help="under a prefix of its own, never picked by a deploy"
    )


def _add_deployment(made: argparse.ArgumentParser) -> None:
    group = made.add_argument_group("deploy, status, delete")
    group.add_argument("--model-data", metavar="S3_URI", default="", help="deploy these artifacts")
    group.add_argument("--training-job", metavar="NAME", default="", help="deploy the model of this job")
    group.add_argument("--force", action="store_true", help="deploy past the quality gate")
    group.add_argument("--logs", action="store_true", help="status: show the endpoint's log")
    group.add_argument(
        "--everything", action="store_true", help="delete: bucket, repository, role and job records, too"
    )


def _add_tools(made: argparse.ArgumentParser) -> None:
    group = made.add_argument_group("init, local, dev")
    group.add_argument("--name", metavar="NAME", default="", help="init: what the project is called")
    group.add_argument("--framework", metavar="NAME", default="", help="init: sklearn, torch or python")
    group.add_argument("--workflow", action="store_true", help="init: only the workflows")
    group.add_argument(
        "--from-template", metavar="DIR", default="", help="init: a project of the cookiecutter template"
    )
    group.add_argument("--makefile", action="store_true", help="init --from-template: the old make targets, too")
    group.add_argument("--yes", action="store_true", help="init: ask nothing, take the defaults")
    group.add_argument(
        "--eject", metavar="PART", default="", help="init: only this part of shapemaker, to make it yours"
    )
    group.add_argument("--port", metavar="PORT", type=int, default=0, help="local up, dev serve: the port on 127.0.0.1")
    group.add_argument("--bare", action="store_true", help="dev: without a container, in your own Python")
    group.add_argument("--reload", action="store_true", help="dev serve --bare: restart when the code changes")
    group.add_argument("--requests", action="store_true", help="local logs: the API calls instead of the server's log")


def from_argv(argv: Sequence[str], environ: Mapping[str, str], program: str) -> Invocation:
    """The invocation of a command line.

    Raises:
        InvalidInputError: an option or a stage that does not exist.
    """
    given = parser(program).parse_args(list(argv))
    switches = Switches(
        wait=not given.no_wait,
        retry=given.retry,
        experimental=given.experimental,
        model_data=given.model_data,
        training_job=given.training_job,
        force=given.force,
        everything=given.everything,
        timeout=given.timeout,
        fingerprint=given.fingerprint,
        logs=given.logs,
        changed_since=given.changed_since,
        on_cancel=given.on_cancel,
    )
    start = Start(
        name=given.name,
        framework=given.framework,
        workflow=given.workflow,
        from_template=given.from_template,
        makefile=given.makefile,
        yes=given.yes,
    )
    return _checked(
        Invocation(
            words=tuple(given.words),
            root=_root(given.directory, environ),
            directory=given.directory,
            configs=tuple(given.config) or (DEFAULT_CONFIG,),
            environment=given.environment,
            target=given.target,
            region=given.region,
            sets=tuple(given.set),
            format=given.format,
            engine=given.engine or environ.get("SHAPEMAKER_ENGINE", ""),
            port=given.port,
            bare=given.bare,
            reload=given.reload,
            eject=given.eject,
            requests=given.requests,
            role_to_assume=given.role_to_assume,
            comment=not given.no_comment,
            summary=not given.no_summary,
            start=start,
            switches=switches,
            program=program,
        )
    )


def _root(directory: str, environ: Mapping[str, str]) -> Path:
    base = Path(environ.get("GITHUB_WORKSPACE") or ".") if directory and environ.get("GITHUB_ACTIONS") else Path()
    root = (base / directory).resolve()
    if not root.is_dir():
        raise InvalidInputError(f"there is no directory {directory}", remedy="check --directory (working-directory)")
    return root


def _checked(invocation: Invocation) -> Invocation:
    first = invocation.words[0]
    if invocation.is_tool:
        return invocation
    for name in (part.strip() for part in first.split(",")):
        if name in TOOLS and name != "run":
            raise InvalidInputError(
                f"'{name}' is no stage, it goes alone", state="nothing was done", remedy=f"run it by itself: {name}"
            )
        if name not in STAGES and name != "run":
            close = difflib.get_close_matches(name, [*STAGES, *TOOLS], n=1)
            meant = f"; did you mean '{close[0]}'?" if close else ""
            raise InvalidInputError(f"unknown stage {name!r}{meant}", remedy=f"one of: {', '.join([*STAGES, *TOOLS])}")
    if invocation.words[1:]:
        raise InvalidInputError(
            f"unexpected {invocation.words[1]!r} after the stage",
            remedy=f"separate several stages by commas: {','.join(invocation.words)}",
        )
    stages = invocation.stages
    if not invocation.switches.wait and stages[-1:] not in {("train",), ("deploy",)}:
        raise InvalidInputError(
            f"--no-wait goes with train or deploy as the last stage, not with {stages[-1]}",
            state="nothing was done",
            remedy="leave --no-wait out, or end with train",
        )
    return invocation
