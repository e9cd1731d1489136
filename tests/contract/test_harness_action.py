"""This repository's own action in the runner in miniature, from the archive that consumers download."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.support.github_runner import OUR_USES, Runner, exported
from tests.support.traps import set_traps

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs("node", "npm")


def test_a_trapped_consumer_repository_is_validated(sample: Path, tmp_path: Path) -> None:
    traps = set_traps(sample, tmp_path / "outside")
    with Runner(repository=sample, work=tmp_path / "work", environ=traps.environ) as runner:
        run = runner.use(stage="validate")
    assert run.conclusion == "success", run
    assert run.step("shapemaker").outputs["exit-code"] == "0"
    traps.assert_untouched()


def test_the_traps_catch_who_imports_what_lies_around(sample: Path, tmp_path: Path) -> None:
    traps = set_traps(sample, tmp_path / "outside")
    with Runner(repository=sample, work=tmp_path / "work", environ=traps.environ) as runner:
        runner.steps({"run": "python3 -c 'import yaml'"}, {"if": "always()", "run": "python3 -S -m boto3"})
    with pytest.raises(AssertionError, match="imported from the workspace"):
        traps.assert_untouched()
    assert {"sitecustomize", "__main__"} <= set(traps.marker.read_text().split())


def test_our_own_workflow_may_use_the_action_of_its_checkout(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    shutil.copytree(exported(), repository, symlinks=True)
    trapped = repository / "trapped"
    trapped.mkdir()
    for name in ("modelpkg", "requirements.txt", "shapemaker.yml"):
        source = repository / name
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, trapped / name)
    traps = set_traps(trapped, tmp_path / "outside")
    with Runner(repository=repository, work=tmp_path / "work", environ=traps.environ, actions={}) as runner:
        run = runner.steps(
            {"id": "ours", "uses": "./", "with": {"stage": "validate", "working-directory": "trapped"}},
        )
    assert run.step("ours").outcome == "success", run
    traps.assert_untouched()


def test_an_unknown_input_is_a_warning_and_an_invalid_stage_fails_the_step(sample: Path, tmp_path: Path) -> None:
    with Runner(repository=sample, work=tmp_path / "work") as runner:
        run = runner.steps(
            {
                "id": "shapemaker",
                "uses": OUR_USES,
                "continue-on-error": True,
                "with": {"stage": "nothing", "stages": "x"},
            },
            {"id": "after", "run": 'echo "it was $OUTCOME"', "env": {"OUTCOME": "${{ steps.shapemaker.outcome }}"}},
        )
    step = run.step("shapemaker")
    assert (run.conclusion, step.outcome, step.conclusion) == ("success", "failure", "success"), run
    assert any(each.message.startswith("Unexpected input(s) 'stages'") for each in step.annotations)
    assert "it was failure" in run.step("after").log
