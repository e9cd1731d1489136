"""What stands in a summary and a comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shapemaker_action.errors import JobFailedError, QualityGateError
from shapemaker_action.events import LogLine, MetricRead, StageStarted, ValuesKnown
from shapemaker_action.outcome import Outcome, Table
from shapemaker_action.report import comment, markdown, summary
from shapemaker_action.report.result import Result, Run, StageResult

if TYPE_CHECKING:
    from shapemaker_action.naming import Json

RUN = Run(words=("run",), configs=("shapemaker.yml",), environment="production")
GATE: dict[str, Json] = {
    "metrics": {"rmse": 2600.0},
    "metrics-in-service": {"rmse": 2400.0},
    "verdicts": [{"metric": "rmse", "wanted": "<= 2500", "passed": False}],
    "gate": "refused",
}


def stage(name: str, **outcome: object) -> StageResult:
    return StageResult(stage=name, seconds=3, outcome=Outcome(**outcome))  # type: ignore[arg-type]


def refused() -> Result:
    result = Result(run=RUN, seconds=10, stages=[stage("train")])
    result.record(StageStarted(stage="evaluate"))
    result.record(ValuesKnown(values=GATE))
    result.error = QualityGateError("refused: rmse", state="what serves is unchanged", remedy="improve the model")
    result.resume = "shapemaker evaluate,deploy"
    return result


def test_a_refusal_shows_verdict_metrics_state_remedy_and_the_command_to_go_on() -> None:
    text = summary.render(refused())
    assert text.startswith("## ⛔ run: refused in evaluate\n")
    for words in (
        "<code>production</code>",
        "- now: what serves is unchanged",
        "- next: improve the model",
        "- exit code: 3 (refused)",
        "```sh\nshapemaker evaluate,deploy\n```",
        "| rmse | 2600 | 2400 | &#60;= 2500 | FAIL |",
        "| evaluate | refused | 7.0 s |",
    ):
        assert words in text


def test_a_comment_tells_the_gates_verdict_and_the_metrics_on_both_sides() -> None:
    text = comment.body(refused(), "https://github.com/o/r/actions/runs/1")
    for words in (
        "⛔ The quality gate refuses",
        "| rmse | 2600 | 2400 |",
        "[the whole run](https://github.com/o/r/actions",
    ):
        assert words in text


def test_what_a_stage_has_to_show_is_shown_once() -> None:
    tables = (Table(title="Images", header=("image", "size"), rows=(("training", "1.0 MB"),)),)
    text = summary.render(Result(stages=[stage("build", tables=tables)]))
    assert text.count("| training | 1.0 MB |") == 1


def test_links_lead_to_the_console_and_nowhere_where_there_is_none() -> None:
    url = "https://eu-west-1.console.aws.amazon.com/sagemaker/home?region=eu-west-1#/endpoints/x"
    text = summary.render(Result(stages=[stage("deploy", values={"endpoint-url": url, "training-job-url": ""})]))
    assert f"[endpoint]({url})" in text
    assert "[training job]" not in text


def test_the_log_of_a_job_is_there_to_unfold() -> None:
    result = Result(error=JobFailedError("it failed", details=("last words",)))
    for number in range(1000):
        result.record(LogLine(source="job-1", text=f"line {number}"))
    text = summary.render(result)
    assert "<details><summary><code>job-1</code>: the last 200 lines</summary>\n\n<pre>\nline 800\n" in text
    assert "<details open><summary>The last lines before it</summary>\n\n<pre>\nlast words\n</pre>" in text


def test_a_metric_over_time_is_a_chart() -> None:
    result = Result()
    for number in range(1000):
        result.record(MetricRead(name="rmse", value=1000.0 - number))
    text = summary.render(result)
    assert "```mermaid\nxychart-beta\n" in text
    assert 'x-axis "reading" 1 --> 1000' in text


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([1, 2, 3], "line [1, 2, 3]"),
        ([1e-7, 2e-7, 3e-7], "line [0.0000001, 0.0000002, 0.0000003]"),
        ([-1e12, 0, 1e12], "line [-1000000000000, 0, 1000000000000]"),
        ([5, 5, 5, float("nan")], "line [5, 5, 5]"),
    ],
)
def test_a_chart_has_numbers_without_exponents(values: list[float], line: str) -> None:
    drawn = markdown.chart("m", values, total=3)
    assert line in drawn
    assert "e+" not in drawn
    assert "e-" not in drawn.replace("line-", "")


def test_one_or_two_readings_are_no_chart() -> None:
    assert not markdown.chart("m", [1, 2, float("inf")], total=3)


def test_a_name_in_a_marker_cannot_end_it() -> None:
    hostile = Run(configs=("a --> b.yml", "c"), directory="d--e", environment="x-")
    found = comment.marker(hostile)
    assert found.count("-->") == 1
    assert "--" not in found.removeprefix("<!--").removesuffix("-->")


def test_different_models_have_different_markers() -> None:
    runs = [
        Run(configs=("shapemaker.yml",)),
        Run(configs=("shapemaker.yml",), directory="a"),
        Run(configs=("shapemaker.yml",), environment="a"),
        Run(configs=("shapemaker.yml", "b.yml")),
        Run(configs=("a" * 5000,)),
        Run(configs=("a" * 5001,)),
    ]
    assert len({comment.marker(run) for run in runs}) == len(runs)
