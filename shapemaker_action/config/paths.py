"""Paths that a person wrote: inside the repository, relative, with slashes."""

from __future__ import annotations

import glob
import itertools
import posixpath
from pathlib import Path
from typing import TYPE_CHECKING

from shapemaker_action import lazy

if TYPE_CHECKING:
    from collections.abc import Callable

_FAULTS = tuple(
    (lazy.pattern(pattern), reason)
    for pattern, reason in (
        (r"^\s*$|^-$", "is no path"),
        (r"^[A-Za-z][A-Za-z0-9+.-]+:/", "is a URL; a path inside the repository is wanted"),
        (r"^[/~]|^[A-Za-z]:", "is absolute; a path relative to the repository's root is wanted"),
        (r"\\", "has backslashes; write slashes"),
        (r"(^|/)\.\.(/|$)", "leads out of the repository"),
        (r"[^/]{256}|.{1001}", "is too long"),
    )
)
_MAGIC = lazy.pattern(r"[*?\[]")


def fault(root: Path, text: str) -> str:
    """Why a path (or glob) must not be used, as a phrase after its name; empty for a good one."""
    reason = _form_fault(text)
    if reason:
        return reason
    try:
        inside = (root / _fixed_part(text)).resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):
        return "cannot be followed: symbolic links go in a circle, or a folder on the way is closed"
    return "" if inside else "leads out of the repository through a symbolic link"


def _form_fault(text: str) -> str:
    return next((reason for pattern, reason in _FAULTS if pattern.search(text)), "")


def _fixed_part(text: str) -> str:
    """The folders before the first wildcard."""
    return "/".join(itertools.takewhile(lambda part: not _MAGIC.search(part), text.split("/")))


def is_glob(text: str) -> bool:
    """Whether the text has wildcards."""
    return bool(_MAGIC.search(text))


def is_file(root: Path, text: str) -> bool:
    """Whether a good path is a file; one that we may not look at is none."""
    return _is(root, text, Path.is_file)


def is_folder(root: Path, text: str) -> bool:
    """Whether a good path is a folder."""
    return _is(root, text, Path.is_dir)


def _is(root: Path, text: str, test: Callable[[Path], bool]) -> bool:
    if fault(root, text):
        return False
    try:
        return test(root / text)
    except OSError:
        return False


def matching(root: Path, text: str) -> list[str]:
    """The files behind a path or glob, relative and sorted; none for a path that must not be used."""
    if not is_glob(text):
        return [posixpath.normpath(text)] if is_file(root, text) else []
    if fault(root, text):
        return []
    found = glob.glob(text, root_dir=root, recursive=True)  # noqa: PTH207  # Path.glob raises for a lone `**x`
    return sorted(path for path in map(posixpath.normpath, found) if is_file(root, path))
