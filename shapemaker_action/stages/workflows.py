"""init --workflow: the workflows of a consuming repository, from `templates/workflows`."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from shapemaker_action import git
from shapemaker_action.assets import PACKAGE, templates
from shapemaker_action.config import document
from shapemaker_action.config.node import MappingNode, find
from shapemaker_action.diagnostics import Diagnostic, Position, Severity
from shapemaker_action.errors import InvalidInputError
from shapemaker_action.outcome import Outcome, Table
from shapemaker_action.stages import new_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

FOLDER = ".github/workflows"
CONFIG = "shapemaker.yml"
ENVIRONMENT = "production"
"""The environment that the templates deploy to."""

_UNPINNED = re.compile(r"@0{40} # v[0-9.]+")
_PIN = re.compile(r"uses: \S*shapemaker\S*@(?P<commit>[0-9a-f]{40})(?: # (?P<version>v\S+))?")
_VARIABLE = re.compile(r"\bvars\.(SHAPEMAKER_[A-Z_]+)")
_INPUT = re.compile(r"^ {10}environment: (?:production|\$\{\{ inputs\.environment \}\})\n", re.MULTILINE)
_NAMED = re.compile(rf"^( +(?:environment|name|group|default): ){ENVIRONMENT}\b", re.MULTILINE)
_CHOICES = re.compile(rf"^( +- ){ENVIRONMENT}\n", re.MULTILINE)


def files(environments: Sequence[str], chosen: str) -> dict[str, str]:
    """Texts by path. `chosen` is where a push to main deploys to; empty in a repository without environments."""
    # The templates of an installed tool have their commit.
    installed = templates().parent == PACKAGE or not (PACKAGE.parent / ".git").exists()
    pin = "" if installed else reference(PACKAGE.parent)
    found: dict[str, str] = {}
    for path in sorted((templates() / "workflows").glob("*.yml")):
        text = path.read_text(encoding="utf-8")
        if chosen:
            text = _NAMED.sub(rf"\g<1>{chosen}", text)
            text = _CHOICES.sub(lambda match: "".join(f"{match[1]}{name}\n" for name in environments), text)
        else:
            text = _INPUT.sub("", text)
        found[f"{FOLDER}/{path.name}"] = _UNPINNED.sub(pin, text) if pin else text
    return found


def variables(texts: Iterable[str], role: str) -> Table:
    """What to set on GitHub, so that the workflows work on AWS and not on the local SageMaker."""
    names = sorted({name for text in texts for name in _VARIABLE.findall(text)})
    value = shlex.quote(role or "arn:aws:iam::ACCOUNT:role/NAME")
    rows = tuple((f"gh variable set {name} --body {value}",) for name in names)
    return Table(title="To work on AWS; until then all is done on the local SageMaker", header=("",), rows=rows)


def run(root: Path, config: str, *, environment: str, role: str) -> Outcome:
    """Only the workflows; the repository must have a configuration to run."""
    if config != CONFIG:
        raise InvalidInputError(
            f"the workflows are for a {CONFIG} in the repository's root, not for {config}",
            state="nothing was written",
            remedy="for many models begin with templates/workflows/instead/monorepo.yml",
        )
    environments = _environments(root)
    wanted = files(environments, _chosen(environments, environment))
    with new_files.written(root, wanted):
        written = Table(title="Workflows", header=("",), rows=tuple((path,) for path in wanted))
    return Outcome(
        tables=(written, variables(wanted.values(), role)),
        diagnostics=unpinned(wanted),
        next="git add .github, commit and push",
    )


def _environments(root: Path) -> list[str]:
    """Their names in the configuration, which must be there and readable."""
    try:
        parsed = document.parse((root / CONFIG).read_bytes(), CONFIG)
    except FileNotFoundError:
        raise InvalidInputError(
            f"there is no {CONFIG} here, and without it a workflow has nothing to run",
            state="nothing was written",
            remedy="name the repository's root with --directory, or begin a new repository: init",
        ) from None
    except IsADirectoryError:
        raise InvalidInputError(f"{CONFIG} is a folder", state="nothing was written", remedy="make it a file") from None
    except document.UnreadableError as error:
        raise new_files.refusal(error.diagnostics) from None
    section = find(parsed, ("environments",))
    return list(section.entries) if isinstance(section, MappingNode) else []


def _chosen(environments: Sequence[str], wanted: str) -> str:
    if not environments and not wanted:
        return ""
    name = wanted or ENVIRONMENT
    if name not in environments:
        raise InvalidInputError(
            f"{CONFIG} has no environment {name!r} for the workflows to deploy to",
            state="nothing was written",
            remedy=f"name one of: --environment {' | '.join(environments)}"
            if environments
            else "leave --environment out",
        )
    return name


def unpinned(texts: Mapping[str, str]) -> tuple[Diagnostic, ...]:
    """A warning where the first of these texts names the Action by what is no release; they are all alike."""
    for path, text in texts.items():
        for number, line in enumerate(text.splitlines(), start=1):
            if found := _PIN.search(line):
                return _warnings(Position(file=path, line=number, column=found.start("commit") + 1), found)
    return ()


def _warnings(place: Position, pin: re.Match[str]) -> tuple[Diagnostic, ...]:
    if pin["commit"].strip("0") and pin["version"]:
        return ()
    what = "the commit of the Action is of no release" if pin["commit"].strip("0") else "the Action has no commit here"
    hint = "put the commit of a release here, and wherever else the Action is used"
    return (Diagnostic(message=what, hint=hint, position=place, severity=Severity.WARNING),)


def reference(checkout: Path) -> str:
    """A checkout's commit, by which the Action is pinned, with its version if it is one's; empty outside of git."""
    commit = git.described(checkout).partition("+")[0]
    version = git.released(checkout)
    return f"@{commit} # {version}" if version else f"@{commit}" if commit else ""
