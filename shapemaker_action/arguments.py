"""What the user asked for: the command line, or the inputs of the Action, as one frozen value."""

from __future__ import annotations

import argparse
import difflib
import math
import shlex
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from shapemaker_action import __version__
from shapemaker_action.context import Switches
from shapemaker_action.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STAGES: dict[str, str] = {
    "validate": "check the configuration, the model class and the Dockerfiles; no network",
    "plan": "show what every stage would create, change or remove; reads only",
    "provision": "make the bucket, the image repository and the execution role, hardened",
    "build": "build and push the training and the inference image",
    "train": "run the training job, attach to it, or reuse it",
    "evaluate": "judge the trained model and hold the quality gate",
    "deploy": "put the newest good model behind the endpoint",
    "invoke": "send the sample requests to the endpoint",
    "status": "show what serves, from which commit, image and job",
    "rollback": "return the endpoint to the generation it served before",
    "delete": "remove what is owned: endpoint, configurations, models; --everything also what holds data",
}
RUN = ("validate", "provision", "build", "train", "evaluate", "deploy", "invoke")
TOOLS: dict[str, str] = {
    "run": f"the bundle {', '.join(RUN)}",
    "init": "copy a part of shapemaker out, to make it your own: --eject PART",
    "local": "the local SageMaker: local up, down, status, logs, env",
    "dev": "work on the model without SageMaker: dev train, shell, serve, test",
    "schema": "print the JSON Schema of shapemaker.yml",
}
TRUE, FALSE = frozenset({"true", "True", "TRUE"}), frozenset({"false", "False", "FALSE"})
DEFAULT_CONFIG = "shapemaker.yml"


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One call of the command line. `words` is the stage list or a tool, and what follows the tool's name."""

    words: tuple[str, ...]
    root: Path
    directory: str = ""
    """`root` as it was written."""
    configs: tuple[str, ...] = (DEFAULT_CONFIG,)
    environment: str = ""
    target: str = "aws"
    region: str = ""
    sets: tuple[str, ...] = ()
    format: str = "text"
    engine: str = ""
    port: int = 0
    bare: bool = False
    reload: bool = False
    eject: str = ""
    requests: bool = False
    switches: Switches = field(default_factory=Switches)
    program: str = "shapemaker"

    @property
    def is_tool(self) -> bool:
        """Whether this is no stage list, but something beside them."""
        return self.words[0] in TOOLS and self.words[0] != "run"

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages in the order they were given; the bundle unfolded."""
        names = [name.strip() for name in self.words[0].split(",")]
        return tuple(stage for name in names for stage in (RUN if name == "run" else (name,)))

    @property
    def again(self) -> str:
        """The command line that would do this again, with `{stages}` where the stages stand."""
        options: list[str] = []
        for name, value, default in (
            ("--target", self.target, "aws"),
            ("--environment", self.environment, ""),
            ("--region", self.region, ""),
            ("--engine", self.engine, ""),
            ("--directory", self.directory, ""),
        ):
            options += [name, shlex.quote(value)] if value != default else []
        for config in self.configs if self.configs != (DEFAULT_CONFIG,) else ():
            options += ["--config", shlex.quote(config)]
        for each in self.sets:
            options += ["--set", shlex.quote(each)]
        text = " ".join(options).replace("{", "{{").replace("}", "}}")
        return f"{self.program} {{stages}} {text}".strip()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InvalidInputError(message, state="nothing was done", remedy=f"see {self.prog} --help")


def parser(program: str) -> argparse.ArgumentParser:
    """The grammar: `shapemaker STAGE[,STAGE…] [options]`."""
    lines = [f"  {name:<10} {text}" for name, text in (STAGES | TOOLS).items()]
    made = _Parser(
        prog=program,
        usage="%(prog)s STAGE[,STAGE...] [options]",
        description="Bring your own container to Amazon SageMaker, from model code to an answered invocation.",
        epilog="\n".join(["stages and tools:", *lines]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("words", metavar="STAGE", nargs="+", help="what to do; several stages separated by commas")
    made.add_argument("--version", action="version", version=f"shapemaker {__version__}")
    for add in (_add_common, _add_training, _add_deployment, _add_tools):
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
    group.add_argument("--eject", metavar="PART", default="", help="init: the part to copy out")
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
            switches=switches,
            program=program,
        )
    )


def format_of(argv: Sequence[str], environ: Mapping[str, str]) -> str:
    """The format that is asked for, read before anything can be wrong: an error has to come in it, too."""
    if not argv:
        return "json" if _input(environ, "format") == "json" else "text"
    found = "text"
    for before, word in zip(["", *argv], argv, strict=False):
        if word == "--":
            break
        if word.startswith("--format=") or before == "--format":
            found = word.removeprefix("--format=")
    return "json" if found == "json" else "text"


def _input(environ: Mapping[str, str], name: str) -> str:
    return environ.get(f"SHAPEMAKER_INPUT_{name.upper().replace('-', '_')}", "").strip()


def from_inputs(environ: Mapping[str, str], program: str) -> Invocation:
    """The invocation of the Action: its inputs arrive as `SHAPEMAKER_INPUT_*`, empty when they were not given."""
    read = partial(_input, environ)
    argv: list[str] = []
    for option, name in (
        ("--environment", "environment"),
        ("--target", "target"),
        ("--region", "aws-region"),
        ("--directory", "working-directory"),
        ("--format", "format"),
    ):
        argv += [f"{option}={read(name)}"] if read(name) else []
    for option, name in (("--config", "config"), ("--set", "set")):
        argv += [f"{option}={line.strip()}" for line in read(name).splitlines() if line.strip()]
    wait = read("wait") or "true"
    if wait not in TRUE | FALSE:
        raise InvalidInputError(f"input wait: expected true or false, got {wait!r}", remedy="write wait: true")
    if not read("stage"):
        raise InvalidInputError("input stage is missing", remedy="name a stage: with: {stage: run}")
    argv += ["--no-wait"] if wait in FALSE else []
    return from_argv([*argv, "--", read("stage")], environ, program)


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
