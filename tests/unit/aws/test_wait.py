from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shapemaker_action.aws.session import AwsCallError
from shapemaker_action.aws.wait import Clock, Pace, Wait, until
from shapemaker_action.errors import DeadlineError, EnvironmentProblemError
from shapemaker_action.events import Notice, Progress

if TYPE_CHECKING:
    from shapemaker_action.events import Event


class Ticking:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.time = 0.0

    @property
    def clock(self) -> Clock:
        return Clock(now=lambda: self.time, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def test_the_first_settled_reading_is_returned_and_every_state_told_once() -> None:
    told: list[Event] = []
    states = iter(["Starting", "Starting", "Training", "Training", "Completed"])
    wait = Wait(subject="job", deadline=100, remedy="again")
    found = until(wait, lambda: next(states), lambda s: s == "Completed", str, clock=Ticking().clock, emit=told.append)
    assert found == "Completed"
    assert [event.state for event in told if isinstance(event, Progress)] == ["Starting", "Training"]


def test_the_deadline_leaves_the_work_alone_and_says_how_to_go_on() -> None:
    wait = Wait(subject="training job x", deadline=30, remedy="wait on with: shapemaker train")
    with pytest.raises(DeadlineError) as caught:
        until(wait, lambda: "InProgress", lambda _: False, str, clock=Ticking().clock, emit=lambda _: None)
    assert caught.value.exit_code == 9
    assert "InProgress" in caught.value.state
    assert caught.value.remedy == "wait on with: shapemaker train"


def test_a_long_wait_looks_rarely_and_a_short_one_often() -> None:
    pace = Pace()
    assert pace.pause(0) == 0.2
    assert pace.pause(10) == 0.5
    assert pace.pause(100_000) == 15.0


def test_a_sign_of_life_each_minute() -> None:
    told: list[Event] = []
    wait = Wait(subject="job", deadline=200, remedy="again")
    with pytest.raises(DeadlineError):
        until(wait, lambda: "InProgress", lambda _: False, str, clock=Ticking().clock, emit=told.append)
    assert len(told) == 4


class Network:
    """Readings that fail for as long as the network is away."""

    def __init__(self, clock: Ticking, *, away: tuple[float, float]) -> None:
        self.clock, self.away = clock, away

    def read(self) -> str:
        if self.away[0] <= self.clock.time < self.away[1]:
            raise EnvironmentProblemError("sagemaker cannot be reached")
        return "Completed" if self.clock.time > 1000 else "InProgress"


def test_a_network_that_comes_back_within_minutes_ends_no_wait() -> None:
    ticking = Ticking()
    told: list[Event] = []
    network = Network(ticking, away=(100, 600))
    wait = Wait(subject="job", deadline=5000, remedy="again")
    found = until(wait, network.read, lambda s: s == "Completed", str, clock=ticking.clock, emit=told.append)
    assert found == "Completed"
    assert any(isinstance(event, Notice) and event.warning for event in told)


@pytest.mark.parametrize("deadline", [100, 50_000])
def test_a_network_that_stays_away_is_a_deadline_for_the_work_goes_on(deadline: float) -> None:
    ticking = Ticking()
    network = Network(ticking, away=(0, 10**6))
    wait = Wait(subject="job", deadline=deadline, remedy="wait on with: x")
    with pytest.raises(DeadlineError, match="cannot be reached") as caught:
        until(wait, network.read, lambda _: False, str, clock=ticking.clock, emit=lambda _: None)
    assert (caught.value.state, caught.value.remedy) == ("it goes on", "wait on with: x")
    assert ticking.time <= 700


def test_credentials_that_end_leave_the_work_to_itself() -> None:
    def refused() -> str:
        raise AwsCallError("sagemaker", "DescribeTrainingJob", "ExpiredTokenException", "expired", 400)

    wait = Wait(subject="training job x", deadline=30, remedy="wait on with: shapemaker train")
    with pytest.raises(DeadlineError) as caught:
        until(wait, refused, bool, str, clock=Ticking().clock, emit=lambda _: None)
    assert "ExpiredTokenException" in caught.value.message
    assert caught.value.remedy == "renew the credentials, then wait on with: shapemaker train"


def test_a_missing_permission_is_no_end_of_credentials() -> None:
    def refused() -> str:
        raise AwsCallError("sagemaker", "DescribeTrainingJob", "AccessDeniedException", "no", 400)

    with pytest.raises(AwsCallError):
        until(
            Wait(subject="job", deadline=30, remedy="again"),
            refused,
            bool,
            str,
            clock=Ticking().clock,
            emit=lambda _: None,
        )
