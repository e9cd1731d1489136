from __future__ import annotations

import pytest

from shapemaker_action.config.project import Threshold
from shapemaker_action.stages.gate import Serving, judge


def threshold(low: float | None = None, high: float | None = None, worse: float | None = None) -> Threshold:
    return Threshold(metric="m", min=low, max=high, max_regression=worse)


@pytest.mark.parametrize(
    ("bound", "candidate", "serving", "passed"),
    [
        (threshold(high=10), 10, None, [True]),
        (threshold(high=10), 10.1, None, [False]),
        (threshold(low=0.8), 0.79, None, [False]),
        (threshold(low=0.8, high=0.9), 0.85, None, [True, True]),
        (threshold(high=10), None, None, [False]),
        (threshold(worse=0.1), 10, None, []),
        (threshold(high=99, worse=0.1), 11, Serving(metrics={"m": 10}), [True, True]),
        (threshold(high=99, worse=0.1), 11.1, Serving(metrics={"m": 10}), [True, False]),
        (threshold(low=0.1, worse=0.1), 0.71, Serving(metrics={"m": 0.8}), [True, False]),
        (threshold(low=0.1, worse=0.1), 0.73, Serving(metrics={"m": 0.8}), [True, True]),
        (threshold(worse=0.1), -11.1, Serving(metrics={"m": -10}), [True]),
        (threshold(worse=0.0), 10.0001, Serving(metrics={"m": 10}), [False]),
        (threshold(high=99, worse=0.1), 10, Serving(), [True, False]),
        (threshold(high=99, worse=0.1), 10, Serving(metrics={"other": 1}), [True, False]),
    ],
)
def test_verdicts(bound: Threshold, candidate: float | None, serving: Serving | None, passed: list[bool]) -> None:
    metrics = {} if candidate is None else {"m": candidate}
    assert [verdict.passed for verdict in judge([bound], metrics, serving)] == passed
