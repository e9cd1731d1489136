#!/usr/bin/env python3
"""Draw what a recorded run leaves on GitHub: .github/pictures/{summary,comment}.svg; --check only compares.

The run is in .github/pictures/run.json; what is drawn is what the reporters make of it today.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / ".github" / "pictures"
sys.path.insert(0, str(ROOT))

import markdown_svg  # noqa: E402 - it lies beside this script, which is why it is found

from shapemaker_action.outcome import Outcome, Table  # noqa: E402 - needs the path above
from shapemaker_action.plan import Action, Change, Difference, Plan  # noqa: E402 - the same
from shapemaker_action.report import comment, summary  # noqa: E402 - the same
from shapemaker_action.report.result import Result, Run, StageResult  # noqa: E402 - the same
from shapemaker_action.report.series import Series  # noqa: E402 - the same

RUN_URL = "https://github.com/example/salary/actions/runs/1"


@dataclass(frozen=True)
class Recorded:
    """A resource of which kind and name are all that is known."""

    kind: str
    name: str
    owner: str = "salary"
    borrowed: ClassVar[bool] = False


def result(record: dict) -> Result:
    """The run as the reporters had it."""
    found = Result(
        run=Run(**{**record["run"], "words": tuple(record["run"]["words"]), "configs": ("shapemaker.yml",)}),
        stages=[stage(each) for each in record["stages"]],
        seconds=record["seconds"],
    )
    for name, values in record.get("series", {}).items():
        found.series[name] = Series(values=values, total=len(values))
    found.logs.update(record.get("logs", {}))
    return found


def stage(record: dict) -> StageResult:
    """One stage with its changes and tables."""
    outcome = Outcome(
        plan=Plan(changes=tuple(change(each) for each in record.get("changes", []))),
        applied=record.get("applied", True),
        values=record.get("values", {}),
        tables=tuple(
            Table(title=each["title"], header=tuple(each["header"]), rows=tuple(map(tuple, each["rows"])))
            for each in record.get("tables", [])
        ),
        next=record.get("next", ""),
    )
    return StageResult(stage=record["stage"], seconds=record["seconds"], outcome=outcome)


def change(record: dict) -> Change:
    """One line of a plan."""
    return Change(
        action=Action(record["action"]),
        resource=Recorded(record["kind"], record["name"]),
        differences=tuple(Difference(**each) for each in record.get("differences", [])),
    )


def pictures() -> dict[str, str]:
    """The drawings by name of their file."""
    record = json.loads((PICTURES / "run.json").read_text(encoding="utf-8"))
    return {
        "summary.svg": markdown_svg.draw(summary.render(result(record["summary"]))),
        "comment.svg": markdown_svg.draw(comment.body(result(record["comment"]), RUN_URL)),
    }


def main() -> int:
    """0 when the pictures are as they should be, or have been made so."""
    changed = 0
    for name, drawn in pictures().items():
        path = PICTURES / name
        if "--check" in sys.argv[1:]:
            changed |= not path.is_file() or path.read_text(encoding="utf-8") != drawn
        else:
            path.write_text(drawn, encoding="utf-8")
    return int(changed)


if __name__ == "__main__":
    sys.exit(main())
