"""The job summary: what a run found, made and measured, for whoever opens the page of the workflow run."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from shapemaker_action.errors import ConfigError, ExitCode
from shapemaker_action.outcome import comparison
from shapemaker_action.record import dataclass
from shapemaker_action.report import markdown, verdict
from shapemaker_action.report.text import duration

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shapemaker_action.diagnostics import Diagnostic
    from shapemaker_action.errors import ShapemakerError
    from shapemaker_action.outcome import Table
    from shapemaker_action.report.result import Result

LIMIT = 1 << 20
"""Bytes for a step; GitHub drops a summary that is larger, all of it."""
RESERVE = 1 << 10
CHARTS = 8
POINTER = "_This summary was cut to the size that GitHub takes: everything is in the log of the step._"

LINKS = {
    "endpoint-url": "endpoint",
    "training-job-url": "training job",
    "training-log-url": "training log",
    "evaluation-job-url": "evaluation job",
    "repository-url": "image repository",
}


@dataclass(frozen=True, kw_only=True)
class Measure:
    """How much of it there is room for."""

    lines: int
    rows: int


MEASURES = (
    Measure(lines=200, rows=300),
    Measure(lines=40, rows=300),
    Measure(lines=0, rows=300),
    Measure(lines=0, rows=100),
    Measure(lines=0, rows=10),
)
"""Log tails are cut first: they are in the log anyway."""


def render(result: Result, findings: Sequence[Diagnostic] = (), *, room: int = LIMIT) -> str:
    """At most `room` bytes of Markdown; what there is no room for is left out, and a pointer says so."""
    for measure in MEASURES:
        text = "\n\n".join(part for part in _parts(result, findings, measure) if part)
        whole = measure is MEASURES[0]
        text = f"{text}\n\n" if whole else f"{text}\n\n{POINTER}\n\n"
        if len(text.encode()) <= room - RESERVE:
            return text
    text = f"{verdict.headline(result, level=2)}\n\n{POINTER}\n\n"
    return text if len(text.encode()) <= room else ""


def _parts(result: Result, findings: Sequence[Diagnostic], measure: Measure) -> Iterator[str]:
    yield verdict.headline(result, level=2)
    yield verdict.subject(result, duration(result.seconds))
    if result.error:
        yield _error(result.error, result.resume, measure)
    yield from _findings(result, findings, measure)
    yield _metrics(result, measure)
    yield from _charts(result)
    yield verdict.changes(result, rows=measure.rows)
    yield from _tables(result, measure)
    yield _stages(result)
    yield " · ".join(markdown.link(name, str(url)) for key, name in LINKS.items() if (url := result.values.get(key)))
    yield from _logs(result, measure)
    if result.stages and not result.error and (command := result.stages[-1].outcome.next):
        yield f"Next:\n\n{markdown.command(command)}"


def _error(error: ShapemakerError, resume: str, measure: Measure) -> str:
    code = ExitCode(error.exit_code)
    lines = [f"**{markdown.text(error.message)}**", ""]
    if error.state:
        lines.append(f"- now: {markdown.text(error.state)}")
    if error.remedy:
        lines.append(f"- next: {markdown.text(error.remedy)}")
    lines.append(f"- exit code: {int(code)} ({code.name.lower().replace('_', ' ')})")
    if resume:
        lines += ["", "Go on with:", "", markdown.command(resume)]
    if error.details and measure.lines:
        tail = markdown.pre(error.details[-measure.lines :])
        lines += ["", markdown.details("The last lines before it", tail, is_open=True)]
    return "\n".join(lines)


def _findings(result: Result, findings: Sequence[Diagnostic], measure: Measure) -> Iterator[str]:
    errors = result.error.diagnostics if isinstance(result.error, ConfigError) else ()
    found = sorted({*errors, *findings}, key=lambda each: (each.severity.value, each.position))
    if found:
        rows = [
            (
                each.severity.value,
                markdown.code(str(each.position)),
                markdown.code(each.path),
                markdown.text(f"{each.message}{f' ({each.hint})' if each.hint else ''}"),
            )
            for each in found[: measure.rows]
        ]
        if len(found) > measure.rows:
            rows.append((f"… {len(found) - measure.rows} more", "", "", ""))
        yield _section("Configuration", markdown.table(("", "place", "key", "finding"), rows))
    warnings = list(dict.fromkeys(result.warnings))
    if warnings:
        shown = [f"- {markdown.text(warning)}" for warning in warnings[: measure.rows]]
        yield _section("Warnings", "\n".join(shown))


def _metrics(result: Result, measure: Measure) -> str:
    found = comparison(result.values)
    return _table(found, measure) if found else ""


def _charts(result: Result) -> Iterator[str]:
    for name, series in islice(result.series.items(), CHARTS):
        drawn = markdown.chart(name, series.values, total=series.total)
        if drawn:
            yield _section(f"{markdown.text(name)} in training", drawn)


def _tables(result: Result, measure: Measure) -> Iterator[str]:
    """What the stages have to show; how the model compares stands above."""
    shown = comparison(result.values)
    for done in result.stages:
        for table in done.outcome.tables:
            if table.rows and not (shown and table.header == shown.header):
                yield _table(table, measure)


def _table(table: Table, measure: Measure) -> str:
    rows = [tuple(markdown.text(cell) for cell in row) for row in table.rows[: measure.rows]]
    header = [markdown.text(name) for name in table.header]
    rest = len(table.rows) - len(rows)
    if rest:
        rows.append((f"… {rest} more", *[""] * (len(header) - 1)))
    return _section(markdown.text(table.title), markdown.table(header, rows))


def _stages(result: Result) -> str:
    rows = [(done.stage, done.outcome.summary, duration(done.seconds)) for done in result.stages]
    if result.under_way:
        rest = max(0.0, result.seconds - sum(done.seconds for done in result.stages))
        rows.append((result.under_way, verdict.of(result).word, duration(rest)))
    return _section("Stages", markdown.table(("stage", "outcome", "time"), rows)) if rows else ""


def _logs(result: Result, measure: Measure) -> Iterator[str]:
    for source, lines in result.logs.items():
        if measure.lines:
            tail = list(lines)[-measure.lines :]
            title = f"{markdown.code(source)}: the last {len(tail)} lines" if len(tail) > 1 else markdown.code(source)
            yield markdown.details(title, markdown.pre(tail))


def _section(title: str, body: str) -> str:
    return f"### {title}\n\n{body}"
