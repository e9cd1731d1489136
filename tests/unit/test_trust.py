from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shapemaker_action import trust
from shapemaker_action.arguments import from_argv
from shapemaker_action.errors import RefusedError
from shapemaker_action.events import Notice
from shapemaker_action.github.event import Event as Trigger

if TYPE_CHECKING:
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


@pytest.mark.parametrize("stages", ["run", "plan,build", "delete", "rollback", "invoke", "dev"])
@pytest.mark.parametrize("target", ["aws", "local"])
def test_secrets_and_code_of_strangers_never_meet(stages: str, target: str) -> None:
    with pytest.raises(RefusedError) as caught:
        allowed(TARGET, stages, "--target", target)
    assert "pull_request_target" in caught.value.message
    assert "on: pull_request" in caught.value.remedy
    assert caught.value.exit_code == 3


def test_looking_is_no_danger() -> None:
    assert allowed(TARGET, "validate,plan,status")[0].target == "aws"


def test_an_event_of_ours_changes_nothing() -> None:
    argv = ("run", "--force", "--role-to-assume", "arn:aws:iam::1:role/x")
    assert allowed(Trigger(name="push"), *argv) == (from_argv(argv, {}, "shapemaker"), [])
