"""What a stage hands back: changes, values for later steps, and tables for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shapemaker_action.plan import Action, Plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.diagnostics import Diagnostic
    from shapemaker_action.naming import Json


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under a heading, in the order in which they are shown."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`values` become outputs of the Action and `outputs` of the JSON document, under the same names."""

    plan: Plan = field(default_factory=lambda: Plan(changes=()))
    applied: bool = True
    """Whether the plan was carried out; the plan stage only shows it."""
    values: Mapping[str, Json] = field(default_factory=dict)
    tables: tuple[Table, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    data: str = ""
    """Text that goes to stdout as it is: a schema, shell exports."""
    next: str = ""
    """The command to try next."""

    @property
    def summary(self) -> str:
        """`2 created, 1 updated` or `nothing to do`."""
        words = {Action.CREATE: "create", Action.UPDATE: "update", Action.DELETE: "delete"}
        parts = [
            f"{count} {f'{word}d' if self.applied else f'to {word}'}"
            for action, word in words.items()
            if (count := self.plan.count(action))
        ]
        return ", ".join(parts) or "nothing to do"


def metric_table(title: str, found: Mapping[str, float]) -> Table:
    """Metrics for people."""
    rows = tuple((name, f"{value:.6g}") for name, value in sorted(found.items()))
    return Table(title=title, header=("metric", "value"), rows=rows)
