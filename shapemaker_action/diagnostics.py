"""A diagnostic: one finding for the user, at its place, with what was expected and what may have been meant."""

from __future__ import annotations

from enum import Enum

from shapemaker_action.record import dataclass


class Severity(str, Enum):
    """How bad a finding is; only errors end a command."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, kw_only=True, order=True)
class Position:
    """A place in a text file; line and column count from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    """One finding. `path` is the dotted key (`train.instance`), empty for the document itself."""

    message: str
    position: Position
    path: str = ""
    hint: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        where = f"{self.position}: {self.path}: " if self.path else f"{self.position}: "
        return f"{where}{self.message}{f' ({self.hint})' if self.hint else ''}"
