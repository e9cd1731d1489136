"""What git knows about the repository."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PATIENCE = 20.0


def described(root: Path) -> str:
    """The commit that is checked out, marked when files differ from it; empty outside of git."""
    return (_output(root, "describe", "--always", "--dirty=+changes", "--abbrev=40", "--exclude=*") or "").strip()


def _output(root: Path, *words: str) -> str | None:
    """What git says; None when it refuses or is not there."""
    # Names are bytes; surrogates keep those that are no UTF-8.
    command = ["git", "-C", str(root), *words]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=_PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else None
