"""The action as GitHub gets it: an archive of the repository, its real locked packages, a workspace full of traps."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shapemaker_action.errors import ExitCode
from tests.support.action_runner import run_action
from tests.support.consumer import MEAN, write

if TYPE_CHECKING:
    from tests.support.action_runner import ActionRun

ROOT = Path(__file__).parents[2]
SHIPPED = ("action.yml", "entrypoint", "tool.lock", "shapemaker_action", "templates")
NOT_OF_A_LOCAL_RUN = {"endpoint-url", "fingerprint", "has-changes", "matrix", "resume"}
"""A console is AWS's, a plan has a fingerprint, many models have a matrix, and nothing is left to resume."""
TRAPS = ("boto3", "botocore", "falcon", "jsonschema", "yaml", "sitecustomize", "usercustomize", "shapemaker_action")


@pytest.fixture(scope="module")
def action(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a runner downloads: the tracked files as they lie here, without the repository's history."""
    folder = tmp_path_factory.mktemp("actions") / "shapemaker" / "v1 ü"
    folder.mkdir(parents=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *SHIPPED],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((ROOT / name).read_bytes())
        (folder / name).chmod((ROOT / name).stat().st_mode)
    return folder


@pytest.fixture(scope="module")
def tool_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("toolcache")


@pytest.fixture
def workspace(sample: Path) -> Path:
    """The sample repository, with a trap for everything that the tool imports."""
    for name in TRAPS:
        (sample / f"{name}.py").write_text("raise SystemExit('a module of the workspace was imported')")
    return sample


def use(action: Path, workspace: Path, tool_cache: Path, **inputs: str) -> ActionRun:
    """One `uses:` step of a job in which PYTHONPATH points into the workspace."""
    environ = {"RUNNER_TOOL_CACHE": str(tool_cache), "PYTHONPATH": str(workspace)}
    return run_action(action, workspace, inputs, environ)


def test_validate_passes_and_only_the_first_step_of_a_runner_installs(
    action: Path, workspace: Path, tool_cache: Path
) -> None:
    first = use(action, workspace, tool_cache, stage="validate")
    second = use(action, workspace, tool_cache, stage="validate")
    assert (first.exit_code, second.exit_code) == (0, 0), first.stderr + second.stderr
    assert "installing" not in second.stderr
    assert json.loads(second.outputs["result"])["exit-code"] == 0


def test_a_failure_still_writes_the_result_and_names_the_input(action: Path, workspace: Path, tool_cache: Path) -> None:
    run = use(action, workspace, tool_cache, stage="valdate")
    assert run.exit_code == ExitCode.INVALID
    assert "did you mean 'validate'?" in run.stdout + run.stderr
    assert json.loads(run.outputs["result"])["exit-code"] == ExitCode.INVALID


def test_a_missing_stage_is_an_error_that_names_the_input(action: Path, workspace: Path, tool_cache: Path) -> None:
    run = use(action, workspace, tool_cache)
    assert run.exit_code == ExitCode.INVALID
    assert "::error::input stage is missing" in run.stderr


def test_inputs_are_text_and_never_code(action: Path, workspace: Path, tool_cache: Path) -> None:
    run = use(action, workspace, tool_cache, stage='validate"; touch owned; echo "$(touch owned)', set="`touch owned`")
    assert run.exit_code == ExitCode.INVALID
    assert not (workspace / "owned").exists()


@pytest.mark.needs("docker")
def test_a_whole_run_on_the_local_sagemaker_fills_every_output_and_the_next_one_changes_nothing(
    action: Path, tool_cache: Path, tmp_path: Path, state: Path
) -> None:
    workspace = write(tmp_path / "mean", MEAN)
    environ = {"RUNNER_TOOL_CACHE": str(tool_cache), "SHAPEMAKER_HOME": str(state), "SHAPEMAKER_ENGINE": "docker"}
    inputs = {"stage": "run", "target": "local", "set": "project.name=mean"}
    first, second = (run_action(action, workspace, inputs, environ) for _ in range(2))
    assert (first.exit_code, second.exit_code) == (0, 0), first.stderr + second.stderr
    assert {name for name, value in first.outputs.items() if not value} == NOT_OF_A_LOCAL_RUN
    assert int(first.outputs["changes"]) > 0
    assert second.outputs["changes"] == "0"
    different = {name for name in first.outputs if first.outputs[name] != second.outputs[name]}
    counts = {"changes", "created", "updated", "deleted"}
    assert different <= {*counts, "predictions", "result"}, "predictions tell how long they took"


def test_the_same_checkout_is_a_command_line(action: Path, tool_cache: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [action / "entrypoint", "--version"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "SHAPEMAKER_TOOL_CACHE": str(tool_cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.split()[0]) == (0, "shapemaker"), done.stderr
