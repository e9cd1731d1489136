"""JSON for machines: progress on stderr as always, exactly one document on stdout."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

from shapemaker_action.record import dataclass, field, replace
from shapemaker_action.report import document
from shapemaker_action.report.text import TextReporter

if TYPE_CHECKING:
    from shapemaker_action.diagnostics import Diagnostic
    from shapemaker_action.events import Event
    from shapemaker_action.outcome import Outcome
    from shapemaker_action.report.result import Result


@dataclass(frozen=True, kw_only=True)
class JsonReporter:
    """Everything that a person would read goes to `err`."""

    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)

    def event(self, event: Event) -> None:
        """As text, on stderr."""
        self._people.event(event)

    def diagnostic(self, diagnostic: Diagnostic) -> None:
        """As text, on stderr."""
        self._people.diagnostic(diagnostic)

    def outcome(self, outcome: Outcome) -> None:
        """As text, on stderr; what is data goes into the document alone."""
        self._people.outcome(replace(outcome, data=""))

    def finish(self, result: Result) -> None:
        """The document; an error also as text."""
        if result.error:
            self._people.failed(result.error)
        print(document.dumps(result.as_json(), indent=2), file=self.out, flush=True)

    @property
    def _people(self) -> TextReporter:
        return TextReporter(out=self.err, err=self.err)
