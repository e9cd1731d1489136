"""What a container wrote, in a form that this process can read and delete again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shapemaker_action.containers.engine import Container


def collect(container: Container, path: str, mounted: Path, spare: Path) -> Path:
    """The content of a mounted directory; a copy of it in `spare` where the container's root left files unreadable."""
    if _is_readable(mounted):
        return mounted
    shutil.rmtree(spare, ignore_errors=True)
    spare.mkdir(parents=True)
    container.copy_out(path, spare)
    return spare


def _is_readable(directory: Path) -> bool:
    unreadable: list[OSError] = []
    for folder, _, names in os.walk(directory, onerror=unreadable.append):
        if not all(os.access(path, os.R_OK) or path.is_symlink() for path in (Path(folder, name) for name in names)):
            return False
    return not unreadable


def discard(directory: Path) -> None:
    """Delete a directory as far as we may.

    Directories that a container's root made inside can only be deleted by root: they stay, and the next user of the
    directory starts in a fresh one.
    """
    shutil.rmtree(directory, ignore_errors=True)
