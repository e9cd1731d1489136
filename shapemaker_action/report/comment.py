"""The comment on a pull request: what merging would change, and how its model does beside the one in service."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shapemaker_action.naming import digest, short
from shapemaker_action.outcome import comparison
from shapemaker_action.report import markdown, verdict

if TYPE_CHECKING:
    from shapemaker_action.naming import Json
    from shapemaker_action.report.result import Result, Run

LIMIT = 60_000
"""Characters; GitHub refuses a comment of more than 65,536."""
LONGEST_NAME = 500
ROWS = (200, 50, 10, 0)


def marker(run: Run) -> str:
    """The first line of the comment, by which it is found again: one for each configuration and environment."""
    configs = "+".join(run.files)
    return f"<!-- shapemaker: {_plain(configs)} {_plain(run.environment or 'default')} -->"


def _plain(name: str) -> str:
    """No name ends an HTML comment, or looks like two; one of absurd length is known by its digest."""
    if len(name) > LONGEST_NAME:
        return short(digest(name))
    return re.sub(r"[^\w./+-]|-(?=-)|-$", lambda match: f"%{ord(match[0]):02X}", name, flags=re.ASCII)


def has_news(result: Result) -> bool:
    """Whether the run says anything about merging: a plan, metrics or a verdict, or that one of these failed."""
    planned = any(not done.outcome.applied for done in result.stages)
    return planned or bool(result.error) or comparison(result.values) is not None


def body(result: Result, run_url: str) -> str:
    """At most LIMIT characters of Markdown."""
    for rows in ROWS:
        text = "\n\n".join(part for part in _parts(result, run_url, rows) if part)
        if len(text) <= LIMIT:
            return text
    return "\n\n".join([marker(result.run), verdict.headline(result, level=3), _footer(run_url)])


def _parts(result: Result, run_url: str, rows: int) -> list[str]:
    return [
        marker(result.run),
        verdict.headline(result, level=3),
        verdict.subject(result),
        _error(result),
        _gate(result.values.get("gate")),
        _metrics(result, rows),
        _changes(result, rows),
        _footer(run_url),
    ]


def _error(result: Result) -> str:
    if result.error is None:
        return ""
    lines = [f"**{markdown.text(result.error.message)}**"]
    lines += [f"- {word}: {markdown.text(said)}" for word, said in _said(result) if said]
    return "\n".join([lines[0], "", *lines[1:]])


def _said(result: Result) -> list[tuple[str, str]]:
    return [("now", result.error.state), ("next", result.error.remedy)] if result.error else []


def _gate(verdict_of_gate: Json) -> str:
    return {
        "passed": "✅ The model of this branch passes the quality gate.",
        "refused": "⛔ The quality gate refuses the model of this branch.",
    }.get(str(verdict_of_gate), "")


def _metrics(result: Result, rows: int) -> str:
    found = comparison(result.values)
    if found is None or not rows:
        return ""
    cells = [tuple(markdown.text(cell) for cell in row) for row in found.rows[:rows]]
    return f"#### Metrics\n\n{markdown.table(found.header, cells)}"


def _changes(result: Result, rows: int) -> str:
    if not any(not done.outcome.applied for done in result.stages):
        return ""
    if not result.planned:
        return "Merging changes nothing: everything is as it should be."
    shown = verdict.change_table(result.planned, rows)
    return f"Merging would change: {verdict.counted(result.planned, '')}.\n\n{markdown.details('What exactly', shown)}"


def _footer(run_url: str) -> str:
    return f"<sub>{markdown.link('the whole run', run_url)}</sub>" if run_url else ""
