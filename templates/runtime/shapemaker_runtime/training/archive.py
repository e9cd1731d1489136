"""The model data of a job, unpacked without trusting it."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from shapemaker_runtime.errors import SetupError

_CHUNK = 1 << 20


def digest(file: Path) -> str:
    """`sha256:…` of the bytes of a file."""
    content = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            content.update(chunk)
    return f"sha256:{content.hexdigest()}"


def extract(file: Path, to: Path) -> None:
    """Unpack a tar.gz of plain files and directories; `SetupError` names the first member that is anything else."""
    try:
        # tarfile's own "r|gz" takes a truncated file for a complete one; gzip knows better, if read to its end.
        with gzip.open(file) as stream:
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                for member in archive:
                    _extract(archive, member, to)
            while stream.read(_CHUNK):
                pass
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise SetupError(f"{file.name} cannot be unpacked: {error}") from None


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, to: Path) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        raise SetupError(f"the member {member.name!a} leads out of the archive")
    target = to / path
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    content = archive.extractfile(member) if member.isreg() else None
    if content is None:
        raise SetupError(f"the member {member.name!a} is neither a file nor a directory; SageMaker takes no links")
    if target.exists():
        raise SetupError(f"the member {member.name!a} is there twice")
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as stream:
        shutil.copyfileobj(content, stream, _CHUNK)
