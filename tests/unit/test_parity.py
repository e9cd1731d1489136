"""The action, the command line and what the stages hand out are one thing under the same names."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from shapemaker_action.arguments import from_argv
from shapemaker_action.github import TOKEN
from shapemaker_action.inputs import from_inputs
from shapemaker_action.invocation import RUN, STAGES, TOOLS
from shapemaker_action.report.github import OUTPUTS
from shapemaker_action.stages import registry
from tests.support.action_runner import load

ROOT = Path(__file__).parents[2]
ACTION = load(ROOT)
PREFIX = "SHAPEMAKER_INPUT_"
FROM_THE_RUN = {"changes", "created", "updated", "deleted", "resume", "exit-code", "result"}
"""Outputs that no single stage hands out: the reporter makes them from all of them."""

SAME = [
    ("config", "a.yml\nb.yml", ["--config", "a.yml", "--config", "b.yml"]),
    ("environment", "production", ["--environment", "production"]),
    ("target", "local", ["--target", "local"]),
    (
        "set",
        "train.spot=true\ntrain.instance=ml.c5.xlarge",
        ["--set", "train.spot=true", "--set", "train.instance=ml.c5.xlarge"],
    ),
    ("working-directory", "tests", ["--directory", "tests"]),
    ("aws-region", "eu-west-1", ["--region", "eu-west-1"]),
    ("format", "json", ["--format", "json"]),
    ("wait", "false", ["--no-wait"]),
    ("comment", "false", ["--no-comment"]),
    ("summary", "false", ["--no-summary"]),
    ("engine", "podman", ["--engine", "podman"]),
    ("timeout", "60", ["--timeout", "60"]),
    ("role-to-assume", "arn:aws:iam::123456789012:role/ci", ["--role-to-assume", "arn:aws:iam::123456789012:role/ci"]),
    ("on-cancel", "stop", ["--on-cancel", "stop"]),
    ("changed-since", "main", ["--changed-since", "main"]),
    ("fingerprint", "abc", ["--fingerprint", "abc"]),
    ("training-job", "job", ["--training-job", "job"]),
    ("model-data", "s3://b/model.tar.gz", ["--model-data", "s3://b/model.tar.gz"]),
    ("retry", "true", ["--retry"]),
    ("experimental", "true", ["--experimental"]),
    ("force", "true", ["--force"]),
    ("everything", "true", ["--everything"]),
]
NOT_OPTIONS = {"stage", "github-token"}
"""The stage is no option, and a token on a command line would be seen by every process."""


class Recorder(Mapping[str, str]):
    """An environment that remembers what was asked for."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values_ = values
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self.values_[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_)

    def __len__(self) -> int:
        return len(self.values_)


def variable(name: str) -> str:
    return PREFIX + name.upper().replace("-", "_")


def with_inputs(**given: str) -> Recorder:
    """What the action sets: the inputs' defaults, and over them what was given."""
    defaults = {variable(name): value.get("default", "") for name, value in ACTION["inputs"].items()}
    return Recorder(defaults | {variable(name): value for name, value in given.items()})


def test_the_tool_reads_every_input_and_no_other() -> None:
    environ = with_inputs(stage="run")
    from_inputs(environ, "shapemaker")
    assert {name for name in environ.asked if name.startswith(PREFIX)} | {TOKEN} == set(map(variable, ACTION["inputs"]))


def test_the_actions_defaults_are_the_command_lines() -> None:
    assert from_inputs(with_inputs(stage="run"), "shapemaker") == from_argv(["run"], {}, "shapemaker")


@pytest.mark.parametrize(("name", "value", "argv"), SAME, ids=[name for name, _, _ in SAME])
def test_an_input_means_what_its_option_means(name: str, value: str, argv: list[str]) -> None:
    by_input = from_inputs(with_inputs(stage="train", **{name: value}), "shapemaker")
    assert by_input == from_argv(["train", *argv], {}, "shapemaker")
    assert by_input != from_argv(["train"], {}, "shapemaker")


def test_every_input_is_compared_above() -> None:
    assert {name for name, _, _ in SAME} | NOT_OPTIONS == set(ACTION["inputs"])


def test_the_action_declares_every_output_that_is_written_in_the_same_order() -> None:
    assert tuple(ACTION["outputs"]) == OUTPUTS


def test_every_output_is_handed_out_by_a_stage() -> None:
    trees = [ast.parse(path.read_bytes()) for path in (ROOT / "shapemaker_action" / "stages").glob("*.py")]
    words = {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    # Both images' outputs are put together from `image` or `training-image` and an ending.
    endings = {name: f"-{name.rpartition('-')[2]}" for name in OUTPUTS if "image" in name}
    assert not [name for name in OUTPUTS if not {name, endings.get(name)} & words and name not in FROM_THE_RUN]


def test_every_stage_that_is_offered_exists_and_is_offered_once() -> None:
    assert tuple(registry.STAGES) == tuple(STAGES), "in the order of the lifecycle"
    assert set(RUN) <= set(STAGES)
    assert not set(STAGES) & set(TOOLS)
