"""`acceleration.json` beside the model artifacts: what training has prepared and verified."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from shapemaker_runtime.errors import SetupError
from shapemaker_runtime.program import read_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "acceleration.json"
FOLDER = "acceleration"
"""Beside it, for compiled estimators."""

_LIBRARY = "scikit-learn"
_CHUNK = 1 << 20


def write(directory: Path, document: Mapping[str, object]) -> None:
    """Write the report with the digests of all that is in the directory."""
    content = json.dumps({**document, "files": _digests(directory)}, indent=2, allow_nan=False) + "\n"
    partial = directory / f".{NAME}.partial"
    partial.write_text(content, encoding="utf-8")
    partial.replace(directory / NAME)


def read(directory: Path, by: str) -> dict[str, Any]:
    """The report of this accelerator; `SetupError` when it is of another, or the model or scikit-learn has changed."""
    document = read_object(directory / NAME)
    if not document:
        raise SetupError(f"{directory} has no {NAME}: the model was trained without accelerate: {by}; train it again")
    if document.get("by") != by:
        raise SetupError(f"the model was accelerated by {document.get('by')}, not {by}; train it again")
    if document.get("files") != _digests(directory):
        raise SetupError(f"the model artifacts in {directory} are not those of {NAME}; train the model again")
    _check_version(document["versions"].get(_LIBRARY, ""))
    return document


def _check_version(verified: str) -> None:
    try:
        found = version(_LIBRARY)
    except PackageNotFoundError:
        return  # loading the model tells
    if verified and found != verified:
        raise SetupError(
            f"the model was verified with {_LIBRARY} {verified}, and this image has {found}; "
            f"pin {_LIBRARY}=={verified} in the requirements, or train the model again"
        )


def _digests(directory: Path) -> dict[str, str]:
    files = sorted(each for each in directory.rglob("*") if each.is_file() and NAME not in each.name)
    return {each.relative_to(directory).as_posix(): _digest(each) for each in files}


def _digest(file: Path) -> str:
    content = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            content.update(chunk)
    return f"sha256:{content.hexdigest()}"
