from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from shapemaker_action.diagnostics import Diagnostic, Position, Severity
from shapemaker_action.errors import CancelledError, ConfigError, ShapemakerError
from shapemaker_action.events import (
    ChangeFinished,
    LogLine,
    Notice,
    Secret,
    StageFinished,
    StageStarted,
    ValuesKnown,
)
from shapemaker_action.github import TOKEN
from shapemaker_action.outcome import Outcome
from shapemaker_action.report import reporters
from shapemaker_action.report.annotations import Files, of_diagnostic, of_error
from shapemaker_action.report.github import GithubReporter, outputs, write_outputs
from shapemaker_action.report.machine import JsonReporter
from shapemaker_action.report.result import Result, Run, StageResult
from shapemaker_action.report.text import TextReporter
from tests.support import runner_commands
from tests.support.runner_commands import StepLog

PLACE = Position(file="shapemaker.yml", line=3, column=5)


class Step:
    """A reporter of one step, and all that it writes."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.stream = io.StringIO()
        self.output, self.summary = folder / "output", folder / "summary.md"
        files = {"GITHUB_OUTPUT": str(self.output), "GITHUB_STEP_SUMMARY": str(self.summary)}
        inner = TextReporter(out=self.stream, err=self.stream)
        self.reporter = GithubReporter(inner=inner, environ={**files, **environ}, commands=self.stream)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def log(self) -> StepLog:
        return StepLog().read(self.text)


@pytest.fixture
def step(tmp_path: Path) -> Step:
    return Step(tmp_path)


def problems(count: int) -> tuple[Diagnostic, ...]:
    return tuple(Diagnostic(message=f"problem {number}", position=PLACE) for number in range(count))


def test_values_with_newlines_and_fake_delimiters_round_trip(tmp_path: Path) -> None:
    values = {"a": "x\nEOF\nrole-arn=evil", "b": "name<<EOF", "c": "k=v", "d": ""}
    file = tmp_path / "output"
    write_outputs(file, values)
    assert runner_commands.outputs(file.read_text(encoding="utf-8")) == values


def test_outputs_are_written_after_a_failure_as_far_as_they_are_known() -> None:
    result = Result()
    outcome = Outcome(values={"training-job": "salary-train-1"})
    result.stages.append(StageResult(stage="train", seconds=1, outcome=outcome))
    result.error = ConfigError(problems(1))
    known = outputs(result)
    assert known["training-job"] == "salary-train-1"
    assert json.loads(known["result"])["exit-code"] == 2
    assert "endpoint-name" not in known


def test_an_annotation_of_an_option_has_no_file() -> None:
    found = Diagnostic(message="no such key", position=Position(file="--set"), path="train.spto")
    assert str(of_diagnostic(found, Files(workspace="/w"))) == "::error::--set: train.spto: no such key"


def test_an_annotation_says_what_happened_and_how_to_go_on() -> None:
    assert of_error(ShapemakerError("no image", remedy="build one")).message == "no image; build one"
    assert of_error(ShapemakerError("no image")).message == "no image"


def test_an_annotation_points_at_line_and_column_and_escapes_everything() -> None:
    found = Diagnostic(message="50% of\nx", position=Position(file="a,b:c.yml", line=7, column=2), path="train.spot")
    expected = "::error file=a%2Cb%3Ac.yml,line=7,col=2::train.spot: 50%25 of%0Ax"
    assert str(of_diagnostic(found, Files())) == expected


@pytest.mark.parametrize(
    ("workspace", "directory", "file", "named"),
    [
        ("/w", "", "shapemaker.yml", "shapemaker.yml"),
        ("/w", "models/a", "shapemaker.yml", "models/a/shapemaker.yml"),
        ("/w", "models/a", "../shared.yml", "models/shared.yml"),
        ("/w", "../elsewhere", "shapemaker.yml", "shapemaker.yml"),
        ("/w", "/w/models", "shapemaker.yml", "models/shapemaker.yml"),
        ("", "models/a", "shapemaker.yml", "shapemaker.yml"),
    ],
)
def test_a_file_is_named_from_the_top_of_the_repository(workspace: str, directory: str, file: str, named: str) -> None:
    assert Files(workspace=workspace, directory=directory, here=Path("/w")).name(file) == named


def test_a_repository_in_a_directory_of_the_workspace_is_where_its_files_count_from(tmp_path: Path) -> None:
    (tmp_path / "checkout" / ".git").mkdir(parents=True)
    files = Files(workspace=str(tmp_path), directory="checkout/model", here=tmp_path)
    assert files.name("shapemaker.yml") == "model/shapemaker.yml"


def test_an_annotation_names_the_file_as_the_working_directory_has_it(tmp_path: Path) -> None:
    step = Step(tmp_path, GITHUB_WORKSPACE=str(Path.cwd()))
    step.reporter.finish(Result(run=Run(directory="models/a"), error=ConfigError(problems(1))))
    (command,) = step.log.named("error")
    assert command.properties == {"file": "models/a/shapemaker.yml", "line": "3", "col": "5"}


def test_nine_annotations_of_a_kind_errors_first_and_a_tenth_for_the_rest(step: Step) -> None:
    warning = Diagnostic(message="odd", position=PLACE, severity=Severity.WARNING)
    step.reporter.diagnostic(warning)
    result = Result(error=ConfigError(problems(30)))
    for number in range(30):
        result.record(Notice(text=f"careful {number % 20}", warning=True))
    step.reporter.finish(result)
    errors, warnings = step.log.named("error"), step.log.named("warning")
    assert step.log.commands == [*errors, *warnings]
    assert len(errors) == len(warnings) == 10
    assert errors[-1].data == "21 more; see the summary"
    assert warnings[0].data == "odd"
    assert warnings[-1].data == "12 more; see the summary"


def test_a_message_is_no_longer_than_github_shows(step: Step) -> None:
    step.reporter.finish(Result(error=ShapemakerError("x\n" * 4000)))
    (command,) = step.log.named("error")
    assert len(command.data) <= 4096


def test_the_output_of_each_stage_is_a_group_of_its_own_closed_before_the_annotations(step: Step) -> None:
    emit = step.reporter.event
    emit(StageStarted(stage="build"))
    emit(LogLine(source="image", text="step 1"))
    emit(StageFinished(stage="build", seconds=1, outcome="2 created"))
    emit(StageStarted(stage="train"))
    emit(LogLine(source="job", text="::endgroup::"))
    step.reporter.finish(Result(error=ShapemakerError("it failed")))
    assert [(command.name, command.data) for command in step.log.commands] == [
        ("group", "build"),
        ("endgroup", ""),
        ("group", "train"),
        ("endgroup", ""),
        ("error", "it failed"),
    ]
    lines = step.text.splitlines()
    assert lines.index("    | step 1") < lines.index("::endgroup::") < lines.index("  2 created (1.0 s)")


def test_a_secret_is_masked_with_each_of_its_lines_and_shown_nowhere(step: Step) -> None:
    secret = "first %0A line\nsecond: line\r\nthird"
    step.reporter.event(Secret(value=secret))
    step.reporter.event(Secret(value="\n"))
    masked = [command.data for command in step.log.named("add-mask")]
    assert masked == [secret, "first %0A line", "second: line", "third"]
    assert not [line for line in step.log.shown if line]


@pytest.mark.parametrize("make", [TextReporter, JsonReporter])
def test_no_other_reporter_hears_of_a_secret(make: type[TextReporter | JsonReporter]) -> None:
    stream = io.StringIO()
    reporter = make(out=stream, err=stream)
    reporter.event(Secret(value="s3cr3t"))
    result = Result()
    result.record(Secret(value="s3cr3t"))
    reporter.finish(result)
    assert "s3cr3t" not in stream.getvalue()


def test_the_token_is_masked_before_anything_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    reporters.choose("text", {"GITHUB_ACTIONS": "true", TOKEN: "ghs_1"}).event(Notice(text="hello"))
    assert capsys.readouterr().err.splitlines() == ["::add-mask::ghs_1", "  hello"]


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


def test_a_summary_is_appended_unless_it_is_unwanted(step: Step) -> None:
    step.summary.write_text("what was there\n")
    step.reporter.finish(Result(run=Run(summary=False)))
    assert step.summary.read_text() == "what was there\n"
    step.reporter.finish(Result(run=Run(words=("train",))))
    assert step.summary.read_text().startswith("what was there\n## ✅ train: nothing to do")


def test_a_cancelled_run_leaves_outputs_summary_and_the_command_to_go_on(step: Step) -> None:
    result = Result(resume="shapemaker train", error=CancelledError("cancelled"))
    step.reporter.finish(result)
    assert runner_commands.outputs(step.output.read_text())["resume"] == "shapemaker train"
    assert "```sh\nshapemaker train\n```" in step.summary.read_text()


def test_files_that_cannot_be_written_cost_no_result(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone" / "file")
    step = Step(tmp_path, GITHUB_OUTPUT=gone, GITHUB_STEP_SUMMARY=gone)
    step.reporter.finish(Result())
    assert [command.name for command in step.log.commands] == ["warning", "warning"]
