"""init: a whole repository that runs as it is, from `templates/starter`."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from shapemaker_action.assets import templates
from shapemaker_action.config.aws_facts import partition_of
from shapemaker_action.config.load import load
from shapemaker_action.config.name_rules import LONGEST_KIND, RETRY_SUFFIX
from shapemaker_action.errors import ConfigError, InvalidInputError
from shapemaker_action.naming import NAME_LIMIT, SHORT, content_name
from shapemaker_action.outcome import Outcome, Table
from shapemaker_action.stages import new_files, workflows

if TYPE_CHECKING:
    from collections.abc import Callable

CONFIG = "shapemaker.yml"
REGION = "eu-west-1"
FRAMEWORK = "sklearn"
KEPT = (".gitignore", "README.md")
"""Files that a new repository often has already: left as they are."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_RENAMED = {"gitignore": ".gitignore"}


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a starter repository is made of; empty strings for what a default will do."""

    name: str = ""
    framework: str = ""
    region: str = ""


def frameworks() -> list[str]:
    """Those that a starter exists for."""
    return sorted(folder.name for folder in (templates() / "starter").iterdir() if (folder / CONFIG).is_file())


def slug(text: str) -> str:
    """The text as a project's name, as near as the rules allow; empty if nothing of it is left."""
    return "-".join(re.findall(r"[a-z0-9]+", text.lower()))


def run(root: Path, wanted: Answers, *, role: str, program: str) -> Outcome:
    """Write the repository and check it as `validate` would."""
    answers = _checked(_completed(root, wanted))
    if (root / CONFIG).exists():
        raise InvalidInputError(
            f"this is a shapemaker repository already: there is {CONFIG}",
            state="nothing was written",
            remedy=f"for its workflows: {program} init --workflow; for a new model name another --directory",
        )
    own = workflows.files([workflows.ENVIRONMENT], workflows.ENVIRONMENT)
    files = {**_files(answers), **own}
    kept = [path for path in KEPT if (root / path).is_file()]
    files = {path: text for path, text in files.items() if path not in kept}
    with new_files.written(root, files):
        _prove(root)
    rows = [(path, "") for path in sorted(files)] + [(path, "was there, and is as it was") for path in kept]
    return Outcome(
        tables=(
            Table(title=f"{answers.name}, with {answers.framework}", header=("file", ""), rows=tuple(rows)),
            workflows.variables(own.values(), role),
        ),
        diagnostics=workflows.unpinned(own),
        next=f"{_again(program, root)} run --target local; then make modelpkg/model.py and {CONFIG} your own",
    )


def ask(root: Path, wanted: Answers, *, region_is_given: bool) -> Answers:
    """What was not said, from the person at the terminal; as it was said when there is none."""
    if not sys.stdin.isatty():
        return wanted
    default = _completed(root, wanted)
    questions: list[tuple[str, bool, str, Callable[[str], str]]] = [
        ("name", bool(wanted.name), "Name of the project", _name_fault),
        ("framework", bool(wanted.framework), f"Framework ({', '.join(frameworks())})", _framework_fault),
        ("region", region_is_given, "AWS region", _region_fault),
    ]
    answers = default
    for field, is_given, question, fault in questions:
        if not is_given:
            answers = replace(answers, **{field: _answer(question, getattr(default, field), fault)})
    return answers


def _answer(question: str, default: str, fault: Callable[[str], str]) -> str:
    while True:
        sys.stderr.write(f"{question} [{default}]: ")
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            raise InvalidInputError(
                "the questions were not answered", state="nothing was written", remedy="answer them, or say --yes"
            )
        answer = line.strip() or default
        if not (wrong := fault(answer)):
            return answer
        sys.stderr.write(f"  {wrong}\n")


def _completed(root: Path, wanted: Answers) -> Answers:
    longest = content_name(f"-{workflows.ENVIRONMENT}", LONGEST_KIND, "0" * SHORT) + RETRY_SUFFIX
    folder = slug(root.resolve().name)[: NAME_LIMIT - len(longest)].rstrip("-")
    return Answers(
        name=wanted.name or folder or "model",
        framework=wanted.framework or FRAMEWORK,
        region=wanted.region or REGION,
    )


def _checked(answers: Answers) -> Answers:
    for option, fault in (
        ("--name", _name_fault(answers.name)),
        ("--framework", _framework_fault(answers.framework)),
        ("--region", _region_fault(answers.region)),
    ):
        if fault:
            raise InvalidInputError(fault, state="nothing was written", remedy=f"say another {option}")
    return answers


def _name_fault(name: str) -> str:
    if _NAME.fullmatch(name):
        return ""
    like = f", such as {slug(name)}" if slug(name) else ""
    return f"a project's name has lower-case letters, digits and single hyphens{like}; got {name!r}"


def _framework_fault(framework: str) -> str:
    known = frameworks()
    return "" if framework in known else f"there are starters for {' and '.join(known)}; got {framework!r}"


def _region_fault(region: str) -> str:
    return "" if partition_of(region) else f"expected an AWS region such as {REGION}; got {region!r}"


def _files(answers: Answers) -> dict[str, str]:
    """Texts by path: what all starters share, then the framework's."""
    found: dict[str, str] = {}
    for folder in (templates() / "starter" / "common", templates() / "starter" / answers.framework):
        for path in folder.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                name = path.relative_to(folder).as_posix()
                found[_RENAMED.get(name, name)] = _filled(path.read_text(encoding="utf-8"), answers)
    return found


def _filled(text: str, answers: Answers) -> str:
    return text.replace("@name@", answers.name).replace("@region@", answers.region)


def _prove(root: Path) -> None:
    """Hold the new repository against all rules; what is wrong then came from the options."""
    try:
        load([Path(CONFIG)], root=root)
    except ConfigError as error:
        _explain(error)


def _explain(error: ConfigError) -> NoReturn:
    said = "; ".join(f"{each.path}: {each.message}" for each in error.diagnostics)
    hints = [each.hint for each in error.diagnostics if each.hint]
    raise InvalidInputError(
        said, state="nothing was written", remedy=hints[0] if hints else "say another --name or --region"
    ) from None


def _again(program: str, root: Path) -> str:
    return program if root.resolve() == Path.cwd() else f"cd {root} && {program}"
