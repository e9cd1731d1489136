"""Every error a user can meet: one class per exit code, and below it the facts that lead there.

A message has four parts, and a reader who sees only the last two can already go on: what happened, what it was found
in, what is true now, and the command to continue.
"""

from __future__ import annotations

from enum import IntEnum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

    from shapemaker_action.diagnostics import Diagnostic


class ExitCode(IntEnum):
    """The documented exit codes; the README's table is generated from these names and `MEANING`."""

    DONE = 0
    BUG = 1
    INVALID = 2
    REFUSED = 3
    ROLLED_BACK = 4
    NEEDS_HUMAN = 5
    PERMISSION = 6
    CAPACITY = 7
    LOCKED = 8
    DEADLINE = 9
    FOREIGN = 10
    ENVIRONMENT = 11
    INTERRUPTED = 130
    TERMINATED = 143


MEANING: dict[ExitCode, str] = {
    ExitCode.DONE: "done, or nothing to do",
    ExitCode.BUG: "a bug of shapemaker",
    ExitCode.INVALID: "invalid input; nothing was changed",
    ExitCode.REFUSED: "a gate or verification refused, or the user's code failed",
    ExitCode.ROLLED_BACK: "the deployment was rolled back; the endpoint serves the previous generation",
    ExitCode.NEEDS_HUMAN: "a state that only a person can resolve",
    ExitCode.PERMISSION: "identity or permission",
    ExitCode.CAPACITY: "quota, capacity or throttling; try again later",
    ExitCode.LOCKED: "another run holds the lock, or the endpoint is busy",
    ExitCode.DEADLINE: "the deadline passed, the work goes on; run again to re-attach",
    ExitCode.FOREIGN: "drift, or a resource that shapemaker does not own",
    ExitCode.ENVIRONMENT: "this machine: container engine, disk, network",
    ExitCode.INTERRUPTED: "cancelled by SIGINT",
    ExitCode.TERMINATED: "cancelled by SIGTERM",
}


class Cancelled(BaseException):
    """A signal asks us to end. No `Exception`, or a library on the way up would take it for a fault and try again."""

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.number = number
        self.state = ""
        """What is true of the job that was waited for, where somebody on the way up knows."""


class ShapemakerError(Exception):
    """An error with a remedy. `state` says what is true now, `remedy` how to continue."""

    exit_code: ClassVar[ExitCode] = ExitCode.BUG

    def __init__(self, message: str, *, state: str = "", remedy: str = "", details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.state = state
        self.remedy = remedy
        self.details = details
        """Foreign text that explains the error (the last log lines of a container), one line each."""


class InvalidInputError(ShapemakerError):
    """Something the user wrote is wrong; no call was made."""

    exit_code = ExitCode.INVALID


class ConfigError(InvalidInputError):
    """The configuration has problems; all of them, each at its place."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        count = len(diagnostics)
        super().__init__(
            f"the configuration has {count} problem{'s' if count != 1 else ''}",
            state="nothing was sent to AWS",
            remedy="mend the lines named above, then run the same command again",
        )
        self.diagnostics = diagnostics


class RefusedError(ShapemakerError):
    """A gate or a verification said no, or code of the user failed."""

    exit_code = ExitCode.REFUSED


class JobFailedError(RefusedError):
    """A job ended, but not as Completed."""


class QualityGateError(RefusedError):
    """A metric missed its threshold, or is missing: missing data is never a pass."""


class InvocationError(RefusedError):
    """The endpoint answered with an error, or not as the request file expects."""


class ImageBuildError(RefusedError):
    """The image build failed: a requirement that does not resolve, a broken Dockerfile."""


class ImageContractError(RefusedError):
    """An image breaks SageMaker's container contract (manifest type, architecture, entry point)."""


class EndpointUnhealthyError(RefusedError):
    """An endpoint never became healthy on its first creation."""


class RolloutRolledBackError(ShapemakerError):
    """The endpoint is in service, but with the previous endpoint configuration."""

    exit_code = ExitCode.ROLLED_BACK


class NeedsHumanError(ShapemakerError):
    """A status that no command of ours can leave safely, or that we do not know."""

    exit_code = ExitCode.NEEDS_HUMAN


class AccessError(ShapemakerError):
    """No credentials, the wrong ones, or a missing permission."""

    exit_code = ExitCode.PERMISSION


class CapacityError(ShapemakerError):
    """A quota, missing capacity or throttling that outlasted the retries."""

    exit_code = ExitCode.CAPACITY


class LockedError(ShapemakerError):
    """Somebody else is changing the same thing."""

    exit_code = ExitCode.LOCKED


class DeadlineError(ShapemakerError):
    """We stopped waiting; the work goes on."""

    exit_code = ExitCode.DEADLINE


class ForeignError(ShapemakerError):
    """What is there is not ours, or not as we left it."""

    exit_code = ExitCode.FOREIGN


class NotOwnedError(ForeignError):
    """A resource of the wanted name exists without our ownership tags."""


class EnvironmentProblemError(ShapemakerError):
    """This machine lacks something: a container engine, disk space, a free port, the network."""

    exit_code = ExitCode.ENVIRONMENT


class CancelledError(ShapemakerError):
    """SIGINT: we stop waiting at once; remote work goes on."""

    exit_code = ExitCode.INTERRUPTED


class TerminatedError(ShapemakerError):
    """SIGTERM: as `CancelledError`, with the code that shells expect."""

    exit_code = ExitCode.TERMINATED
