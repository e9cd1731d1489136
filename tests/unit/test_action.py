"""action.yml by our rules; it and all workflows by those of GitHub and of the auditors that read them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.action_runner import load

ROOT = Path(__file__).parents[2]
ACTION = load(ROOT)
BIN = Path(sys.executable).parent
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))
OFFERED = sorted(ROOT.glob("templates/workflows/**/*.yml"))
"""Workflows that users copy."""
(STEP,) = ACTION["runs"]["steps"]


def check(*command: str | Path) -> str:
    """Output of a checker from the development environment; empty when it is content."""
    done = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def test_zizmor_finds_nothing() -> None:
    strict = ("--offline", "--quiet", "--no-progress", "--persona=auditor", "--strict-collection")
    assert not check("zizmor", *strict, ".", *OFFERED)


def test_action_and_workflows_satisfy_githubs_schemas() -> None:
    assert not check("check-jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml")
    assert not check("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS, *OFFERED)
    assert not check(
        "check-jsonschema", "--builtin-schema", "custom.github-workflows-require-timeout", *WORKFLOWS, *OFFERED
    )
    assert not check("check-jsonschema", "--builtin-schema", "vendor.dependabot", ".github/dependabot.yml")


def test_the_action_is_one_step_of_bash_that_becomes_the_tool() -> None:
    assert ACTION["runs"]["using"] == "composite"
    assert STEP["shell"] == "bash"
    assert "uses" not in STEP
    assert STEP["run"] == 'exec python3 -IS "${GITHUB_ACTION_PATH}/entrypoint"'


def test_every_input_reaches_the_tool_as_a_variable_and_nothing_else_does() -> None:
    forwarded = {
        f"SHAPEMAKER_INPUT_{name.upper().replace('-', '_')}": f"${{{{ inputs.{name} }}}}" for name in ACTION["inputs"]
    }
    assert STEP["env"] == forwarded


def test_every_output_comes_from_the_step_under_its_own_name() -> None:
    values = {name: output["value"] for name, output in ACTION["outputs"].items()}
    assert values == {name: f"${{{{ steps.{STEP['id']}.outputs.{name} }}}}" for name in values}


@pytest.mark.parametrize("kind", ["inputs", "outputs"])
def test_names_are_kebab_case_and_described(kind: str) -> None:
    for name, value in ACTION[kind].items():
        assert re.fullmatch("[a-z]+(-[a-z]+)*", name)
        assert value["description"].endswith("."), name


def test_descriptions_of_inputs_tell_the_default() -> None:
    for name, value in ACTION["inputs"].items():
        default = value.get("default", "").strip("${} ")  # the runner refuses an expression in a description
        told = "No default." if value.get("required") else f"Default: {default}"
        assert told in value["description"], name
