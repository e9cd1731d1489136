"""The user's requirements as one file: what it pulls in with `-r` is put in its place."""

from __future__ import annotations

import posixpath
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from shapemaker_action.containers import tree
from shapemaker_action.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NESTED = re.compile(r"(?:-r|--requirement)[\s=]*(\S+)\s*(?:\s#.*)?")
_LOCAL = re.compile(r"(?:-c|--constraint|-e|--editable)\b.*|(?:\.{1,2}/|file:)\S*.*|\.\s*")


def flatten(root: Path, path: str) -> bytes:
    """The content for the image; empty when `path` is. Raises `InvalidInputError` for what an image cannot reach."""
    return "".join(f"{line}\n" for line in _lines(root, posixpath.normpath(path), ())).encode() if path else b""


def files(root: Path, path: str) -> Iterator[str]:
    """The requirements file and what it pulls in; files that cannot be read are left out."""
    seen: set[str] = set()
    coming = [posixpath.normpath(path)] if path else []
    while coming:
        name = coming.pop()
        if name in seen:
            continue
        seen.add(name)
        yield name
        with suppress(OSError, UnicodeDecodeError):
            nested = (_NESTED.fullmatch(line.strip()) for line in (root / name).read_text("utf-8").splitlines())
            coming += [posixpath.normpath(posixpath.join(posixpath.dirname(name), each[1])) for each in nested if each]


def _lines(root: Path, path: str, above: tuple[str, ...]) -> Iterator[str]:
    if path in above:
        raise InvalidInputError(f"{above[-1]} and {path} require each other", remedy="remove one of the -r lines")
    try:
        text = tree.resolve(root, path).read_text("utf-8")
    except (UnicodeDecodeError, IsADirectoryError):
        raise InvalidInputError(f"{path} is no UTF-8 text", remedy="save the requirements as UTF-8 text") from None
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if match := _NESTED.fullmatch(line):
            yield from _lines(
                root, posixpath.normpath(posixpath.join(posixpath.dirname(path), match[1])), (*above, path)
            )
        elif _LOCAL.fullmatch(line):
            raise InvalidInputError(
                f"{path}:{number}: {line!r} names a file that the image does not have",
                remedy="name a released package; code of the repository goes into the image with build.include",
            )
        else:
            yield raw.rstrip()
