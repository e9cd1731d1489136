"""Files of the user's repository on their way into a build context: found safely, hashed, written reproducibly."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shapemaker_action.errors import EnvironmentProblemError, InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

MOMENT = 946_684_800
"""The modification time of everything we write (2000-01-01): equal content gives equal layers."""

_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file of a context. `path` is its place in there, with slashes; `source` the file or the bytes themselves."""

    path: str
    source: Path | bytes
    executable: bool = False

    def record(self) -> tuple[str, bool, str]:
        """What the digest sees of it."""
        return self.path, self.executable, _sha256(self)


def walk(root: Path, start: str, keep: Callable[[str], bool], enter: Callable[[str], bool]) -> Iterator[Entry]:
    """The files at or below `start`; paths stay relative to `root`, which is resolved already.

    `keep` decides on files, `enter` on directories. Links are followed, so the image holds what they point to; one
    that leaves the repository, points nowhere or into its own parents raises `InvalidInputError`.
    """
    yield from _visit(_Walk(root=root, keep=keep, enter=enter), start, ())


@dataclass(frozen=True, kw_only=True)
class _Walk:
    root: Path
    keep: Callable[[str], bool]
    enter: Callable[[str], bool]


def _visit(walk: _Walk, path: str, above: tuple[Path, ...]) -> Iterator[Entry]:
    place = walk.root / path
    if place.is_symlink() and not walk.keep(path):
        return
    real = resolve(walk.root, path)
    mode = real.stat().st_mode
    if stat.S_ISDIR(mode):
        if real in above:
            raise InvalidInputError(f"the link {path} points to a folder that it is in", remedy=_EXCLUDE)
        if path in ("", ".") or walk.enter(path):
            for name in sorted(_names(real, path)):
                yield from _visit(walk, f"{path}/{name}" if path not in ("", ".") else name, (*above, real))
    elif walk.keep(path):
        if not stat.S_ISREG(mode):
            raise InvalidInputError(f"{path} is neither a file nor a folder", remedy=_EXCLUDE)
        yield Entry(path=path, source=real, executable=bool(mode & stat.S_IXUSR))


_EXCLUDE = "remove it, or name it in .dockerignore"


def resolve(root: Path, path: str) -> Path:
    """The real place of `path` below `root` (resolved); raises `InvalidInputError` if it is missing or outside."""
    place = root / path
    try:
        real = place.resolve(strict=True)
    except (FileNotFoundError, NotADirectoryError):
        what = f"the link {path} points nowhere" if place.is_symlink() else f"{path} is not in the repository"
        raise InvalidInputError(what, remedy=_EXCLUDE if place.is_symlink() else "correct the path") from None
    except (OSError, RuntimeError) as error:  # a chain of links in a circle is a RuntimeError before Python 3.13
        raise InvalidInputError(f"{path} cannot be followed: {error}", remedy=_EXCLUDE) from None
    if not real.is_relative_to(root):
        raise InvalidInputError(
            f"{path} leads out of the repository, to {real}",
            state="nothing was built",
            remedy="put a copy into the repository, or name the path in .dockerignore",
        )
    return real


def _names(directory: Path, path: str) -> list[str]:
    try:
        return os.listdir(directory)  # noqa: PTH208 - names, not paths
    except PermissionError:
        raise InvalidInputError(f"{path or '.'} cannot be read", remedy=_EXCLUDE) from None


def _sha256(entry: Entry) -> str:
    if isinstance(entry.source, bytes):
        return hashlib.sha256(entry.source).hexdigest()
    content = hashlib.sha256()
    with _readable(entry.path), entry.source.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            content.update(chunk)
    return content.hexdigest()


@contextmanager
def _readable(path: str) -> Iterator[None]:
    try:
        yield
    except PermissionError:
        raise InvalidInputError(f"{path} cannot be read", remedy=_EXCLUDE) from None
    except FileNotFoundError:
        raise InvalidInputError(f"{path} vanished while it was read", remedy="run the command again") from None


def write(entries: Iterable[Entry], directory: Path) -> None:
    """Write files with fixed times and modes below `directory`, which must exist."""
    entries = list(entries)
    with disk(directory, sum(_size(entry) for entry in entries)):
        for entry in entries:
            _write(entry, directory / entry.path)
        for folder, _, _ in os.walk(directory, topdown=False):
            os.chmod(folder, 0o755)  # noqa: PTH101, S103 - what images hold is for everybody to read
            os.utime(folder, (MOMENT, MOMENT))


def _write(entry: Entry, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(entry.source, bytes):
        place.write_bytes(entry.source)
    else:
        with _readable(entry.path):
            shutil.copyfile(entry.source, place)
    place.chmod(0o755 if entry.executable else 0o644)
    os.utime(place, (MOMENT, MOMENT))


def _size(entry: Entry) -> int:
    return len(entry.source) if isinstance(entry.source, bytes) else entry.source.stat().st_size


@contextmanager
def disk(directory: Path, need: int = 0) -> Iterator[None]:
    """Turn a disk that is full, or that cannot take `need` bytes, into an error that says where and how much."""
    free = shutil.disk_usage(directory).free
    if need > free:
        raise _full(directory, need, free)
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _full(directory, need, shutil.disk_usage(directory).free) from None


def _full(directory: Path, need: int, free: int) -> EnvironmentProblemError:
    needs = f"; {need / 1e6:.1f} MB are needed" if need else ""
    return EnvironmentProblemError(
        f"the disk under {directory} is full: {free / 1e6:.1f} MB are free{needs}",
        remedy="free some space (docker system prune frees a lot), then run the same command again",
    )
