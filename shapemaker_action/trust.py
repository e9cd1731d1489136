"""What the event of a workflow allows: code of strangers never meets our account."""

from __future__ import annotations

from shapemaker_action.context import Switches
from shapemaker_action.errors import RefusedError
from shapemaker_action.events import Notice
from shapemaker_action.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shapemaker_action.events import Emit
    from shapemaker_action.github.event import Event
    from shapemaker_action.invocation import Invocation

_OFFLINE = frozenset({"validate", "schema"})
"""Stages and tools that run no code of the repository, and take no role: its configuration says where one leads."""
_READS = frozenset({*_OFFLINE, "plan", "status"})
"""Those that neither change anything nor run code of the repository."""


def allowed(invocation: Invocation, event: Event, emit: Emit) -> Invocation:
    """The invocation as this event may have it.

    Code of a fork or of Dependabot comes without secrets: instead of the stages that were asked for, the whole
    lifecycle runs on the local SageMaker.

    Raises:
        RefusedError: the event hands the secrets of the repository to code that anybody may have written.
    """
    asked = {invocation.words[0]} if invocation.is_tool else set(invocation.stages)
    harmless = _OFFLINE if invocation.target == "aws" and not invocation.globs else _READS
    if event.is_unsafe and not asked <= harmless:
        raise RefusedError(
            f"{', '.join(sorted(asked - harmless))} on the event {event.name} is refused: it has the secrets of this "
            "repository, and anybody may have written the code that it works on",
            state="nothing was done",
            remedy="build and check on: pull_request (forks are then served by the local SageMaker), and change AWS "
            "on: push, merge_group or workflow_dispatch",
        )
    if not event.is_untrusted or invocation.is_tool or not _meets_aws(invocation, asked):
        return invocation
    # Which of many models have changed is a question to git alone.
    stays = event.action == "closed" or "delete" in asked or bool(invocation.globs)
    confined = _confined(invocation, invocation.words if stays else ("run",))
    emit(
        Notice(
            text=f"the code is of {event.author}, so it gets no credentials: {invocation.words[0]} becomes "
            f"{confined.words[0]} on the local SageMaker, and AWS is not asked for anything"
        )
    )
    return confined


def _meets_aws(invocation: Invocation, asked: set[str]) -> bool:
    return invocation.target == "aws" and asked != {"validate"}


def _confined(invocation: Invocation, words: tuple[str, ...]) -> Invocation:
    """Without the role, and without whatever names something in the account."""
    asked = invocation.switches
    switches = Switches(
        experimental=asked.experimental,
        timeout=asked.timeout,
        changed_since=asked.changed_since,
        on_cancel=asked.on_cancel,
    )
    return replace(invocation, words=words, target="local", role_to_assume="", comment=False, switches=switches)
