"""The tar.gz files of SageMaker: packed so that equal content gives equal bytes, unpacked without trusting them."""

from __future__ import annotations

import gzip
import os
import shutil
import stat
import tarfile
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LEVEL = 6


class ArchiveError(Exception):
    """Not an archive that hosting accepts; the text says why."""


def pack(directories: Sequence[Path], target: Path) -> None:
    """Pack the content of directories, each at the archive's root; of equal names the first wins."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        target.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=LEVEL) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, path in sorted(_content(directories).items()):
            _add(tar, name, path)


def _content(directories: Sequence[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for directory in directories:
        for folder, folders, names in os.walk(directory):
            for name in (*folders, *names):
                path = Path(folder, name)
                found.setdefault(path.relative_to(directory).as_posix(), path)
    return found


def _add(tar: tarfile.TarFile, name: str, path: Path) -> None:
    status = path.lstat()
    member = tarfile.TarInfo(name)
    member.mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISREG(status.st_mode):
        member.size = status.st_size
        with path.open("rb") as file:
            tar.addfile(member, file)
    elif stat.S_ISLNK(status.st_mode):
        member.type, member.linkname = tarfile.SYMTYPE, str(path.readlink())
        tar.addfile(member)
    elif stat.S_ISDIR(status.st_mode):
        member.type = tarfile.DIRTYPE
        tar.addfile(member)


def unpack(file: IO[bytes], target: Path) -> None:
    """Unpack a tar.gz of plain files and directories; links, devices and names that lead outside are refused."""
    target.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(fileobj=file, mode="r:gz") as tar:
            for member in tar:
                _extract(tar, member, target)
    except (tarfile.TarError, gzip.BadGzipFile, EOFError) as error:
        raise ArchiveError(f"it is not a valid tar.gz archive: {error}") from error


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise ArchiveError(f"its member {member.name} leads outside the archive")
    path = target / name
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    content = tar.extractfile(member) if member.isfile() else None
    if content is None:
        raise ArchiveError(f"its member {member.name} is a link or device; only files and directories are allowed")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as out:
        shutil.copyfileobj(content, out)
    # The container's user must be able to read it, whoever that is.
    path.chmod(0o755 if member.mode & stat.S_IXUSR else 0o644)
