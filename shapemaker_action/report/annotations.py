"""Annotations: each finding at its place, the worst first, no more than GitHub shows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from shapemaker_action.config.overlay import SET
from shapemaker_action.diagnostics import Position, Severity
from shapemaker_action.record import dataclass, field
from shapemaker_action.report import harmless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapemaker_action.diagnostics import Diagnostic
    from shapemaker_action.errors import ShapemakerError

SHOWN = 9
"""GitHub shows ten of a kind for a step and drops the rest without a word; the tenth says how many there are."""
LONGEST = 4000
"""Characters of a message: GitHub cuts at 4096."""


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """A message, at a place in a file unless it has none."""

    severity: Severity
    message: str
    place: Position | None = None

    def __str__(self) -> str:
        """The workflow command."""
        where = ""
        if self.place:
            where = f" file={_property(self.place.file)},line={self.place.line},col={self.place.column}"
        return f"::{self.severity.value}{where}::{data(_cut(self.message))}"


def of_diagnostic(found: Diagnostic, files: Files) -> Annotation:
    """At the line and column of the finding."""
    text = f"{found.path}: {found.message}" if found.path else found.message
    message = f"{text} ({found.hint})" if found.hint else text
    if found.position.file == SET:
        # An option is no file that GitHub could show.
        return Annotation(severity=found.severity, message=f"{found.position.file}: {message}")
    place = Position(file=files.name(found.position.file), line=found.position.line, column=found.position.column)
    return Annotation(severity=found.severity, message=message, place=place)


def of_error(error: ShapemakerError) -> Annotation:
    """What happened and how to continue."""
    return Annotation(severity=Severity.ERROR, message="; ".join(filter(None, (error.message, error.remedy))))


def chosen(found: list[Annotation], rest: str) -> Iterator[Annotation]:
    """Each kind up to its cap, errors first; `rest` says where the others are."""
    for severity in (Severity.ERROR, Severity.WARNING):
        kind = [each for each in dict.fromkeys(found) if each.severity is severity]
        yield from kind[:SHOWN]
        if len(kind) > SHOWN:
            yield Annotation(severity=severity, message=f"{len(kind) - SHOWN} more; see {rest}")


@dataclass(frozen=True, kw_only=True)
class Files:
    """GitHub names a file from the top of its repository, a diagnostic from the directory of its model."""

    workspace: str = ""
    directory: str = ""
    here: Path = field(default_factory=Path.cwd)

    def name(self, file: str) -> str:
        """The file as GitHub names it; unchanged when it lies elsewhere."""
        path = Path(os.path.normpath(self.here / self.directory / file))
        for top in self._tops(path):
            if path.is_relative_to(top):
                return path.relative_to(top).as_posix()
        return file

    def _tops(self, path: Path) -> Iterator[Path]:
        """A checkout may lie in a directory of the workspace, or be it."""
        if not self.workspace:
            return
        workspace = Path(self.workspace)
        for folder in path.parents:
            if folder.is_relative_to(workspace) and (folder / ".git").exists():
                yield folder
        yield workspace
        yield workspace.resolve()


def _cut(text: str) -> str:
    plain = harmless.text(text)
    return plain if len(plain) <= LONGEST else f"{plain[:LONGEST]}…"


def data(text: str) -> str:
    """A text as the data of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return data(harmless.text(text)).replace(":", "%3A").replace(",", "%2C")
