"""The merged document beside the project it became: findings of a rule get their place from here."""

from __future__ import annotations

from shapemaker_action.config.node import KeyPath, MappingNode, dotted, find, key_position, value_position
from shapemaker_action.diagnostics import Diagnostic, Severity
from shapemaker_action.record import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Source:
    """`broken` are the values that have a problem already; `directory` is the repository."""

    document: MappingNode
    directory: Path
    broken: frozenset[KeyPath] = frozenset()

    def is_written(self, *path: str | int) -> bool:
        """Whether somebody wrote this key; else it has its default."""
        return find(self.document, path) is not None

    def is_sound(self, *path: str | int) -> bool:
        """Whether nothing at, above or below the path has a problem already."""
        return not any(each[: len(path)] == path or path[: len(each)] == each for each in self.broken)

    def error(self, path: KeyPath, message: str, hint: str = "") -> Diagnostic:
        """A problem of the value at a path."""
        return Diagnostic(message=message, position=value_position(self.document, path), path=dotted(path), hint=hint)

    def key_error(self, path: KeyPath, message: str, hint: str = "") -> Diagnostic:
        """A problem of a key, or of something that is missing below it."""
        return Diagnostic(message=message, position=key_position(self.document, path), path=dotted(path), hint=hint)

    def warning(self, path: KeyPath, message: str, hint: str = "") -> Diagnostic:
        """Something that is allowed and probably not meant."""
        return Diagnostic(
            message=message,
            position=value_position(self.document, path),
            path=dotted(path),
            hint=hint,
            severity=Severity.WARNING,
        )
