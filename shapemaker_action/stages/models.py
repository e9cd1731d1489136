"""Many models in one repository: all of them validated at once, and those that a change concerns as a matrix."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from shapemaker_action import git, lazy
from shapemaker_action.config import paths
from shapemaker_action.config.load import load
from shapemaker_action.diagnostics import Diagnostic, Severity
from shapemaker_action.errors import ConfigError, InvalidInputError
from shapemaker_action.events import Notice
from shapemaker_action.outcome import Outcome, Table
from shapemaker_action.record import dataclass, replace
from shapemaker_action.stages import validate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shapemaker_action.config.project import Project
    from shapemaker_action.containers import context as contexts
    from shapemaker_action.events import Emit
    from shapemaker_action.invocation import Invocation
    from shapemaker_action.resources import image
else:
    (contexts,) = lazy.modules("shapemaker_action.containers", "context")
    (image,) = lazy.modules("shapemaker_action.resources", "image")

OWN = "shapemaker.yml"
"""A configuration of this name marks the directory that its model has for itself."""

MOST = 256
"""Jobs that GitHub makes of one matrix."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model of the repository: where it lies below the working directory, and its configurations there."""

    directory: str
    configs: tuple[str, ...]

    @property
    def place(self) -> str:
        """The configuration as seen from the working directory."""
        return posixpath.normpath(posixpath.join(self.directory, self.configs[0]))


def stages(invocation: Invocation, emit: Emit) -> dict[str, Callable[[], tuple[Outcome, tuple[Diagnostic, ...]]]]:
    """What can be done with many models, by stage: an outcome, and the errors that are to end the run after it.

    Raises:
        InvalidInputError: a stage that is for one model, or a glob that no file matches.
    """
    models = find(invocation)
    known = {"validate": lambda: check(invocation, models), "plan": lambda: (matrix(invocation, models, emit), ())}
    for stage in invocation.stages:
        if stage not in known:
            raise InvalidInputError(
                f"{stage} works on one model; --config names {len(models)}",
                state="nothing was done",
                remedy="let plan write the matrix of changed models, and run this stage for each of its entries",
            )
    return known


def find(invocation: Invocation) -> list[Model]:
    """The models that the globs match, each once; what else --config names is laid over each of them."""
    globs = invocation.globs
    overlays = tuple(config for config in invocation.configs if config not in globs)
    found = dict.fromkeys(path for text in globs for path in paths.matching(invocation.root, text))
    if not found:
        raise InvalidInputError(
            f"no file of the repository matches {', '.join(globs)}",
            state="nothing was done",
            remedy="check --config; it is relative to the working directory, and quoted so that no shell expands it",
        )
    return [_model(path, overlays) for path in found]


def _model(path: str, overlays: tuple[str, ...]) -> Model:
    directory, name = posixpath.split(path)
    if name == OWN:
        return Model(directory=directory, configs=(name, *overlays))
    return Model(directory="", configs=(path, *overlays))


def check(invocation: Invocation, models: list[Model]) -> tuple[Outcome, tuple[Diagnostic, ...]]:
    """validate, for each of them."""
    rows, found = [], []
    for model in models:
        name, diagnostics = _checked(invocation, model)
        errors = sum(each.severity is Severity.ERROR for each in diagnostics)
        rows.append((model.place, name, _counted(errors, "problem"), _counted(len(diagnostics) - errors, "warning")))
        found += diagnostics
    table = Table(title=_counted(len(models), "model"), header=("config", "project", "", ""), rows=tuple(rows))
    warnings = tuple(each for each in found if each.severity is not Severity.ERROR)
    return Outcome(tables=(table,), diagnostics=warnings), tuple(
        each for each in found if each.severity is Severity.ERROR
    )


