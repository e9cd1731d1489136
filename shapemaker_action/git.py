"""What git knows about the repository."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PATIENCE = 20.0
_SECRETS = ("ACTIONS_", "AWS_", "SHAPEMAKER_INPUT_")
"""What variables with credentials begin with: a repository's configuration can have git start programs."""


def described(root: Path) -> str:
    """The commit that is checked out, marked when files differ from it; empty outside of git."""
    return (_output(root, "describe", "--always", "--dirty=+changes", "--abbrev=40", "--exclude=*") or "").strip()


def _output(root: Path, *words: str) -> str | None:
    """What git says; None when it refuses or is not there."""
    # Names are bytes; surrogates keep those that are no UTF-8.
    command = ["git", "-C", str(root), *words]
    try:
        done = subprocess.run(command, env=_environment(), capture_output=True, check=False, timeout=_PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else None


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_SECRETS)}
