"""init --from-template: `shapemaker.yml` for a project of the cookiecutter template, with the same resources."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from shapemaker_action.config.load import load
from shapemaker_action.diagnostics import Position
from shapemaker_action.errors import ConfigError
from shapemaker_action.outcome import Outcome, Table
from shapemaker_action.stages import new_files, workflows
from shapemaker_action.stages.migration import (
    code,
    documents,
    envrc,
    images,
    makefile,
    names,
    requirements,
    serving,
    settings,
    training,
)
from shapemaker_action.stages.migration.folder import Folder
from shapemaker_action.stages.migration.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.diagnostics import Diagnostic
    from shapemaker_action.stages.migration.envrc import Variables

CONFIG = "shapemaker.yml"

_REPLACED = {
    "Makefile": "stages; with --makefile, under the old targets",
    "aws": "provision, train, deploy, invoke",
    "docker-compose.yml": "dev train, dev serve, dev shell",
    "images": "build: shapemaker's own Dockerfiles",
    "server": "serve: gunicorn alone; nginx in front with serve: {nginx: true}",
    "configs/sagemaker_role.json": "aws.role, which exists; without it provision makes one that may do less",
    ".github/workflows/create_training_job.yaml": "stage.yml of init --workflow",
    ".github/workflows/create_endpoint.yaml": "stage.yml of init --workflow",
    ".github/workflows/update_endpoint.yaml": "stage.yml of init --workflow",
    ".github/workflows/delete_endpoint.yaml": "stage.yml of init --workflow",
    ".github/workflows/provision_infrastructure.yaml": "stage.yml of init --workflow",
    ".github/workflows/deliver_images.yaml": "main.yml of init --workflow",
}
"""What can go when all is well."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked. The new files come into the project's folder."""

    root: Path
    project: str
    """The folder, seen from `root`."""
    makefile: bool
    workflows: bool
    role: str
    program: str


def run(request: Request) -> Outcome:
    """Read, write, and hold what was written against all rules; files that are there stay as they are.

    Raises:
        InvalidInputError: this is no project of the template, or files are in the way.
        ConfigError: something in it cannot be read or used, at its place in the old files.
    """
    folder = Folder.of(request.root, request.project)
    sheet = Sheet()
    files: dict[str, str] = {}
    try:
        files = _read(folder, sheet)
    except ConfigError as error:
        sheet.problems += error.diagnostics
    if sheet.problems:
        raise new_files.refusal(sheet.problems)
    files[CONFIG] = settings.render(sheet.document(), sheet.left)
    files |= makefile.read(folder) if request.makefile else {}
    own = workflows.files((), "") if request.workflows else {}
    with new_files.written(folder.root, files | own):
        warnings = (*_prove(folder, sheet), *workflows.unpinned(own))
    tables = [
        Table(title="Written", header=("file", ""), rows=tuple(_written_rows(files | own))),
        Table(title="Not carried over", header=("where", "what", "instead"), rows=tuple(_left_rows(sheet))),
        Table(title="No longer needed", header=("old", "new"), rows=tuple(_replaced_rows(folder))),
    ]
    if own:
        tables.append(workflows.variables(own.values(), request.role))
    where = "" if folder.root.resolve() == Path.cwd() else f"cd {folder.root} && "
    return Outcome(
        tables=tuple(tables), diagnostics=warnings, next=f"{where}{request.program} run --target local, then without"
    )


def _read(folder: Folder, sheet: Sheet) -> dict[str, str]:
    """Fill the sheet; texts of files that the settings name."""
    text = folder.text(envrc.FILE)
    if "{{" in text and "cookiecutter." in text:
        place = Position(file=envrc.FILE, line=text[: text.index("{{")].count("\n") + 1)
        sheet.reject(place, "this is the template itself", "name a project that was made of it")
        return {}
    variables = envrc.read(text, sheet)
    names.read(variables, sheet)
    sources = code.read(folder, sheet)
    additions = images.read(folder, sheet)
    if additions.packages:
        sheet.carry(("build", "packages"), list(additions.packages), next(iter(additions.packages.values())))
    files = requirements.read(folder, code.imported(sources), additions, sheet)
    _requests(folder, variables, sheet)
    return files


def _requests(folder: Folder, variables: Variables, sheet: Sheet) -> None:
    """The documents in configs/, under the names that `.envrc` gives them."""

    def path(variable: str, default: str) -> str:
        return f"configs/{variables.get(variable) or default}"

    readers = (
        (path("JSON_TRAINING_JOB", "training_job.json"), training.read),
        (path("JSON_MODEL", "model.json"), serving.read_model),
        (path("JSON_ENDPOINT_CONFIG", "endpoint_config.json"), serving.read_endpoint_config),
    )
    for name, read in readers:
        if document := documents.read(folder, name, variables, sheet):
            read(document, sheet)
    request = path("JSON_REQUEST", "request.json")
    if folder.has(request):
        serving.read_request(request, Position(file=request), sheet)
    else:
        sheet.leave(variables.place("JSON_REQUEST"), "a sample request", "write invoke.requests")


def _prove(folder: Folder, sheet: Sheet) -> tuple[Diagnostic, ...]:
    try:
        return load([Path(CONFIG)], root=folder.root).warnings
    except ConfigError as error:
        found = [replace(each, position=sheet.origin(each.path, each.position)) for each in error.diagnostics]
        raise new_files.refusal(found) from None


def _written_rows(files: Mapping[str, str]) -> list[tuple[str, str]]:
    notes = {
        CONFIG: "the same resources",
        requirements.OWN: "what the Dockerfiles installed beside the model's requirements",
        makefile.NAME: "the old targets by the new stages",
        makefile.BESIDE: f"the old targets by the new stages; the project's own {makefile.NAME} is as it was",
    }
    return [(path, notes.get(path, "")) for path in sorted(files)]


def _left_rows(sheet: Sheet) -> list[tuple[str, str, str]]:
    return [(each.where, each.what, each.instead) for each in sheet.left]


def _replaced_rows(folder: Folder) -> list[tuple[str, str]]:
    return [(old, new) for old, new in _REPLACED.items() if folder.has_any(old)]
