from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shapemaker_action import trust
from shapemaker_action.arguments import from_argv
from shapemaker_action.errors import RefusedError
from shapemaker_action.events import Notice
from shapemaker_action.github.event import Event as Trigger

if TYPE_CHECKING:
    from pathlib import Path

    from shapemaker_action.events import Event
    from shapemaker_action.invocation import Invocation

FORK = Trigger(name="pull_request", from_fork=True)
TARGET = Trigger(name="pull_request_target", from_fork=True)


def allowed(event: Trigger, *argv: str) -> tuple[Invocation, list[Event]]:
    told: list[Event] = []
    return trust.allowed(from_argv(argv, {}, "shapemaker"), event, told.append), told


@pytest.mark.parametrize("stages", ["plan,build", "run", "deploy", "status", "validate,plan"])
def test_code_of_a_fork_gets_the_whole_lifecycle_on_the_local_sagemaker(stages: str) -> None:
    found, told = allowed(
        FORK, stages, "--role-to-assume", "arn:aws:iam::1:role/x", "--force", "--model-data", "s3://b/m", "--retry"
    )
    assert found.stages == from_argv(["run"], {}, "shapemaker").stages
    assert (found.target, found.role_to_assume, found.comment) == ("local", "", False)
    assert not found.switches.force
    assert not found.switches.model_data
    (notice,) = told
    assert isinstance(notice, Notice)
    assert "a fork" in notice.text


@pytest.mark.parametrize("argv", [["validate"], ["schema"], ["run", "--target", "local"], ["local", "status"]])
def test_what_never_meets_aws_stays_as_it_is(argv: list[str]) -> None:
    found, told = allowed(FORK, *argv)
    assert found == from_argv(argv, {}, "shapemaker")
    assert told == []


def test_cleaning_up_after_a_fork_trains_nothing() -> None:
    for event in (FORK, Trigger(name="pull_request", from_fork=True, action="closed")):
        assert allowed(event, "delete")[0].stages == ("delete",)


def test_which_of_many_models_have_changed_is_still_asked() -> None:
    found, _ = allowed(FORK, "plan", "--config", "models/*/shapemaker.yml")
    assert (found.stages, found.target) == (("plan",), "local")


def test_a_file_that_looks_like_a_glob_is_one_model(tmp_path: Path) -> None:
    (tmp_path / "a[1].yml").touch()
    assert allowed(FORK, "plan", "--directory", str(tmp_path), "--config", "a[1].yml")[0].stages[-1] == "invoke"
    assert allowed(FORK, "plan", "--directory", str(tmp_path), "--config", "b[1].yml")[0].stages == ("plan",)


@pytest.mark.parametrize("stages", ["run", "plan,build", "delete", "rollback", "invoke", "dev"])
@pytest.mark.parametrize("target", ["aws", "local"])
def test_secrets_and_code_of_strangers_never_meet(stages: str, target: str) -> None:
    with pytest.raises(RefusedError) as caught:
        allowed(TARGET, stages, "--target", target)
    assert "pull_request_target" in caught.value.message
    assert "on: pull_request" in caught.value.remedy
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("stages", ["plan", "status", "validate,plan"])
def test_looking_takes_the_role_to_where_a_strangers_configuration_says(stages: str) -> None:
    for event in (TARGET, Trigger(name="pull_request_target"), Trigger(name="unknown")):
        with pytest.raises(RefusedError):
            allowed(event, stages)


@pytest.mark.parametrize(
    "argv",
    [
        ["validate"],
        ["schema"],
        ["validate,plan,status", "--target", "local"],
        ["validate,plan", "--config", "models/*/shapemaker.yml"],
    ],
)
def test_looking_without_a_role_is_no_danger(argv: list[str]) -> None:
    assert allowed(TARGET, *argv) == (from_argv(argv, {}, "shapemaker"), [])


def test_an_event_of_ours_changes_nothing() -> None:
    argv = ("run", "--force", "--role-to-assume", "arn:aws:iam::1:role/x")
    assert allowed(Trigger(name="push"), *argv) == (from_argv(argv, {}, "shapemaker"), [])
