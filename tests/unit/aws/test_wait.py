from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shapemaker_action.aws.wait import Clock, Pace, Wait, until
from shapemaker_action.errors import DeadlineError
from shapemaker_action.events import Progress

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
