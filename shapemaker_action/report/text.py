"""Text for people: progress on stderr while things take time, tables on stdout at the end."""

from __future__ import annotations

import sys

from shapemaker_action import events
from shapemaker_action.errors import ConfigError, ExitCode
from shapemaker_action.outcome import Table
from shapemaker_action.record import dataclass, field
from shapemaker_action.report import harmless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from shapemaker_action.diagnostics import Diagnostic
    from shapemaker_action.errors import ShapemakerError
    from shapemaker_action.events import Event
    from shapemaker_action.outcome import Outcome
    from shapemaker_action.report.result import Result

DETAIL_LINES = 20
MINUTE = 60


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`."""
    if seconds < 10:  # noqa: PLR2004 - where a tenth still says something
        return f"{seconds:.1f} s"
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    return f"{int(seconds // MINUTE)} min {int(seconds % MINUTE)} s"


@dataclass(frozen=True, kw_only=True)
class TextReporter:
    """`out` takes data, `err` takes talk."""

    out: TextIO = field(default_factory=lambda: sys.stdout)
    err: TextIO = field(default_factory=lambda: sys.stderr)

    def event(self, event: Event) -> None:
        """One event as it happens."""
        if isinstance(event, events.LogLine):
            for line in harmless.lines(event.text) or [""]:
                self._say(f"    | {line}")
        elif said := _sentence(event):
            self._say(harmless.text(said))

    def diagnostic(self, diagnostic: Diagnostic) -> None:
        """One finding on one line, in the form that editors jump to."""
        self._say(harmless.text(f"{diagnostic.severity.value}: {diagnostic}"))

    def outcome(self, outcome: Outcome) -> None:
        """What a stage that only shows has to show: a plan, raw data, warnings."""
        for diagnostic in outcome.diagnostics:
            self.diagnostic(diagnostic)
        if outcome.data:
            print(outcome.data, file=self.out, flush=True)
        if not outcome.applied:
            self._print(plan_text(outcome))

    def finish(self, result: Result) -> None:
        """The tables, then the error or the command to try next."""
        if len(result.stages) > 1:
            self._print(_stage_table(result))
        for done in result.stages:
            for table in done.outcome.tables:
                self._print(table_text(table))
        if result.error:
            self.failed(result.error)
        elif result.stages and (command := result.stages[-1].outcome.next):
            self._print(f"\nNext: {command}")

    def failed(self, error: ShapemakerError) -> None:
        """What happened, what is true now, how to continue."""
        if isinstance(error, ConfigError):
            for diagnostic in error.diagnostics:
                self.diagnostic(diagnostic)
        for line in error.details[-DETAIL_LINES:]:
            for each in harmless.lines(line):
                self._say(f"    | {each}")
        self._say(harmless.text(f"\nerror: {error.message}"))
        if error.state:
            self._say(harmless.text(f"  now:  {error.state}"))
        if error.remedy:
            self._say(harmless.text(f"  next: {error.remedy}"))
        self._say(f"  exit: {int(error.exit_code)} ({ExitCode(error.exit_code).name.lower().replace('_', ' ')})")

    def _print(self, text: str) -> None:
        print(harmless.text(text), file=self.out, flush=True)

    def _say(self, text: str) -> None:
        print(text, file=self.err, flush=True)


def _sentence(event: Event) -> str:  # noqa: PLR0911 - one line for each kind of event
    match event:
        case events.StageStarted():
            return f"{event.stage}"
        case events.StageFinished():
            return f"  {event.outcome} ({duration(event.seconds)})"
        case events.ChangeStarted():
            return f"  {event.symbol} {event.kind} {event.name}"
        case events.ChangeFinished():
            return f"  {event.symbol} {event.kind} {event.name}: done ({duration(event.seconds)})"
        case events.Progress():
            return f"  … {event.subject}: {event.state} ({duration(event.seconds)})"
        case events.Notice():
            return f"  {'warning: ' if event.warning else ''}{event.text}"
        case _:
            return ""


def table_text(table: Table) -> str:
    """Columns as wide as their widest cell."""
    if not table.rows:
        return ""
    cells = [table.header, *table.rows] if any(table.header) else list(table.rows)
    widths = [max(len(row[column]) for row in cells) for column in range(len(table.rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    if any(table.header):
        lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(["", table.title, *(f"  {line}" for line in lines)])


def _stage_table(result: Result) -> str:
    from_stages = tuple((s.stage, s.outcome.summary, duration(s.seconds)) for s in result.stages)
    total = ("total", "", duration(sum(s.seconds for s in result.stages)))
    return table_text(Table(title="Stages", header=("stage", "outcome", "time"), rows=(*from_stages, total)))


def plan_text(outcome: Outcome) -> str:
    """A plan as people read it: one line a change, what differs below it, the counts at the end."""
    plan = outcome.plan
    if not plan.pending:
        return f"Nothing to do: {len(plan.changes)} resources are as they should be."
    lines = []
    for change in plan.pending:
        lines.append(f"  {change.action.symbol} {change.kind} {change.name}")
        lines += [f"      {d.field}: {d.before} -> {d.after}" for d in change.differences]
    counts = ", ".join(
        f"{plan.count(action)} to {action.value}" for action in type(plan.pending[0].action) if action.value != "no-op"
    )
    return "\n".join(["Plan:", *lines, "", f"{counts}. Fingerprint: {plan.fingerprint}"])
