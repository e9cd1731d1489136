from __future__ import annotations

import pytest

from shapemaker_action.config.project import Threshold
from shapemaker_action.resources.evaluation_report import Report
from shapemaker_action.stages.gate import judge


def report(**metrics: float) -> Report:
    return Report(uri="s3://b/report.json", metrics=metrics)


def threshold(low: float | None = None, high: float | None = None, worse: float | None = None) -> Threshold:
    return Threshold(metric="m", min=low, max=high, max_regression=worse)


@pytest.mark.parametrize(
    ("bound", "candidate", "serving", "passed"),
    [
        (threshold(high=10), report(m=10), None, [True]),
        (threshold(high=10), report(m=10.1), None, [False]),
        (threshold(low=0.8), report(m=0.79), None, [False]),
        (threshold(low=0.8, high=0.9), report(m=0.85), None, [True, True]),
        (threshold(high=10), None, None, [False]),
        (threshold(high=10), report(other=1), None, [False]),
        (threshold(worse=0.1), report(m=10), None, []),
        (threshold(high=99, worse=0.1), report(m=11), report(m=10), [True, True]),
        (threshold(high=99, worse=0.1), report(m=11.1), report(m=10), [True, False]),
        (threshold(low=0.1, worse=0.1), report(m=0.71), report(m=0.8), [True, False]),
        (threshold(low=0.1, worse=0.1), report(m=0.73), report(m=0.8), [True, True]),
        (threshold(worse=0.1), report(m=-11.1), report(m=-10), [True]),
        (threshold(worse=0.0), report(m=10.0001), report(m=10), [False]),
    ],
)
def test_verdicts(bound: Threshold, candidate: Report | None, serving: Report | None, passed: list[bool]) -> None:
    assert [verdict.passed for verdict in judge([bound], candidate, serving)] == passed
