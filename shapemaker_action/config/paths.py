"""Paths that a person wrote: inside the repository, relative, with slashes."""

from __future__ import annotations

import glob
import itertools
import os
import posixpath
from pathlib import Path

from shapemaker_action import lazy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST, _LONGEST_PART = 1000, 255
_MAGIC = frozenset("*?[")
_SCHEME = lazy.pattern(r"[A-Za-z][A-Za-z0-9+.-]+:/")


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
    faults = {
        "is no path": not text.strip() or text == "-",
        "is a URL; a path inside the repository is wanted": is_url(text),
        "is absolute; a path relative to the repository's root is wanted": _is_absolute(text),
        "has backslashes; write slashes": "\\" in text,
        "leads out of the repository": ".." in text.split("/"),
        "is too long": len(text) > _LONGEST or max(map(len, text.split("/"))) > _LONGEST_PART,
    }
    return next((reason for reason, is_so in faults.items() if is_so), "")


def is_url(text: str) -> bool:
    """Whether it begins as a URL does; one slash is enough, since a `Path` has lost the other."""
    return ":/" in text and _SCHEME.match(text) is not None


def _is_absolute(text: str) -> bool:
    has_drive = text[1:2] == ":" and text[0].isascii() and text[0].isalpha()
    return text.startswith(("/", "~")) or has_drive


def _fixed_part(text: str) -> str:
    """The folders before the first wildcard."""
    return "/".join(itertools.takewhile(_MAGIC.isdisjoint, text.split("/")))


def is_glob(text: str) -> bool:
    """Whether the text has wildcards."""
    return not _MAGIC.isdisjoint(text)


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


def has_files(folder: Path) -> bool:
    """Whether there is any file in a folder, at any depth."""
    return any(os.path.isfile(f"{below}/{name}") for below, _, names in os.walk(folder) for name in names)  # noqa: PTH113


def matching(root: Path, text: str) -> list[str]:
    """The files behind a path or glob, relative and sorted; none for a path that must not be used."""
    if not is_glob(text):
        return [posixpath.normpath(text)] if is_file(root, text) else []
    if fault(root, text):
        return []
    found = glob.glob(text, root_dir=root, recursive=True)  # noqa: PTH207  # Path.glob raises for a lone `**x`
    return sorted(path for path in map(posixpath.normpath, found) if is_file(root, path))
