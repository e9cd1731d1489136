"""What git knows about the repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from shapemaker_action.record import dataclass

_PATIENCE = 20.0
_SECRETS = ("ACTIONS_", "AWS_", "SHAPEMAKER_INPUT_")
"""What variables with credentials begin with: a repository's configuration can have git start programs."""


def described(root: Path) -> str:
    """The commit that is checked out, marked when files differ from it; empty outside of git."""
    return (_output(root, "describe", "--always", "--dirty=+changes", "--abbrev=40", "--exclude=*") or "").strip()


def released(root: Path) -> str:
    """The tag of a version that is checked out, with no file that differs from it; empty for anything else."""
    if described(root).endswith("+changes"):
        return ""
    return (_output(root, "describe", "--exact-match", "--tags", "--match=v[0-9]*") or "").strip()


def problem(root: Path) -> str:
    """Why git can tell nothing about this folder at all, in its own words; empty when it can."""
    done = _asked(root, "rev-parse", "--git-dir")
    if done is None:
        return "there is no git, or it does not answer"
    lines = done.stderr.decode(errors="replace").strip().splitlines() if done.returncode else []
    return lines[0].removeprefix("fatal: ") if lines else ""


def _output(root: Path, *words: str) -> str | None:
    """What git says; None when it refuses or is not there."""
    done = _asked(root, *words)
    # Names are bytes; surrogates keep those that are no UTF-8.
    return done.stdout.decode("utf-8", "surrogateescape") if done and done.returncode == 0 else None


def _asked(root: Path, *words: str) -> subprocess.CompletedProcess[bytes] | None:
    # A monitor of the file system is a program that the repository's configuration names.
    command = ["git", "-C", str(root), "-c", "core.fsmonitor=false", *_trusting(root), *words]
    try:
        return subprocess.run(command, env=_environment(), capture_output=True, check=False, timeout=_PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return None


def _trusting(root: Path) -> list[str]:
    """In a job's container the checkout is of another user, which git refuses; it is the job's own all the same."""
    workspace = os.environ.get("GITHUB_WORKSPACE", "") if os.environ.get("GITHUB_ACTIONS") == "true" else ""
    if not workspace:
        return []
    top = next((each for each in (root, *root.parents) if (each / ".git").exists()), None)
    return ["-c", f"safe.directory={top}"] if top and top.is_relative_to(Path(workspace).resolve()) else []


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_SECRETS)}


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Paths below a folder that differ from a commit, relative to that folder; what is not committed yet counts."""

    paths: frozenset[str]
    deleted: frozenset[str]
    """Those of them that are gone."""


def changes(root: Path, since: str) -> Changes | None:
    """What has changed below `root` since its history left that commit; None when git cannot tell.

    In a shallow clone the commit is often missing; GitHub writes zeros for a branch that is new.
    """
    base = _commit(root, since)
    if not base:
        return None
    # What was added to the base's branch afterwards is no change of ours.
    fork = (_output(root, "merge-base", base, "HEAD") or "").strip() or base
    compared = _output(root, "diff", "--name-status", "--no-renames", "--relative", "-z", fork, "--", ".")
    new = _output(root, "ls-files", "--others", "--exclude-standard", "-z", "--", ".")
    if compared is None or new is None:
        return None
    words = compared.split("\0")[:-1]
    pairs = list(zip(words[::2], words[1::2], strict=True))
    return Changes(
        paths=frozenset({*(path for _, path in pairs), *new.split("\0")[:-1]}),
        deleted=frozenset(path for status, path in pairs if status == "D"),
    )


def _commit(root: Path, since: str) -> str:
    """The commit behind a name that somebody gave us; empty when there is none."""
    if not since or since.startswith("-"):
        return ""
    return (_output(root, "rev-parse", "--verify", "--quiet", f"{since}^{{commit}}") or "").strip()
