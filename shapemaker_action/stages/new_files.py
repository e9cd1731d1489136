"""New files in somebody's repository: all of them or none, and never over what is there."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from shapemaker_action.errors import ConfigError, EnvironmentProblemError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from shapemaker_action.diagnostics import Diagnostic


@contextmanager
def written(root: Path, files: Mapping[str, str]) -> Iterator[None]:
    """Write texts by path (relative to `root`, with slashes); when the block raises, they and their folders go again.

    Raises:
        InvalidInputError: something of these names is there, or a folder on the way leads out of `root`; nothing was
            written.
        EnvironmentProblemError: the place cannot be written to; nothing stays.
    """
    refuse_collisions(root, files)
    journal = _Journal(root)
    kept = False
    try:
        try:
            for path in sorted(files):
                journal.add(path, files[path])
        except FileExistsError as error:
            raise _collision([str(error.filename)]) from None
        except OSError as error:
            raise EnvironmentProblemError(
                f"{root} cannot be written to: {error.strerror}",
                state="nothing was written",
                remedy="change who may write there, or name another --directory",
            ) from None
        yield
        kept = True
    finally:
        if not kept:
            journal.undo()


def refuse_collisions(root: Path, files: Mapping[str, str]) -> None:
    """Raise `InvalidInputError` with every path that cannot be new."""
    _look_at(root)
    base = root.resolve()
    outside = [path for path in files if not _folder(root, path).resolve().is_relative_to(base)]
    if outside:
        raise InvalidInputError(
            f"a symbolic link leads out of the repository: {', '.join(sorted(outside))}",
            state="nothing was written",
            remedy="remove the link, or name another --directory",
        )
    there = {path: taken for path in sorted(files) if (taken := _taken(root, path))}
    if there:
        raise _collision(list(dict.fromkeys(there.values())))


def refusal(problems: Sequence[Diagnostic]) -> ConfigError:
    """The error of files that cannot be understood, when new ones would have followed from them."""
    error = ConfigError(tuple(problems))
    error.state = "nothing was written"
    return error


def _look_at(root: Path) -> None:
    try:
        with os.scandir(root) as entries:
            next(entries, None)
    except OSError as error:
        raise EnvironmentProblemError(
            f"{root} cannot be read: {error.strerror}",
            state="nothing was written",
            remedy="change who may read it, or name another --directory",
        ) from None


def _folder(root: Path, path: str) -> Path:
    return (root / path).parent


def _taken(root: Path, path: str) -> str:
    """What is in the way of a new file: it itself, or a file where a folder has to be; empty for nothing."""
    for folder in reversed(PurePosixPath(path).parents[:-1]):
        place = root / folder
        if os.path.lexists(place) and not place.is_dir():
            return folder.as_posix()
    return path if os.path.lexists(root / path) else ""


def _collision(paths: list[str]) -> InvalidInputError:
    return InvalidInputError(
        f"{'these are' if len(paths) > 1 else 'this is'} there already: {', '.join(paths)}",
        state="nothing was written",
        remedy="move them away, or run it in an empty folder with --directory",
    )


class _Journal:
    """What was made, so that it can be taken back."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._made: list[Path] = []

    def add(self, path: str, text: str) -> None:
        """Write one; `FileExistsError` if it is there."""
        place = self._root / path
        for folder in reversed([each for each in place.parents if each.is_relative_to(self._root)]):
            if not folder.exists():
                folder.mkdir()
                self._made.append(folder)
        # "x" and no rename: a file that has come in the meantime must not be replaced.
        with place.open("x", encoding="utf-8", newline="\n") as stream:
            self._made.append(place)
            stream.write(text)

    def undo(self) -> None:
        """The newest first; a folder into which somebody has put something stays."""
        for each in reversed(self._made):
            with suppress(OSError):
                each.rmdir() if each.is_dir() else each.unlink()
