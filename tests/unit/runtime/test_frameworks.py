"""What the templates promise: a framework is data, and its parts are all there."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml
from shapemaker_runtime.__main__ import ENTRIES

TEMPLATES = Path(__file__).parents[3] / "templates"
RUNTIME = TEMPLATES / "runtime"
FRAMEWORKS = sorted(file.parent for file in (TEMPLATES / "dockerfiles").glob("*/framework.yaml"))


def document(framework: Path) -> dict[str, Any]:
    loaded = yaml.safe_load((framework / "framework.yaml").read_text())
    assert isinstance(loaded, dict)
    return loaded


def modules(framework: Path, target: str) -> set[str]:
    globs = document(framework)["runtime"][target]
    return {file.relative_to(RUNTIME).with_suffix("").as_posix() for glob in globs for file in RUNTIME.glob(glob)}


def imports(module: str) -> set[str]:
    """Modules of the runtime that a module needs when it is imported."""
    found: set[str] = set()
    tree = ast.parse((RUNTIME / f"{module}.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("shapemaker_runtime"):
            place = (node.module or "").replace(".", "/")
            names = [f"{place}/{name.name}" for name in node.names]
            found |= {name if (RUNTIME / f"{name}.py").exists() else place for name in names}
    return {name if (RUNTIME / f"{name}.py").exists() else f"{name}/__init__" for name in found}


def test_there_are_the_frameworks_that_the_documentation_names() -> None:
    assert [framework.name for framework in FRAMEWORKS] == ["python", "sklearn", "torch"]


@pytest.mark.parametrize("framework", FRAMEWORKS, ids=lambda path: path.name)
@pytest.mark.parametrize("target", ["training", "inference"])
def test_an_image_gets_every_module_that_its_modules_import(framework: Path, target: str) -> None:
    given = modules(framework, target)
    assert {needed for module in given for needed in imports(module)} <= given


@pytest.mark.parametrize("framework", FRAMEWORKS, ids=lambda path: path.name)
def test_a_change_of_what_serves_leaves_the_training_image_alone(framework: Path) -> None:
    assert not [module for module in modules(framework, "training") if "/serving/" in module]
    assert not [module for module in modules(framework, "inference") if "/training/" in module]


@pytest.mark.parametrize("framework", FRAMEWORKS, ids=lambda path: path.name)
def test_every_module_is_in_an_image_and_every_entry_is_a_module(framework: Path) -> None:
    everything = {file.relative_to(RUNTIME).with_suffix("").as_posix() for file in RUNTIME.rglob("*.py")}
    assert modules(framework, "training") | modules(framework, "inference") == everything
    assert {entry.replace(".", "/") for entry in ENTRIES.values()} <= everything


@pytest.mark.parametrize("framework", FRAMEWORKS, ids=lambda path: path.name)
def test_a_framework_has_its_files_and_says_what_it_is(framework: Path) -> None:
    for name in ("Dockerfile", "framework.txt", "serve.txt"):
        assert (framework / name).is_file()
    assert document(framework)["description"].endswith(".")
    assert "{python}" in document(framework)["base_image"]


@pytest.mark.parametrize("framework", FRAMEWORKS, ids=lambda path: path.name)
def test_dockerfiles_need_no_frontend_image_and_start_without_a_shell(framework: Path) -> None:
    lines = (framework / "Dockerfile").read_text().splitlines()
    assert not [line for line in lines if line.startswith("# syntax=")]
    starts = [line for line in lines if line.startswith(("ENTRYPOINT", "CMD"))]
    assert len(starts) == 4
    assert all(line.partition(" ")[2].startswith("[") for line in starts)


@pytest.mark.parametrize("path", [RUNTIME / f"{module}.py" for module in sorted(modules(FRAMEWORKS[0], "training"))])
def test_what_trains_is_written_for_older_pythons_too(path: Path) -> None:
    ast.parse(path.read_text(), feature_version=(3, 9))
