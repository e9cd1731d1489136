"""How a run ended and what it changes, in the words that summary and comment share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.errors import CancelledError, QualityGateError, TerminatedError
from shapemaker_action.record import dataclass
from shapemaker_action.report import markdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapemaker_action.naming import Json
    from shapemaker_action.report.result import Result

SYMBOLS = {"create": "+", "update": "~", "delete": "-"}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A sign and a word."""

    sign: str
    word: str


def of(result: Result) -> Verdict:
    """How it ended."""
    if result.error is None:
        return Verdict(sign="✅", word="done")
    if isinstance(result.error, CancelledError | TerminatedError):
        return Verdict(sign="⏹️", word="cancelled")
    if isinstance(result.error, QualityGateError):
        return Verdict(sign="⛔", word="refused")
    return Verdict(sign="❌", word="failed")


def headline(result: Result, *, level: int) -> str:
    """A heading: what was asked for and what came of it."""
    asked = " ".join(result.run.words) or "shapemaker"
    ended = of(result)
    return f"{'#' * level} {ended.sign} {markdown.text(asked)}: {_came(result, ended)}"


def _came(result: Result, ended: Verdict) -> str:
    if result.error:
        stage = f" in {markdown.text(result.under_way)}" if result.under_way else ""
        return f"{ended.word}{stage}"
    parts = [counted(result.made, "d")] if result.made else []
    parts += [counted(result.planned, "")] if result.planned else []
    return ", ".join(parts) or "nothing to do"


def counted(changes: Sequence[Json], ending: str) -> str:
    """`2 created, 1 updated`, or `2 to create` with another ending."""
    actions = [change["action"] for change in changes if isinstance(change, dict)]
    between = "" if ending else "to "
    return ", ".join(f"{count} {between}{verb}{ending}" for verb in SYMBOLS if (count := actions.count(verb)))


def subject(result: Result, *more: str) -> str:
    """Which configuration, where, and what else there is to say on that line."""
    run = result.run
    configs = ", ".join(markdown.code(name) for name in run.files)
    environment = f"environment {markdown.code(run.environment)}" if run.environment else ""
    target = "the local SageMaker" if run.target == "local" else "AWS"
    return " · ".join(part for part in (configs, environment, target, *more) if part)


def changes(result: Result, *, rows: int) -> str:
    """What was made and what would be, as tables."""
    both = (("Plan", result.planned), ("Changes", result.made))
    parts = [_section(title, found, rows) for title, found in both if found]
    if not parts and any(not done.outcome.applied for done in result.stages):
        parts = ["### Plan\n\nNothing to do: everything is as it should be."]
    return "\n\n".join(parts)


def _section(title: str, found: Sequence[Json], rows: int) -> str:
    return f"### {title}\n\n{change_table(found, rows)}"


def change_table(found: Sequence[Json], rows: int) -> str:
    """At most so many changes, and how many more there are."""
    lines = [_row(change) for change in found[:rows] if isinstance(change, dict)]
    if len(found) > rows:
        lines.append((f"… {len(found) - rows} more", "", "", ""))
    return markdown.table(("", "kind", "name", "differences"), lines)


def _row(change: dict[str, Json]) -> tuple[str, ...]:
    action = str(change["action"])
    found = change["differences"]
    differences = "<br>".join(
        _difference(each) for each in (found if isinstance(found, list) else []) if isinstance(each, dict)
    )
    sign = markdown.code(SYMBOLS.get(action, ""))
    return f"{sign} {action}", markdown.text(str(change["kind"])), markdown.code(str(change["name"])), differences


def _difference(each: dict[str, Json]) -> str:
    field, before, after = (str(each[name]) for name in ("field", "before", "after"))
    return f"{markdown.text(field)}: {markdown.code(before)} → {markdown.code(after)}"