def _counted(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"


def _checked(invocation: Invocation, model: Model) -> tuple[str, list[Diagnostic]]:
    """The project's name, as far as it can be read, and all findings at places below the working directory."""
    root = invocation.root / model.directory
    try:
        loaded = _load(invocation, model)
    except ConfigError as error:
        return "", [_from_here(each, model) for each in error.diagnostics]
    own = (each for path in validate.own_dockerfiles(loaded[0], root) for each in validate.findings(root, path))
    return loaded[0].name, [_from_here(each, model) for each in (*loaded[1], *own)]


def _load(invocation: Invocation, model: Model) -> tuple[Project, tuple[Diagnostic, ...]]:
    loaded = load(
        [Path(config) for config in model.configs],
        root=invocation.root / model.directory,
        environment=invocation.environment,
        sets=[*invocation.sets, *([f"aws.region={invocation.region}"] if invocation.region else [])],
    )
    return loaded.project, loaded.warnings


def _from_here(diagnostic: Diagnostic, model: Model) -> Diagnostic:
    file = diagnostic.position.file
    if not model.directory or file.startswith("--"):
        return diagnostic
    return replace(diagnostic, position=replace(diagnostic.position, file=f"{model.directory}/{file}"))


def matrix(invocation: Invocation, models: list[Model], emit: Emit) -> Outcome:
    """The models whose build context, configuration, data or requests differ from the base; git alone is asked.

    Raises:
        InvalidInputError: more of them than one matrix takes.
    """
    since = invocation.switches.changed_since
    changes = git.changes(invocation.root, since)
    if changes is None:
        emit(
            Notice(
                text=f"{_why_all(invocation.root, since)}: all models count as changed", warning=bool(since.strip("0"))
            )
        )
        chosen = models
    else:
        for path in sorted(changes.deleted):
            if any(_matches(glob, path) for glob in invocation.globs):
                emit(Notice(text=f"{path} is gone: what it made on AWS stays until somebody deletes it"))
        chosen = [model for model in models if _is_concerned(invocation, model, changes)]
    if len(chosen) > MOST:
        raise InvalidInputError(
            f"{len(chosen)} models have changed; GitHub makes at most {MOST} jobs of one matrix",
            state="nothing was done",
            remedy="split the glob: one plan and one matrix for each part, such as models/[a-m]*/shapemaker.yml",
        )
    entries = [_entry(invocation, model) for model in chosen]
    if not entries:
        emit(Notice(text=f"none of {_counted(len(models), 'model')} has changed"))
    return Outcome(
        values={"matrix": {"include": [dict(each) for each in entries]}, "has-changes": bool(entries)},
        tables=(
            Table(
                title=f"{len(entries)} of {_counted(len(models), 'model')} changed",
                header=("name", "working directory", "config"),
                rows=tuple((each["name"], each["working-directory"], each["config"]) for each in entries),
            ),
        ),
    )


def _why_all(root: Path, since: str) -> str:
    if not since:
        return "there is nothing to compare with (--changed-since)"
    if not since.strip("0"):
        return "the branch is new"
    if refusal := git.problem(root):
        return f"git cannot be asked ({refusal})"
    return f"git does not know {since!r} here (actions/checkout fetches one commit unless fetch-depth says 0)"


def _entry(invocation: Invocation, model: Model) -> dict[str, str]:
    here = posixpath.join(invocation.directory, model.directory)
    return {
        "name": model.directory or model.place,
        "config": "\n".join(model.configs),
        "working-directory": here or ".",
    }


def _is_concerned(invocation: Invocation, model: Model, changes: git.Changes) -> bool:
    """Whether any change is one of this model's."""
    prefix = f"{model.directory}/" if model.directory else ""
    below = {path.removeprefix(prefix) for path in changes.paths if path.startswith(prefix)}
    if not below or not below.isdisjoint(map(posixpath.normpath, model.configs)):
        return bool(below)
    deleted = {path.removeprefix(prefix) for path in changes.deleted if path.startswith(prefix)}
    root = invocation.root / model.directory
    try:
        project, _ = _load(invocation, model)
        requests = [image.context_request(project, root, target, "docker") for target in ("training", "inference")]
        parts = frozenset().union(*(contexts.sources(request) for request in requests))
    except InvalidInputError:
        # Its own job has the words for what is wrong.
        return True
    data = [path for request in requests for path in request.data]
    folders = {*_folders(parts), *data, *({"."} if any(request.dockerfile for request in requests) else ())}
    return any(path in parts or _is_within(path, data) for path in below) or any(
        not folders.isdisjoint(_parents(path)) for path in deleted
    )


def _folders(files: frozenset[str]) -> Iterator[str]:
    """Every folder that holds one of the files, the root left out."""
    for path in files:
        yield from (each for each in _parents(path) if each != ".")


def _parents(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        yield path
    yield "."


def _is_within(path: str, places: list[str]) -> bool:
    return any(each in (path, ".") or path.startswith(f"{each.rstrip('/')}/") for each in places)


def _matches(glob: str, path: str) -> bool:
    """Whether a path that is not there any more is one that the glob would find."""
    pieces = re.split(r"(\*\*/|\*|\?|\[[^\]]*\])", posixpath.normpath(glob))
    words = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    pattern = "".join(words.get(each) or (each if each.startswith("[") else re.escape(each)) for each in pieces)
    return re.fullmatch(pattern, path) is not None
