"""The locks, against what pyproject.toml asks for, for every Python that we support."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import tomli
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomli.loads((ROOT / "pyproject.toml").read_text())
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")


def entries(lock: str) -> list[str]:
    """The lock's entries, each `name==version ; marker` with its hashes on the same line."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / lock).read_text(), flags=re.MULTILINE).replace("\\\n", "")
    return text.splitlines()


def pins(lock: str, python: str) -> dict[str, str]:
    """Name to version, as installed on Linux under one Python."""
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "sys_platform": "linux",
    }
    found = [Requirement(entry.partition("--hash")[0]) for entry in entries(lock)]
    wanted = [item for item in found if item.marker is None or item.marker.evaluate(environment)]
    assert len({item.name for item in wanted}) == len(wanted), f"two versions of one package for Python {python}"
    return {canonicalize_name(item.name): str(item.specifier).removeprefix("==") for item in wanted}


def unmet(requirements: list[str], lock: str, python: str) -> list[str]:
    """Requirements that the lock does not satisfy."""
    locked = pins(lock, python)
    applying = [
        item
        for item in map(Requirement, requirements)
        if item.marker is None or item.marker.evaluate({"python_version": python})
    ]
    return [str(item) for item in applying if locked.get(canonicalize_name(item.name), "") not in item.specifier]


@pytest.mark.parametrize("python", PYTHONS)
def test_the_locks_satisfy_the_project(python: str) -> None:
    assert not unmet(PROJECT["project"]["dependencies"], "tool.lock", python)
    assert not unmet(PROJECT["dependency-groups"]["dev"], "development.lock", python)


@pytest.mark.parametrize("python", PYTHONS)
def test_the_tests_run_against_the_versions_that_users_get(python: str) -> None:
    assert pins("tool.lock", python).items() <= pins("development.lock", python).items()


@pytest.mark.parametrize("lock", ["tool.lock", "development.lock"])
def test_every_package_is_pinned_with_hashes_and_to_no_index(lock: str) -> None:
    pinned = re.compile(r"[a-z0-9-]+==[\w.]+( ; [^#]+?)?(\s+--hash=sha256:[0-9a-f]{64})+")
    assert not [entry for entry in entries(lock) if not pinned.fullmatch(entry)]


def test_the_supported_pythons_are_the_same_everywhere() -> None:
    supported = SpecifierSet(PROJECT["project"]["requires-python"])
    assert PYTHONS[0] in supported
    assert "3.9" not in supported
    assert PROJECT["tool"]["mypy"]["python_version"] == PYTHONS[0]
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{PYTHONS[0].replace('.', '')}"
    assert "version < (3, 10)" in (ROOT / "shapemaker_action" / "installer.py").read_text()


def test_the_wheel_takes_everything_that_the_tool_reads_at_run_time() -> None:
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {"templates": "shapemaker_action/templates"}
    assert (ROOT / "shapemaker_action" / "py.typed").is_file()
    assert (ROOT / PROJECT["project"]["license-files"][0]).is_file()
