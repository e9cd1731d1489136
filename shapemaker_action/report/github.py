"""GitHub: step outputs and annotations, written even after a failure as far as things are known."""

from __future__ import annotations

import secrets
import sys
from typing import TYPE_CHECKING, TextIO

from shapemaker_action.errors import ConfigError
from shapemaker_action.record import dataclass, field
from shapemaker_action.report import document, harmless

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shapemaker_action.diagnostics import Diagnostic
    from shapemaker_action.events import Event
    from shapemaker_action.naming import Json
    from shapemaker_action.outcome import Outcome
    from shapemaker_action.report.reporter import Reporter
    from shapemaker_action.report.result import Result

ANNOTATIONS = 8
"""GitHub shows ten of a kind for a step and drops the rest without a word."""
LONGEST = 3500

OUTPUTS = (
    "image-uri",
    "image-tag",
    "image-digest",
    "training-image-uri",
    "training-image-tag",
    "training-image-digest",
    "repository",
    "training-job",
    "model-data",
    "metrics",
    "gate",
    "endpoint-name",
    "endpoint-config",
    "endpoint-url",
    "predictions",
    "matrix",
    "has-changes",
    "fingerprint",
    "changes",
    "created",
    "updated",
    "deleted",
    "resume",
    "exit-code",
    "result",
)


@dataclass(frozen=True, kw_only=True)
class GithubReporter:
    """Another reporter, and beside it what GitHub wants to know."""

    inner: Reporter
    output_file: Path | None
    commands: TextIO = field(default_factory=lambda: sys.stdout)
    """Where annotations go; GitHub reads both streams."""

    def event(self, event: Event) -> None:
        """Unchanged."""
        self.inner.event(event)

    def diagnostic(self, diagnostic: Diagnostic) -> None:
        """Unchanged, and as an annotation at its place."""
        self.inner.diagnostic(diagnostic)
        self._command(annotation(diagnostic))

    def outcome(self, outcome: Outcome) -> None:
        """Unchanged."""
        self.inner.outcome(outcome)

    def finish(self, result: Result) -> None:
        """Outputs first: the error below them ends the step."""
        if self.output_file:
            write_outputs(self.output_file, outputs(result))
        self.inner.finish(result)
        if isinstance(result.error, ConfigError):
            found = result.error.diagnostics
            for diagnostic in found[:ANNOTATIONS]:
                self._command(annotation(diagnostic))
            if len(found) > ANNOTATIONS:
                self._command(f"::error::{len(found) - ANNOTATIONS} more problems; see the log above")
        elif result.error:
            self._command(f"::error::{_data(f'{result.error.message} {result.error.remedy}')}")

    def _command(self, text: str) -> None:
        print(text, file=self.commands, flush=True)


def annotation(diagnostic: Diagnostic) -> str:
    """A workflow command that puts the finding at its line and column."""
    place = diagnostic.position
    text = f"{diagnostic.path}: {diagnostic.message}" if diagnostic.path else diagnostic.message
    if diagnostic.hint:
        text += f" ({diagnostic.hint})"
    properties = f"file={_property(place.file)},line={place.line},col={place.column}"
    return f"::{diagnostic.severity.value} {properties}::{_data(text)}"


def _data(text: str) -> str:
    plain = harmless.text(text)[:LONGEST]
    return plain.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def outputs(result: Result) -> dict[str, str]:
    """Every declared output that is known, as text; what isn't a string becomes JSON."""
    known: dict[str, Json] = {
        **result.values,
        **result.counts,
        "changes": len(result.changes),
        "resume": result.resume,
        "exit-code": int(result.exit_code),
        "result": result.as_json(),
    }
    return {name: _text(known[name]) for name in OUTPUTS if known.get(name) not in (None, "")}


def _text(value: Json) -> str:
    return value if isinstance(value, str) else document.dumps(value)


def write_outputs(path: Path, values: Mapping[str, str]) -> None:
    """Append in the heredoc form, with a delimiter that no value can contain."""
    with path.open("a", encoding="utf-8") as file:
        for name, value in values.items():
            delimiter = f"shapemaker_{secrets.token_hex(16)}"
            file.write(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")
