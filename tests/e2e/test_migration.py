"""A project of the cookiecutter template moves to shapemaker and runs, with its own train.py and app.py."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.consumer import COMMAND_LINE, ROOT, Consumer, write
from tests.support.cookiecutter_project import SECRET, project

if TYPE_CHECKING:
    from pathlib import Path


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("engine", ["process", pytest.param("docker", marks=pytest.mark.needs("docker"))])
def test_it_is_built_trained_deployed_and_asked_with_its_own_code(tmp_path: Path, state: Path, engine: str) -> None:
    folder = write(tmp_path / "ovens", project())
    ovens = Consumer(folder=folder, state=state, name="ovens", engine=engine)
    before = digests(folder)
    moved = ovens.run("init", "--from-template", ".", "--makefile")
    assert moved.code == 0, moved
    made = set(digests(folder)) - set(before)
    assert made == {"shapemaker.yml", "requirements_images.txt", "Makefile.shapemaker"}
    done = ovens.do("run")
    assert [answer["answer"] for answer in done.outputs["predictions"]] == [{"minutes": 45.0}]
    assert done.outputs["training-metrics"] == {"oven:error": 0.0}
    assert done.outputs["endpoint-name"] == "ovens"
    job = ovens.client("sagemaker").describe_training_job(TrainingJobName=done.outputs["training-job"])
    assert job["HyperParameters"] == {"loaves": "12", "warm": "True"}
    assert job["EnableManagedSpotTraining"]
    assert job["ResourceConfig"]["VolumeSizeInGB"] == 3
    assert ovens.do("run").changes == []
    after = digests(folder)
    assert {path: after[path] for path in before} == before
    everywhere = moved.stdout + moved.stderr + "".join((folder / path).read_text() for path in made)
    assert SECRET not in everywhere


def test_the_old_make_targets_call_the_new_stages(tmp_path: Path, state: Path) -> None:
    folder = write(tmp_path / "ovens", project("loaves"))
    loaves = Consumer(folder=folder, state=state, name="loaves")
    assert loaves.run("init", "--from-template", ".", "--makefile").code == 0
    command = folder / "shapemaker"
    command.write_text(f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n{COMMAND_LINE}\n")
    command.chmod(0o755)

    def make(*targets: str) -> str:
        variables = [f"SHAPEMAKER={command}", "TARGET=local"]
        environ = {"SHAPEMAKER_HOME": str(state), "SHAPEMAKER_ENGINE": "process", "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            ["make", "--file", "Makefile.shapemaker", *variables, *targets],
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    make("init", "push_training_image", "push_endpoint_image")
    make("create_training_job", "ARGS=-w")
    make("create_endpoint", "ARGS=-w")
    assert '{"minutes":45.0}' in make("invoke_endpoint")
    make("update_endpoint", "ARGS=-uw", "login_ecr", "scripts_executable")
    make("delete_endpoint")
    assert not loaves.client("sagemaker").list_endpoints()["Endpoints"]
