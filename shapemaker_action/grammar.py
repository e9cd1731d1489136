"""The options of the command line as a table, and the reading of command lines that leave no question open."""

from __future__ import annotations

import math
from types import SimpleNamespace

from shapemaker_action.invocation import DEFAULT_CONFIG
from shapemaker_action.record import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


def seconds(text: str) -> float:
    """Raises ValueError for what is no duration."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise ValueError(f"expected seconds, 0 or more, got {text!r}")
    return value


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option. Without a `metavar` and `choices` it is a switch."""

    help: str
    metavar: str = ""
    choices: tuple[str, ...] = ()
    repeated: bool = False
    """Each time it is given adds a value."""
    read: Callable[[str], object] = str
    """Text to value; raises ValueError."""
    default: object = ""

    @property
    def is_switch(self) -> bool:
        """Whether it takes no value."""
        return not self.metavar and not self.choices


GROUPS: dict[str, dict[str, Option]] = {
    "every stage": {
        "--config": Option(
            metavar="PATH",
            repeated=True,
            help=f"configuration file, YAML or JSON; repeat it to overlay several (default: {DEFAULT_CONFIG})",
        ),
        "--environment": Option(metavar="NAME", help="entry of `environments:` to lay over it"),
        "--target": Option(choices=("aws", "local"), default="aws", help="AWS, or the local SageMaker"),
        "--region": Option(metavar="REGION", help="wins over aws.region of the configuration"),
        "--set": Option(metavar="KEY=VALUE", repeated=True, help="replace one value: train.spot=true"),
        "--format": Option(
            choices=("text", "json"), default="text", help="json: one document (not for --help, --version)"
        ),
        "--engine": Option(choices=("docker", "podman", "process"), help="container engine (default: what is there)"),
        "--directory": Option(metavar="PATH", help="the repository (default: the current directory)"),
        "--no-wait": Option(help="do not wait for a job or an endpoint"),
        "--timeout": Option(metavar="SECONDS", read=seconds, default=0, help="stop waiting after this; work goes on"),
        "--fingerprint": Option(metavar="DIGEST", help="apply only a plan with this fingerprint"),
        "--changed-since": Option(metavar="REV", help="plan of many models: leave out those unchanged since then"),
    },
    "train": {
        "--retry": Option(help="another attempt at a job that failed or was stopped"),
        "--experimental": Option(help="under a prefix of its own, never picked by a deploy"),
    },
    "deploy, status, delete": {
        "--model-data": Option(metavar="S3_URI", help="deploy these artifacts"),
        "--training-job": Option(metavar="NAME", help="deploy the model of this job"),
        "--force": Option(help="deploy past the quality gate"),
        "--logs": Option(help="status: show the endpoint's log"),
        "--everything": Option(help="delete: bucket, repository, role and job records, too"),
    },
    "in a workflow": {
        "--role-to-assume": Option(metavar="ARN", help="exchange the OIDC token of the job for this role"),
        "--on-cancel": Option(
            choices=("leave", "stop"), default="leave", help="what a signal does to the job that is waited for"
        ),
        "--no-comment": Option(help="no comment on the pull request"),
        "--no-summary": Option(help="no job summary"),
    },
    "init, local, dev": {
        "--name": Option(metavar="NAME", help="init: what the project is called"),
        "--framework": Option(metavar="NAME", help="init: sklearn or python"),
        "--workflow": Option(help="init: only the workflows"),
        "--from-template": Option(metavar="DIR", help="init: a project of the cookiecutter template"),
        "--makefile": Option(help="init --from-template: the old make targets, too"),
        "--yes": Option(help="init: ask nothing, take the defaults"),
        "--eject": Option(metavar="PART", help="init: only this part of shapemaker, to make it yours"),
        "--port": Option(metavar="PORT", read=int, default=0, help="local up, dev serve: the port on 127.0.0.1"),
        "--bare": Option(help="dev: without a container, in your own Python"),
        "--reload": Option(help="dev serve --bare: restart when the code changes"),
        "--requests": Option(help="local logs: the API calls instead of the server's log"),
    },
}
"""By the title of their group in the help."""


class _OpenQuestion(Exception):  # noqa: N818 - no error: usage.py will answer it
    """Help is wanted, something is wrong, or one has to know argparse to tell what is meant."""


def read(argv: Sequence[str]) -> SimpleNamespace | None:
    """The values of all options, and the `words`; None for any command line that is not plainly right.

    argparse would say the same (a test holds the two together), but takes longer to load and to be told of the options
    than many a run takes in all.
    """
    options = {name: option for group in GROUPS.values() for name, option in group.items()}
    values = {field(name): [] if each.repeated else initial(each) for name, each in options.items()}
    try:
        words = _read(iter(argv), options, values)
    except (_OpenQuestion, ValueError):
        return None
    return SimpleNamespace(words=words, **values) if words else None


def field(name: str) -> str:
    """The attribute that an option's value goes to."""
    return name.removeprefix("--").replace("-", "_")


def initial(option: Option) -> object:
    """The value of an option that is not given."""
    return False if option.is_switch else option.default


def _read(rest: Iterator[str], options: dict[str, Option], values: dict[str, object]) -> list[str]:
    words: list[str] = []
    is_open = True
    for each in rest:
        if each.startswith("-") and each != "--":
            _take(each, rest, options, values)
            is_open = not words
        elif not is_open:
            raise _OpenQuestion
        elif each == "--":
            return [*words, *_words(rest)]
        else:
            words.append(each)
    return words


def _words(rest: Iterator[str]) -> list[str]:
    """What follows `--`."""
    words = list(rest)
    if any(each.startswith("-") for each in words):
        raise _OpenQuestion
    return words


def _take(word: str, rest: Iterator[str], options: dict[str, Option], values: dict[str, object]) -> None:
    """One option with its value, which may be the next word."""
    name, equals, text = word.partition("=")
    option = options.get(name)
    if option is None or (option.is_switch and equals):
        raise _OpenQuestion
    if option.is_switch:
        values[field(name)] = True
        return
    text = text if equals else next(rest, "")
    if not text or text.startswith("-") or (option.choices and text not in option.choices):
        raise _OpenQuestion
    value = option.read(text)
    known = values[field(name)]
    if isinstance(known, list):
        known.append(value)
    else:
        values[field(name)] = value
