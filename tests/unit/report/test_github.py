from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from shapemaker_action.diagnostics import Diagnostic, Position
from shapemaker_action.errors import ConfigError, ShapemakerError
from shapemaker_action.events import ChangeFinished, ValuesKnown
from shapemaker_action.outcome import Outcome
from shapemaker_action.report import reporters
from shapemaker_action.report.github import GithubReporter, annotation, outputs, write_outputs
from shapemaker_action.report.result import Result, StageResult
from shapemaker_action.report.text import TextReporter

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def parse(text: str) -> dict[str, str]:
    """As the runner reads the file."""
    found = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if match := re.fullmatch(r"([^=<]+)<<(.+)", line):
            name, delimiter = match.groups()
            value = []
            for inner in lines:
                if inner == delimiter:
                    break
                value.append(inner)
            found[name] = "\n".join(value)
    return found


def test_values_with_newlines_and_fake_delimiters_round_trip(tmp_path: Path) -> None:
    values = {"a": "x\nEOF\nrole-arn=evil", "b": "name<<EOF", "c": "k=v", "d": ""}
    file = tmp_path / "output"
    write_outputs(file, values)
    assert parse(file.read_text(encoding="utf-8")) == values


def test_outputs_are_written_after_a_failure_as_far_as_they_are_known() -> None:
    position = Position(file="shapemaker.yml", line=3, column=5)
    result = Result()
    result.stages.append(
        StageResult(stage="train", seconds=1, outcome=Outcome(values={"training-job": "salary-train-1"}))
    )
    result.error = ConfigError((Diagnostic(message="bad", position=position),))
    known = outputs(result)
    assert known["training-job"] == "salary-train-1"
    assert json.loads(known["result"])["exit-code"] == 2
    assert "endpoint-name" not in known


def test_an_annotation_points_at_line_and_column_and_escapes_everything() -> None:
    found = Diagnostic(message="50% of\nx", position=Position(file="a,b:c.yml", line=7, column=2), path="train.spot")
    assert annotation(found) == "::error file=a%2Cb%3Ac.yml,line=7,col=2::train.spot: 50%25 of%0Ax"


def test_no_more_than_eight_annotations_and_a_pointer_to_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    result = Result()
    place = Position(file="shapemaker.yml")
    result.error = ConfigError(tuple(Diagnostic(message=f"problem {n}", position=place) for n in range(30)))
    GithubReporter(inner=TextReporter(), output_file=None).finish(result)
    commands = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::error")]
    assert len(commands) == 9
    assert "22 more problems" in commands[-1]


def test_what_a_stage_did_before_it_failed_is_known() -> None:
    result = Result()
    result.record(ChangeFinished(symbol="+", kind="bucket", name="kept", seconds=1))
    result.ended(StageResult(stage="provision", seconds=1, outcome=Outcome()))
    result.record(ChangeFinished(symbol="~", kind="endpoint", name="salary", seconds=1))
    result.record(ValuesKnown(values={"metrics": {"rmse": float("nan")}}))
    result.error = ShapemakerError("x")
    known = outputs(result)
    assert known["changes"] == "1", "what ended well is in the outcome of its stage"
    assert json.loads(known["result"])["changes"][0]["action"] == "update"
    assert known["metrics"] == '{"rmse":"nan"}'


def test_beside_a_document_annotations_go_to_the_other_stream(capsys: pytest.CaptureFixture[str]) -> None:
    result = Result(error=ShapemakerError("this is ##[error] wrong"))
    reporters.choose("json", {"GITHUB_ACTIONS": "true"}).finish(result)
    captured = capsys.readouterr()
    assert json.loads(captured.out)["error"]["message"] == "this is ##[error] wrong"
    assert "##[" not in captured.out
    assert "::error::this is" in captured.err
