"""What is learned of predictions from those that ran."""

from __future__ import annotations

from shapemaker_runtime.serving.pace import Pace


def test_a_pace_is_learned_and_unlearned() -> None:
    pace = Pace(may_be_inline=True)
    for _ in range(200):
        pace.ran(1, 10e-6, is_alone=False)
    known = [pace.is_inline]
    for times, seconds in ((1, 0.001), (1, 0.1), (500, 10e-6), (1500, 10e-6), (100, 0.001)):
        for _ in range(times):
            pace.ran(1, seconds, is_alone=False)
        known.append(pace.is_inline)
    # One in a hundred is no stall; after one, trust comes back slowly; a model that got slow is found out.
    assert known == [True, True, False, False, True, False]


def test_a_short_prediction_is_inline_as_long_as_requests_come_one_by_one() -> None:
    pace = Pace(may_be_inline=True)
    known = []
    for times, is_alone in ((200, True), (5, False), (50, False), (100, True), (100, True)):
        for _ in range(times):
            pace.ran(1, 500e-6, is_alone=is_alone)
        known.append(pace.is_inline)
    assert known == [True, True, False, False, True]
    for _ in range(100):
        pace.ran(1, 0.002, is_alone=True)
    assert not pace.is_inline


def test_a_pace_says_what_a_queue_will_take() -> None:
    pace = Pace(may_be_inline=False)
    for _ in range(300):
        pace.ran(2, 20e-6, is_alone=True)
    assert not pace.is_inline
    assert round(pace.expected(1000), 6) == 0.01
