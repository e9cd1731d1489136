"""Waiting: one loop that reads, asks whether it is settled, says where things stand, and never writes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Generic, TypeVar

from shapemaker_action.aws.classify import Kind
from shapemaker_action.aws.session import AwsCallError
from shapemaker_action.errors import AccessError, DeadlineError, EnvironmentProblemError
from shapemaker_action.events import Notice, Progress
from shapemaker_action.record import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapemaker_action.events import Emit

T = TypeVar("T")

GRACE = 600.0
"""Seconds without a network that a wait survives: what is waited for goes on without us."""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Time as an argument, so that tests can do without it."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often to look.

    The pause grows with the time waited, so a short job costs no idle seconds and a long one no throttling: after 10 s
    it is half a second, after 5 minutes 15 s.
    """

    shortest: float = 0.2
    longest: float = 15.0
    share: float = 0.05

    def pause(self, waited: float) -> float:
        """Seconds until the next look, after `waited` seconds."""
        return min(self.longest, max(self.shortest, waited * self.share))


@dataclass(frozen=True, kw_only=True)
class Wait:
    """What is waited for, in the user's words, and for how long."""

    subject: str
    deadline: float
    remedy: str
    pace: Pace = Pace()


def until(
    wait: Wait,
    read: Callable[[], T],
    settled: Callable[[T], bool],
    state: Callable[[T], str],
    *,
    clock: Clock,
    emit: Emit,
) -> T:
    """The first reading that is settled. Emits progress on every change of state and once a minute.

    Raises:
        DeadlineError: when `wait.deadline` seconds have passed, `GRACE` without a network, or credentials that end
            and cannot be renewed; nothing is stopped.
    """
    began = clock.now()
    look = _Patient(wait=wait, read=read, clock=clock, emit=emit)
    told, told_at = "", began
    while True:
        reading = look()
        if settled(reading):
            return reading
        now = clock.now()
        if now - began > wait.deadline:
            raise DeadlineError(
                f"{wait.subject} has not ended after {wait.deadline:.0f} s",
                state=f"it goes on; its last state was: {state(reading)}",
                remedy=wait.remedy,
            )
        if state(reading) != told or now - told_at >= 60:  # noqa: PLR2004 - a sign of life each minute
            told, told_at = state(reading), now
            emit(Progress(subject=wait.subject, state=told, seconds=now - began))
        clock.sleep(wait.pace.pause(now - began))


@dataclass(frozen=True, kw_only=True)
class _Patient(Generic[T]):
    """Reads again when AWS cannot be reached: a laptop that slept or changed its network is no end of a job."""

    wait: Wait
    read: Callable[[], T]
    clock: Clock
    emit: Emit

    def __call__(self) -> T:
        lost_at = self.clock.now()
        while True:
            try:
                return self.read()
            except EnvironmentProblemError as error:
                away = self.clock.now() - lost_at
                if away >= min(GRACE, self.wait.deadline):
                    raise DeadlineError(
                        f"{self.wait.subject} could not be looked at for {away:.0f} s: {error.message}",
                        state="it goes on",
                        remedy=self.wait.remedy,
                    ) from error
                self.emit(Notice(text=f"{error.message}; looking again", warning=True))
            except AccessError as error:
                raise self._unknown(f"{error.message} ({error.remedy})") from error
            except AwsCallError as error:
                if error.kind is not Kind.CREDENTIALS:
                    raise
                raise self._unknown(f"the credentials have ended: {error.code}: {error.message}") from error
            self.clock.sleep(self.wait.pace.longest)

    def _unknown(self, reason: str) -> DeadlineError:
        return DeadlineError(
            f"{self.wait.subject} cannot be looked at any more: {reason}",
            state="it goes on without us",
            remedy=f"renew the credentials, then {self.wait.remedy}",
        )
