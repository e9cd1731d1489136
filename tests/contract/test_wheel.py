"""The wheel in an empty environment, away from the checkout: what `pip install` gives is the whole tool."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by way of the source distribution, so that it has to be complete, too."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment that holds the wheel and its locked dependencies."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    pip = (str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check")
    subprocess.run([*pip, "install", "--quiet", "--constraint", str(versions(folder)), str(wheel)], check=True)
    return folder / "bin"


def versions(folder: Path) -> Path:
    """The lock without its hashes, which pip would want for the wheel as well."""
    pinned = [line.rstrip(" \\") for line in (ROOT / "tool.lock").read_text().splitlines() if "==" in line]
    (folder / "constraints.txt").write_text("\n".join(pinned))
    return folder / "constraints.txt"


def shapemaker(environment: Path, cwd: Path, *argv: str) -> str:
    """Stdout of the installed command in an empty directory."""
    variables = {"PATH": f"{environment}:/usr/bin:/bin", "HOME": str(cwd), "LANG": os.environ.get("LANG", "C.UTF-8")}
    done = subprocess.run(
        ["shapemaker", *argv], cwd=cwd, env=variables, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_the_package_its_templates_and_nothing_of_the_repository(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {
        path.relative_to(ROOT).as_posix()
        for folder in ("shapemaker_action", "templates")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not {"__pycache__", ".mypy_cache"} & set(path.parts)
    }
    expected = {name.replace("templates/", "shapemaker_action/templates/", 1) for name in shipped}
    assert {name for name in names if not name.split("/")[0].endswith(".dist-info")} == expected


def test_the_command_tells_its_stages(environment: Path, tmp_path: Path) -> None:
    assert "validate" in shapemaker(environment, tmp_path, "--help")


def test_the_schema_is_found(environment: Path, tmp_path: Path) -> None:
    schema = json.loads(shapemaker(environment, tmp_path, "schema"))
    assert schema == json.loads((ROOT / "shapemaker_action" / "config" / "schema.json").read_text())


def test_the_templates_are_found(environment: Path) -> None:
    command = "from shapemaker_action import assets; print(*sorted(p.name for p in assets.templates().iterdir()))"
    told = subprocess.run(
        [environment / "python", "-I", "-c", command], capture_output=True, text=True, check=True
    ).stdout.split()
    assert told == sorted(path.name for path in (ROOT / "templates").iterdir() if any(path.iterdir()))


def test_the_sample_is_valid_for_the_installed_command(environment: Path, sample: Path) -> None:
    assert shapemaker(environment, sample, "validate", "--format", "json")


def test_the_dependencies_agree_with_each_other(environment: Path) -> None:
    subprocess.run([environment / "python", "-m", "pip", "check"], check=True)
