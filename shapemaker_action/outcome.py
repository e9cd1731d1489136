"""What a stage hands back: changes, values for later steps, and tables for people."""

from __future__ import annotations

from shapemaker_action.plan import Action, Plan
from shapemaker_action.record import dataclass, field

TYPE_CHECKING = False
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


def comparison(values: Mapping[str, Json]) -> Table | None:
    """From outputs: the metrics of a model beside those in service and what is wanted; None when none are known."""
    own, other = _numbers(values.get("metrics")), _numbers(values.get("metrics-in-service"))
    bounds: dict[str, list[tuple[str, str]]] = {}
    for verdict in _mappings(values.get("verdicts")):
        entry = (str(verdict.get("wanted")), "pass" if verdict.get("passed") else "FAIL")
        bounds.setdefault(str(verdict.get("metric")), []).append(entry)
    names = sorted({*own, *other, *bounds})
    rows = tuple(
        (name, own.get(name, "missing" if own else ""), other.get(name, ""), wanted, verdict)
        for name in names
        for wanted, verdict in bounds.get(name, [("", "")])
    )
    title = "Quality gate" if bounds else "Evaluation metrics"
    header = ("metric", "this model", "in service", "wanted", "verdict")
    return Table(title=title, header=header, rows=rows) if rows else None


def _numbers(value: Json) -> dict[str, str]:
    found = value if isinstance(value, dict) else {}
    return {name: f"{number:.6g}" for name, number in found.items() if isinstance(number, int | float)}


def _mappings(value: Json) -> list[dict[str, Json]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def metric_table(title: str, found: Mapping[str, float]) -> Table:
    """Metrics for people."""
    rows = tuple((name, f"{value:.6g}") for name, value in sorted(found.items()))
    return Table(title=title, header=("metric", "value"), rows=rows)
