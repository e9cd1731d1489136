"""What containers write into mounted directories, in a form that this process can read and delete again.

The root of a container is often not us: it leaves files that we may not read, in directories that we may not empty.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shapemaker_action.containers.engine import ContainerSpec, Mount
from shapemaker_action.errors import ShapemakerError

if TYPE_CHECKING:
    from shapemaker_action.containers.engine import Container, Engine

SWEPT = "/opt/ml/swept"


@dataclass(frozen=True, kw_only=True)
class Mounted:
    """A directory that a container has at `path`. `spare` is a place for a copy."""

    source: Path
    path: str
    spare: Path


def collect(container: Container, mounted: Mounted) -> Path:
    """The directory itself, or a copy of it where the container left files that are unreadable for us."""
    if _is_readable(mounted.source):
        return mounted.source
    shutil.rmtree(mounted.spare, ignore_errors=True)
    mounted.spare.mkdir(parents=True)
    container.copy_out(mounted.path, mounted.spare)
    return mounted.spare


def _is_readable(directory: Path) -> bool:
    unreadable: list[OSError] = []
    for folder, _, names in os.walk(directory, onerror=unreadable.append):
        if not all(os.access(path, os.R_OK) or path.is_symlink() for path in (Path(folder, name) for name in names)):
            return False
    return not unreadable


def discard(directory: Path) -> bool:
    """Delete a directory as far as we may, and what holds nothing else; False if something is left."""
    shutil.rmtree(directory, ignore_errors=True)
    with suppress(OSError):
        directory.parent.rmdir()
    return not directory.exists()


def sweep(engine: Engine, image: str, directory: Path) -> None:
    """Delete what `discard` left by the root of another container; an image without `rm` leaves it where it is."""
    entries = [f"{SWEPT}/{entry.name}" for entry in directory.iterdir()]
    spec = ContainerSpec(
        image=image,
        name=f"shapemaker-sweep-{directory.name}",
        entrypoint=("rm",),
        command=("-r", "-f", *entries),
        mounts=(Mount(source=directory, target=SWEPT),),
        network="none",
    )
    try:
        container = engine.start(spec)
        container.wait()
        container.remove()
    except ShapemakerError:
        return
    discard(directory)
