"""The quality gate: thresholds, and no worse than the model in service; missing data is never a pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shapemaker_action.errors import QualityGateError
from shapemaker_action.outcome import Table
from shapemaker_action.resources import evaluation_report as reports
from shapemaker_action.resources.endpoint_config import EndpointConfig
from shapemaker_action.resources.model import TRAINING_JOB_TAG, Model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapemaker_action.config.project import Threshold
    from shapemaker_action.context import Context
    from shapemaker_action.resources.evaluation_report import Report
    from shapemaker_action.stages.wants import Wants


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One threshold against one metric."""

    metric: str
    value: str
    wanted: str
    passed: bool


def judge(thresholds: Sequence[Threshold], candidate: Report | None, serving: Report | None) -> tuple[Verdict, ...]:
    """One verdict for each bound. A first model has nothing to be compared with, so absolute bounds decide alone."""
    verdicts: list[Verdict] = []
    for threshold in thresholds:
        value = candidate.metrics.get(threshold.metric) if candidate else None
        for wanted, passed in _bounds(threshold, value, serving):
            shown = "missing" if value is None else f"{value:.6g}"
            verdicts.append(Verdict(metric=threshold.metric, value=shown, wanted=wanted, passed=passed))
    return tuple(verdicts)


def _bounds(threshold: Threshold, value: float | None, serving: Report | None) -> list[tuple[str, bool]]:
    bounds = []
    if threshold.min is not None:
        bounds.append((f">= {threshold.min:g}", value is not None and value >= threshold.min))
    if threshold.max is not None:
        bounds.append((f"<= {threshold.max:g}", value is not None and value <= threshold.max))
    if threshold.max_regression is not None and serving and threshold.metric in serving.metrics:
        bounds.append(_no_worse(threshold, threshold.max_regression, value, serving.metrics[threshold.metric]))
    return bounds


def _no_worse(threshold: Threshold, share: float, value: float | None, base: float) -> tuple[str, bool]:
    """A metric with a floor is better when higher; every other one when lower."""
    allowed = abs(base) * share
    if threshold.min is not None and threshold.max is None:
        limit = base - allowed
        return f">= {limit:.6g} (in service: {base:.6g})", value is not None and value >= limit
    limit = base + allowed
    return f"<= {limit:.6g} (in service: {base:.6g})", value is not None and value <= limit


def serving_report(context: Context, wants: Wants) -> Report | None:
    """The report of the model that the endpoint serves now."""
    endpoint = wants.endpoint("").read(context)
    config = EndpointConfig(name=endpoint.config, owner="").read(context) if endpoint else None
    model = Model(name=config.models[0], owner="").read(context) if config and config.models else None
    return reports.newest(context, wants.place, model.tags.get(TRAINING_JOB_TAG, "")) if model else None


def table(verdicts: Sequence[Verdict]) -> Table:
    """The gate for people."""
    rows = tuple((v.metric, v.value, v.wanted, "pass" if v.passed else "FAIL") for v in verdicts)
    return Table(title="Quality gate", header=("metric", "value", "wanted", "verdict"), rows=rows)


def demand(context: Context, verdicts: Sequence[Verdict]) -> None:
    """Refuse when any bound is missed."""
    missed = [verdict for verdict in verdicts if not verdict.passed]
    if missed:
        reasons = "; ".join(f"{verdict.metric} is {verdict.value}, wanted {verdict.wanted}" for verdict in missed)
        raise QualityGateError(
            f"the quality gate refused the model: {reasons}",
            state="nothing was deployed; what serves is unchanged",
            remedy=f"improve the model or change evaluate.thresholds, then run: {context.again('run')}",
        )
