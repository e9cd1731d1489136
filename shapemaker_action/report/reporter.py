"""What every reporter can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shapemaker_action.diagnostics import Diagnostic
    from shapemaker_action.events import Event
    from shapemaker_action.outcome import Outcome
    from shapemaker_action.report.result import Result


class Reporter(Protocol):
    """Renders a run."""

    def event(self, event: Event) -> None:
        """Something has happened."""

    def diagnostic(self, diagnostic: Diagnostic) -> None:
        """A finding that does not end the run."""

    def outcome(self, outcome: Outcome) -> None:
        """A stage has ended well."""

    def finish(self, result: Result) -> None:
        """The run has ended, well or not."""
