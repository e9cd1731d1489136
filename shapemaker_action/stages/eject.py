"""init --eject: copy a part of shapemaker into the repository, to make it your own."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from shapemaker_action.assets import templates
from shapemaker_action.errors import InvalidInputError
from shapemaker_action.outcome import Outcome, Table

OWN = "docker"
"""Where ejected templates go; `build.templates` names it."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """What is copied to where, and the line of shapemaker.yml that makes it count."""

    source: str
    to: str
    setting: str


def parts() -> dict[str, Part]:
    """Everything that ships and can be replaced."""
    own = f"build: {{templates: {OWN}}}"
    frameworks = [folder.name for folder in sorted((templates() / "dockerfiles").iterdir()) if folder.is_dir()]
    return {
        **{
            f"framework/{name}": Part(
                source=f"dockerfiles/{name}",
                to=f"{OWN}/dockerfiles/{name}",
                setting=f"build: {{templates: {OWN}, framework: {name}}}",
            )
            for name in frameworks
        },
        "runtime": Part(source="runtime", to=f"{OWN}/runtime", setting=own),
        "nginx": Part(source="nginx", to=f"{OWN}/nginx", setting=own),
        "iam": Part(source="iam", to="iam", setting="aws: {role: <ARN of a role made from them>}"),
    }


def run(root: Path, name: str) -> Outcome:
    """Copy one part; what is there already is never overwritten."""
    known = parts()
    if name not in known:
        raise InvalidInputError(
            f"unknown part {name!r}", state="nothing was written", remedy=f"one of: {', '.join(known)}"
        )
    part = known[name]
    target = root / part.to
    if target.exists():
        raise InvalidInputError(
            f"{part.to} exists already", state="nothing was written", remedy="move it away, or keep it as it is"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".shapemaker-") as draft:
        copied = Path(draft) / "copy"
        shutil.copytree(templates() / part.source, copied, ignore=shutil.ignore_patterns("__pycache__"))
        os.replace(copied, target)  # noqa: PTH105 - of a directory, complete or not at all
    rows = tuple(
        (f"{part.to}/{path.relative_to(target).as_posix()}",) for path in sorted(target.rglob("*")) if path.is_file()
    )
    return Outcome(
        tables=(Table(title="Copied", header=("",), rows=rows),), next=f"put into shapemaker.yml: {part.setting}"
    )
