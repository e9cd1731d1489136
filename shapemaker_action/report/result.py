"""A whole run as one value: what the reporters render."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shapemaker_action import __version__
from shapemaker_action.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from shapemaker_action.errors import ShapemakerError
    from shapemaker_action.naming import Json
    from shapemaker_action.outcome import Outcome


@dataclass(frozen=True, kw_only=True)
class StageResult:
    """One stage that ended well."""

    stage: str
    seconds: float
    outcome: Outcome


@dataclass(kw_only=True)
class Result:
    """Grows while the stages run, so that an error or a signal still leaves what is known."""

    command: str
    target: str = "aws"
    stages: list[StageResult] = field(default_factory=list)
    error: ShapemakerError | None = None
    seconds: float = 0

    @property
    def exit_code(self) -> ExitCode:
        """0, or that of the error."""
        return self.error.exit_code if self.error else ExitCode.DONE

    @property
    def values(self) -> dict[str, Json]:
        """The outputs of all stages; a later stage knows better."""
        merged: dict[str, Json] = {}
        for done in self.stages:
            merged.update(done.outcome.values)
        return merged

    @property
    def changes(self) -> list[Json]:
        """Every change of every stage, no-ops left out."""
        return [change.as_json() for done in self.stages for change in done.outcome.plan.pending]

    def as_json(self) -> dict[str, Json]:
        """The document that `--format json` prints and the output `result` holds."""
        return {
            "shapemaker": __version__,
            "target": self.target,
            "exit-code": int(self.exit_code),
            "seconds": round(self.seconds, 3),
            "stages": [
                {"stage": done.stage, "seconds": round(done.seconds, 3), "outcome": done.outcome.summary}
                for done in self.stages
            ],
            "changes": self.changes,
            "outputs": self.values,
            "next": self.stages[-1].outcome.next if self.stages else "",
            "error": _error(self.error) if self.error else None,
        }


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
