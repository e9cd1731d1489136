"""What stages know besides their changes: metrics over time, beside those in service, and pages of the console."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from shapemaker_action.aws.session import Target
from shapemaker_action.events import LogLine, MetricRead
from shapemaker_action.outcome import comparison
from shapemaker_action.report.series import MOST, Series
from shapemaker_action.resources import console
from shapemaker_action.stages import metric_log
from tests.unit.resources.scripted import Scripted, context

if TYPE_CHECKING:
    from pathlib import Path

    from shapemaker_action.events import Event


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("mean=1.5", [1.5]),
        ("mean=1 then mean=2e1", [1.0, 20.0]),
        ("mean=nan mean=e.e other=3", []),
        ("no metric", []),
    ],
)
def test_a_log_line_says_metrics_as_they_are_configured(line: str, values: list[float]) -> None:
    patterns = {"mean": re.compile(r"mean=([0-9.eE+-]+|nan)")}
    assert [reading.value for reading in metric_log.readings(patterns, line)] == values


def test_a_line_is_told_first_and_its_metrics_after_it(tmp_path: Path) -> None:
    heard: list[Event] = []
    listening = metric_log.heard(replace(context(tmp_path, Scripted({})), emit=heard.append))
    listening.emit(LogLine(source="job", text="mean=3.0"))
    assert heard == [LogLine(source="job", text="mean=3.0"), MetricRead(name="mean", value=3.0)]


def test_a_million_readings_are_kept_in_little_room() -> None:
    series = Series()
    for number in range(100_000):
        series.add(float(number))
    assert series.total == 100_000
    assert len(series.values) <= MOST
    assert series.values == sorted(series.values)
    assert series.values[0] == 0
    assert series.values[-1] > 99_000


@pytest.mark.parametrize(
    ("partition", "region", "host"),
    [
        ("aws", "eu-west-1", "https://eu-west-1.console.aws.amazon.com/"),
        ("aws-cn", "cn-north-1", "https://cn-north-1.console.amazonaws.cn/"),
        ("aws-us-gov", "us-gov-west-1", "https://us-gov-west-1.console.amazonaws-us-gov.com/"),
    ],
)
def test_the_console_of_each_partition_has_its_host(partition: str, region: str, host: str, tmp_path: Path) -> None:
    arn = f"arn:{partition}:iam::111122223333:user/somebody"
    there = context(tmp_path, Scripted({"GetCallerIdentity": {"Arn": arn}}, region))
    assert console.endpoint(there, "salary") == f"{host}sagemaker/home?region={region}#/endpoints/salary"
    assert console.repository(there, "a/b").startswith(f"{host}ecr/repositories/private/111122223333/a/b?region=")
    assert "$252Faws$252Fsagemaker$252FTrainingJobs" in console.log(there, "/aws/sagemaker/TrainingJobs", "job/")


def test_there_is_no_console_of_an_unknown_partition_or_the_local_sagemaker(tmp_path: Path) -> None:
    aws = Scripted({"GetCallerIdentity": {"Arn": "arn:aws-iso:iam::111122223333:user/somebody"}})
    assert not console.endpoint(context(tmp_path / "iso", aws), "salary")
    aws.target = Target(region="eu-west-1", endpoint_url="http://127.0.0.1:1")
    assert not console.training_job(context(tmp_path / "local", aws), "job")


def test_metrics_stand_beside_those_in_service_and_what_is_wanted() -> None:
    table = comparison(
        {
            "metrics": {"rmse": 2400.5, "r2": 0.9},
            "metrics-in-service": {"rmse": 2500.0},
            "verdicts": [
                {"metric": "rmse", "wanted": "<= 2600", "passed": True},
                {"metric": "rmse", "wanted": "<= 2400", "passed": False},
                {"metric": "auc", "wanted": ">= 1", "passed": False},
            ],
        }
    )
    assert table
    assert table.rows == (
        ("auc", "missing", "", ">= 1", "FAIL"),
        ("r2", "0.9", "", "", ""),
        ("rmse", "2400.5", "2500", "<= 2600", "pass"),
        ("rmse", "2400.5", "2500", "<= 2400", "FAIL"),
    )


def test_where_nothing_is_known_there_is_nothing_to_compare() -> None:
    assert comparison({}) is None
