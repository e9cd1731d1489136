"""GitHub: masks, groups, outputs, summary, comment and annotations, also after a failure as far as things are known."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from shapemaker_action import events, lazy
from shapemaker_action.diagnostics import Severity
from shapemaker_action.errors import CancelledError, ConfigError, TerminatedError
from shapemaker_action.record import dataclass, field
from shapemaker_action.report import document
from shapemaker_action.report.annotations import Annotation, Files, chosen, data, of_diagnostic, of_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.diagnostics import Diagnostic
    from shapemaker_action.events import Event
    from shapemaker_action.naming import Json
    from shapemaker_action.outcome import Outcome
    from shapemaker_action.report import posting, summary
    from shapemaker_action.report.reporter import Reporter
    from shapemaker_action.report.result import Result
else:
    posting, summary = lazy.modules("shapemaker_action.report", "posting", "summary")

LARGEST_OUTPUT = 100_000
"""Characters. All outputs of a job together may have a megabyte, at two bytes a character."""
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


@dataclass(kw_only=True)
class GithubReporter:
    """Another reporter, and around it what GitHub wants to know. One for a whole step, so that caps hold for it."""

    inner: Reporter
    environ: Mapping[str, str] = field(default_factory=dict)
    commands: TextIO = field(default_factory=lambda: sys.stderr)
    """Where commands go: beside what streams, so that groups hold it. GitHub reads both streams."""
    _in_group: bool = False
    _findings: list[Diagnostic] = field(default_factory=list)

    def event(self, event: Event) -> None:
        """Secrets are masked, stages become groups; the rest is unchanged."""
        match event:
            case events.Secret():
                self.mask(event.value)
                return
            case events.StageStarted():
                self._end_group()
                self._command(f"::group::{data(event.stage)}")
                self._in_group = True
                return
            case events.StageFinished():
                self._end_group()
            case _:
                pass
        self.inner.event(event)

    def mask(self, value: str) -> None:
        """Let GitHub hide a value, and each of its lines, from here on."""
        for part in dict.fromkeys([value, *value.splitlines()]):
            if part.strip():
                self._command(f"::add-mask::{data(part)}")

    def diagnostic(self, diagnostic: Diagnostic) -> None:
        """Unchanged, and at the end an annotation at its place."""
        self._findings.append(diagnostic)
        self.inner.diagnostic(diagnostic)

    def outcome(self, outcome: Outcome) -> None:
        """Unchanged; its findings become annotations, too."""
        self._findings += outcome.diagnostics
        self.inner.outcome(outcome)

    def finish(self, result: Result) -> None:
        """Outputs first: nothing that comes after them may cost them."""
        self._end_group()
        lost = self._write_outputs(result)
        self.inner.finish(result)
        lost += self._write_summary(result)
        lost += self._post(result)
        warnings = [Annotation(severity=Severity.WARNING, message=text) for text in [*result.warnings, *lost]]
        rest = "the summary" if self._file("GITHUB_STEP_SUMMARY") and result.run.summary else "the log"
        for annotation in chosen([*self._annotations(result), *warnings], rest):
            self._command(str(annotation))

    def _annotations(self, result: Result) -> list[Annotation]:
        files = Files(workspace=self.environ.get("GITHUB_WORKSPACE", ""), directory=result.run.directory)
        of_config = isinstance(result.error, ConfigError)
        found = [*(result.error.diagnostics if isinstance(result.error, ConfigError) else ()), *self._findings]
        error = [of_error(result.error)] if result.error and not of_config else []
        return [*error, *(of_diagnostic(each, files) for each in found)]

    def _write_outputs(self, result: Result) -> list[str]:
        file = self._file("GITHUB_OUTPUT")
        try:
            if file:
                write_outputs(file, outputs(result))
        except OSError as error:
            return [f"the outputs could not be written: {error.strerror}"]
        return []

    def _write_summary(self, result: Result) -> list[str]:
        file = self._file("GITHUB_STEP_SUMMARY")
        if not file or not result.run.summary:
            return []
        try:
            there = file.stat().st_size if file.exists() else 0
            with file.open("a", encoding="utf-8") as stream:
                stream.write(summary.render(result, self._findings, room=summary.LIMIT - there))
        except OSError as error:
            return [f"the job summary could not be written: {error.strerror}"]
        return []

    def _post(self, result: Result) -> list[str]:
        """A job that is cancelled has seconds left, and nothing to say about merging."""
        if not result.run.comment or isinstance(result.error, CancelledError | TerminatedError):
            return []
        return posting.post(result, self.environ)

    def _file(self, variable: str) -> Path | None:
        path = self.environ.get(variable)
        return Path(path) if path else None

    def _end_group(self) -> None:
        if self._in_group:
            self._in_group = False
            self._command("::endgroup::")

    def _command(self, text: str) -> None:
        print(text, file=self.commands, flush=True)


def outputs(result: Result) -> dict[str, str]:
    """Every declared output that is known and that GitHub takes, as text; what isn't a string becomes JSON."""
    known: dict[str, Json] = {
        **result.values,
        **result.counts,
        "changes": len(result.changes),
        "resume": result.resume,
        "exit-code": int(result.exit_code),
        "result": _within(result.as_json()),
    }
    written = {name: _text(known[name]) for name in OUTPUTS if known.get(name) not in (None, "")}
    return {name: text for name, text in written.items() if len(text) <= LARGEST_OUTPUT}


def _within(found: dict[str, Json]) -> dict[str, Json]:
    """The document, if need be without what takes most room and is in the log anyway."""
    bare: dict[str, Json] = {"tables": [], "data": "", "outputs": {}, "changes": []}
    for name, nothing in bare.items():
        if len(_text(found)) > LARGEST_OUTPUT:
            found = {**found, name: nothing}
    return found


def _text(value: Json) -> str:
    return value if isinstance(value, str) else document.dumps(value)


def write_outputs(path: Path, values: Mapping[str, str]) -> None:
    """Append in the heredoc form, with a delimiter that no value can contain."""
    with path.open("a", encoding="utf-8", errors="replace") as file:
        for name, value in values.items():
            delimiter = f"shapemaker_{secrets.token_hex(16)}"
            file.write(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")
