"""What a migration has found: settings with their origin, what stays behind, and what cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from shapemaker_action.config.node import dotted
from shapemaker_action.diagnostics import Diagnostic, Position

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.naming import Json

Path: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A value of shapemaker.yml, and where it was said before."""

    value: Json
    origin: Position


@dataclass(frozen=True, kw_only=True)
class Left:
    """Something that is not carried over. Never holds a value out of the project that could be a secret."""

    place: Position
    what: str
    instead: str

    @property
    def where(self) -> str:
        """File and line."""
        return f"{self.place.file}:{self.place.line}"


class Sheet:
    """Grows while one file after the other is read; a later `carry` of the same path wins."""

    def __init__(self) -> None:
        self.settings: dict[Path, Setting] = {}
        self.left: list[Left] = []
        self.problems: list[Diagnostic] = []

    def carry(self, path: Path, value: Json, origin: Position) -> None:
        """A setting of shapemaker.yml."""
        self.settings[path] = Setting(value=value, origin=origin)

    def value(self, *path: str) -> Json:
        """What was carried to this path; None for nothing."""
        found = self.settings.get(path)
        return found.value if found else None

    def leave(self, place: Position, what: str, instead: str) -> None:
        """Something for the list of what stays behind."""
        self.left.append(Left(place=place, what=what, instead=instead))

    def reject(self, place: Position, message: str, hint: str = "") -> None:
        """Something without which the project cannot be understood."""
        self.problems.append(Diagnostic(message=message, position=place, hint=hint))

    def document(self) -> dict[str, Json]:
        """The settings as one document."""
        found: dict[str, Json] = {}
        for path, setting in self.settings.items():
            below = found
            for step in path[:-1]:
                deeper = below.setdefault(step, {})
                if not isinstance(deeper, dict):
                    raise TypeError(f"{dotted(path)} lies below a value")
                below = deeper
            below[path[-1]] = setting.value
        return found

    def origin(self, path: str, otherwise: Position) -> Position:
        """Where the value at a dotted path of shapemaker.yml came from."""
        found = _nearest({dotted(each): setting.origin for each, setting in self.settings.items()}, path)
        return found or otherwise


def _nearest(origins: Mapping[str, Position], path: str) -> Position | None:
    above = [each for each in origins if path == each or path.startswith((f"{each}.", f"{each}["))]
    if above:
        return origins[max(above, key=len)]
    return next((origin for each, origin in origins.items() if path and each.startswith(f"{path}.")), None)
