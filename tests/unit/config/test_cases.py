"""A case is a directory: files that lie over a small repository, and what `load` makes of them."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shapemaker_action.config.load import load
from shapemaker_action.errors import ConfigError

if TYPE_CHECKING:
    from shapemaker_action.diagnostics import Diagnostic

CASES = Path(__file__).parents[2] / "cases" / "config"
REPOSITORY = CASES / "_repository"
UPDATE = os.environ.get("UPDATE_GOLDENS") == "1"
NAMES = sorted(path.name for path in CASES.iterdir() if path.is_dir() and path != REPOSITORY)


@dataclass(frozen=True)
class Settings:
    """`case.json`: how to call `load`, and what else is different in the repository."""

    configs: list[str] = field(default_factory=lambda: ["shapemaker.yml"])
    environment: str = ""
    sets: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)


def lay_out(case: Path, settings: Settings, root: Path) -> None:
    shutil.copytree(REPOSITORY, root, dirs_exist_ok=True)
    shutil.copytree(case, root, dirs_exist_ok=True)
    for file, text in settings.files.items():
        (root / file).write_text(text)
    for folder in settings.folders:
        (root / folder).mkdir(parents=True)
    for file in settings.remove:
        (root / file).unlink()
    for file, target in settings.links.items():
        (root / file).symlink_to(target)


def lines(diagnostics: tuple[Diagnostic, ...]) -> str:
    return "".join(f"{each.severity.value}: {each}\n" for each in diagnostics)


def outcome(case: Path, root: Path) -> tuple[str, str]:
    """All diagnostics, and the project as JSON, empty when there is none."""
    given = json.loads((case / "case.json").read_text()) if (case / "case.json").is_file() else {}
    settings = Settings(**given)
    lay_out(case, settings, root)
    paths = [Path(name) for name in settings.configs]
    try:
        loaded = load(paths, root=root, environment=settings.environment, sets=settings.sets)
    except ConfigError as error:
        return lines(error.diagnostics), ""
    project = json.dumps(dataclasses.asdict(loaded.project), indent=2, ensure_ascii=False) + "\n"
    return lines(loaded.warnings), project


@pytest.mark.parametrize("name", NAMES)
def test_case(name: str, tmp_path: Path) -> None:
    case = CASES / name
    diagnostics, project = outcome(case, tmp_path)
    for file, content in (("expected.txt", diagnostics), ("project.json", project)):
        golden = case / file
        if UPDATE:
            golden.unlink(missing_ok=True)
            if content:
                golden.write_text(content)
        assert content == (golden.read_text() if golden.is_file() else "")


def test_there_are_cases_of_both_kinds() -> None:
    good = [name for name in NAMES if (CASES / name / "project.json").is_file()]
    assert len(good) >= 10
    assert len(NAMES) - len(good) >= 70


LINE = re.compile(r"(error|warning): \S+:[1-9][0-9]*:[1-9][0-9]*: \S.*")


@pytest.mark.parametrize("name", NAMES)
def test_every_finding_is_one_line_with_a_place(name: str) -> None:
    golden = CASES / name / "expected.txt"
    for line in golden.read_text().splitlines() if golden.is_file() else ():
        assert LINE.fullmatch(line)
        assert "object at 0x" not in line
