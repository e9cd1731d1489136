"""A whole run as one value: what the reporters render."""

from __future__ import annotations

from collections import deque

from shapemaker_action import __version__
from shapemaker_action.errors import ConfigError, ExitCode
from shapemaker_action.events import ChangeFinished, LogLine, MetricRead, Notice, StageStarted, ValuesKnown
from shapemaker_action.plan import Action
from shapemaker_action.record import dataclass, field
from shapemaker_action.report.series import Series

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shapemaker_action.errors import ShapemakerError
    from shapemaker_action.events import Event
    from shapemaker_action.invocation import Invocation
    from shapemaker_action.naming import Json
    from shapemaker_action.outcome import Outcome, Table


LOG_LINES = 200
"""Of each job or build, the last ones are kept."""
LOG_WIDTH = 2000
LOGS = 20

_ACTIONS = {action.symbol: action.value for action in Action}


@dataclass(frozen=True, kw_only=True)
class StageResult:
    """One stage that ended well."""

    stage: str
    seconds: float
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class Run:
    """What was asked for, as far as a report names or heeds it."""

    words: tuple[str, ...] = ()
    target: str = "aws"
    configs: tuple[str, ...] = ()
    directory: str = ""
    environment: str = ""
    comment: bool = True
    summary: bool = True

    @property
    def files(self) -> tuple[str, ...]:
        """The configurations as the repository has them."""
        return tuple(f"{self.directory}/{config}" if self.directory else config for config in self.configs)

    @classmethod
    def of(cls, invocation: Invocation) -> Run:
        """Of an invocation."""
        return cls(
            words=invocation.words,
            target=invocation.target,
            configs=invocation.configs,
            directory=invocation.directory,
            environment=invocation.environment,
            comment=invocation.comment,
            summary=invocation.summary,
        )


@dataclass(kw_only=True)
class Result:
    """Grows while the stages run, so that an error or a signal still leaves what is known."""

    run: Run = field(default_factory=Run)
    stages: list[StageResult] = field(default_factory=list)
    error: ShapemakerError | None = None
    seconds: float = 0
    resume: str = ""
    """The command that goes on from the stage that is under way; empty when all have ended."""
    under_way: str = ""
    """The stage that has begun and not ended well."""
    warnings: list[str] = field(default_factory=list)
    logs: dict[str, deque[str]] = field(default_factory=dict)
    """The last lines of each job and build that was followed, by its name."""
    series: dict[str, Series] = field(default_factory=dict)
    """Every training metric over time."""
    _made: list[ChangeFinished] = field(default_factory=list)
    """Changes of the stage that is under way: all there is to know of them when it fails."""
    _known: dict[str, Json] = field(default_factory=dict)

    def record(self, event: Event) -> None:
        """Remember what a stage did and found out, in case it does not end well."""
        match event:
            case ChangeFinished():
                self._made.append(event)
            case ValuesKnown():
                self._known.update(event.values)
            case StageStarted():
                self.under_way = event.stage
            case Notice(warning=True):
                self.warnings.append(event.text)
            case LogLine():
                self._follow(event)
            case MetricRead():
                self.series.setdefault(event.name, Series()).add(event.value)
            case _:
                pass

    def _follow(self, line: LogLine) -> None:
        if line.source not in self.logs and len(self.logs) >= LOGS:
            del self.logs[next(iter(self.logs))]
        self.logs.setdefault(line.source, deque(maxlen=LOG_LINES)).append(line.text[:LOG_WIDTH])

    def ended(self, stage: StageResult) -> None:
        """A stage has ended well: its outcome says more than the events on the way."""
        self.stages.append(stage)
        self._made.clear()
        self.under_way = ""

    @property
    def exit_code(self) -> ExitCode:
        """0, or that of the error."""
        return self.error.exit_code if self.error else ExitCode.DONE

    @property
    def values(self) -> dict[str, Json]:
        """The outputs of all stages, also of one that failed; a later stage knows better."""
        merged = dict(self._known)
        for done in self.stages:
            merged.update(done.outcome.values)
        return merged

    @property
    def changes(self) -> list[Json]:
        """Every change of every stage, no-ops left out; of a stage that failed those that were made before."""
        return self.planned + self.made

    @property
    def planned(self) -> list[Json]:
        """The changes that were only shown."""
        return self._pending(applied=False)

    @property
    def made(self) -> list[Json]:
        """The changes that were carried out."""
        under_way: list[Json] = [
            {"action": _ACTIONS[change.symbol], "kind": change.kind, "name": change.name, "differences": []}
            for change in self._made
        ]
        return self._pending(applied=True) + under_way

    def _pending(self, *, applied: bool) -> list[Json]:
        outcomes = [done.outcome for done in self.stages if done.outcome.applied is applied]
        return [change.as_json() for outcome in outcomes for change in outcome.plan.pending]

    @property
    def counts(self) -> dict[str, int]:
        """How many changes were made or planned, under the names of the outputs."""
        actions = [change["action"] for change in self.changes if isinstance(change, dict)]
        return {f"{verb}d": actions.count(verb) for verb in ("create", "update", "delete")}

    def as_json(self) -> dict[str, Json]:
        """The document that `--format json` prints and the output `result` holds."""
        return {
            "shapemaker": __version__,
            "target": self.run.target,
            "exit-code": int(self.exit_code),
            "seconds": round(self.seconds, 3),
            "stages": [
                {"stage": done.stage, "seconds": round(done.seconds, 3), "outcome": done.outcome.summary}
                for done in self.stages
            ],
            "changes": self.changes,
            "outputs": self.values,
            "data": "".join(done.outcome.data for done in self.stages),
            "tables": [_table(table) for done in self.stages for table in done.outcome.tables],
            "resume": self.resume,
            "next": self.stages[-1].outcome.next if self.stages else "",
            "error": _error(self.error) if self.error else None,
        }


def _table(table: Table) -> Json:
    return {"title": table.title, "header": list(table.header), "rows": [list(row) for row in table.rows]}


def _error(error: ShapemakerError) -> dict[str, Json]:
    document: dict[str, Json] = {
        "kind": type(error).__name__,
        "message": error.message,
        "state": error.state,
        "remedy": error.remedy,
        "details": list(error.details),
    }
    if isinstance(error, ConfigError):
        document["diagnostics"] = [
            {
                "file": found.position.file,
                "line": found.position.line,
                "column": found.position.column,
                "path": found.path,
                "severity": found.severity.value,
                "message": found.message,
                "hint": found.hint,
            }
            for found in error.diagnostics
        ]
    return document
