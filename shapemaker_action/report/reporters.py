"""Which reporter a run gets: by `--format`, and by whether GitHub listens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from shapemaker_action.report.github import GithubReporter
from shapemaker_action.report.machine import JsonReporter
from shapemaker_action.report.text import TextReporter

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def text() -> Reporter:
    """For errors that come before the format is known."""
    return TextReporter()


def choose(name: str, environ: Mapping[str, str]) -> Reporter:
    """`name` is `text` or `json`."""
    inner: Reporter = JsonReporter() if name == "json" else TextReporter()
    if environ.get("GITHUB_ACTIONS") != "true":
        return inner
    path = environ.get("GITHUB_OUTPUT")
    return GithubReporter(inner=inner, output_file=Path(path) if path else None)
