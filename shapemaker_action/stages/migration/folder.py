"""The project as a folder of small text files, none of them outside of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shapemaker_action.config import paths
from shapemaker_action.diagnostics import Diagnostic, Position
from shapemaker_action.errors import ConfigError, InvalidInputError

if TYPE_CHECKING:
    from pathlib import Path

NEEDED = (".envrc", "train.py", "app.py", "configs")
LIMIT = 256 * 1024


@dataclass(frozen=True, kw_only=True)
class Folder:
    """Paths are relative to `root`, with slashes."""

    root: Path

    @classmethod
    def of(cls, root: Path, text: str) -> Folder:
        """The folder `text`, seen from `root`; it must look like a project of the template."""
        place = root / text
        try:
            missing = [name for name in NEEDED if not (place / name).exists()] if place.is_dir() else None
        except OSError as error:
            raise InvalidInputError(
                f"{text} cannot be read: {error.strerror}", state="nothing was written", remedy="change who may read it"
            ) from None
        if missing is None:
            raise InvalidInputError(
                f"there is no folder {text}", state="nothing was written", remedy="name the project's folder"
            )
        if missing:
            raise InvalidInputError(
                f"{text} is no project of the cookiecutter template: it lacks {', '.join(missing)}",
                state="nothing was written",
                remedy="name the folder that has .envrc, train.py, app.py and configs/",
            )
        return cls(root=place)

    def has(self, path: str) -> bool:
        """Whether it is a file of the project."""
        return paths.is_file(self.root, path)

    def has_any(self, path: str) -> bool:
        """Whether it is a file or folder of the project."""
        return self.has(path) or paths.is_folder(self.root, path)

    def data(self, path: str) -> bytes:
        """Its bytes; `ConfigError` at its place for what cannot be read."""
        fault, content = paths.fault(self.root, path), b""
        try:
            content = content if fault else (self.root / path).read_bytes()
        except OSError as error:
            fault = f"cannot be read: {error.strerror}"
        if len(content) > LIMIT:
            fault = f"is larger than {LIMIT // 1024} KiB"
        if fault:
            raise ConfigError((Diagnostic(message=f"the file {fault}", position=Position(file=path)),))
        return content

    def text(self, path: str) -> str:
        """As `data`, and it must be UTF-8."""
        try:
            return self.data(path).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            before = error.object[: error.start]
            place = Position(file=path, line=before.count(b"\n") + 1)
            raise ConfigError((Diagnostic(message="the file is not UTF-8 text here", position=place),)) from None
