"""The quality gate: thresholds, and no worse than the model in service; missing data is never a pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shapemaker_action.errors import QualityGateError
from shapemaker_action.events import Notice
from shapemaker_action.naming import tag_list
from shapemaker_action.resources import job
from shapemaker_action.resources.endpoint_config import EndpointConfig
from shapemaker_action.resources.model import TRAINING_JOB_TAG, Model
from shapemaker_action.resources.processing_job import Candidate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapemaker_action.config.project import Threshold
    from shapemaker_action.context import Context
    from shapemaker_action.naming import Json
    from shapemaker_action.stages.wants import Wants

VERDICT_TAG = "shapemaker:gate"
"""On a training job: `passed` or `refused`, and the evaluation that decided."""

Metrics = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One bound against one metric."""

    metric: str
    value: str
    wanted: str
    passed: bool

    def as_json(self) -> dict[str, Json]:
        """As outputs have it."""
        return {"metric": self.metric, "value": self.value, "wanted": self.wanted, "passed": self.passed}


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What the candidate is compared with. Neither candidate nor metrics: its metrics cannot be had."""

    candidate: Candidate | None = None
    metrics: Metrics | None = None


def judge(thresholds: Sequence[Threshold], metrics: Metrics, serving: Serving | None) -> tuple[Verdict, ...]:
    """One verdict for each bound. `serving` is None when nothing serves, or the candidate itself does."""
    verdicts: list[Verdict] = []
    for threshold in thresholds:
        value = metrics.get(threshold.metric)
        for wanted, passed in _bounds(threshold, value, serving):
            shown = "missing" if value is None else f"{value:.6g}"
            verdicts.append(Verdict(metric=threshold.metric, value=shown, wanted=wanted, passed=passed))
    return tuple(verdicts)


def _bounds(threshold: Threshold, value: float | None, serving: Serving | None) -> list[tuple[str, bool]]:
    bounds = []
    if threshold.min is not None:
        bounds.append((f">= {threshold.min:g}", value is not None and value >= threshold.min))
    if threshold.max is not None:
        bounds.append((f"<= {threshold.max:g}", value is not None and value <= threshold.max))
    if threshold.max_regression is not None and serving:
        base = (serving.metrics or {}).get(threshold.metric)
        bounds.append(_no_worse(threshold, threshold.max_regression, value, base))
    return bounds


def _no_worse(threshold: Threshold, share: float, value: float | None, base: float | None) -> tuple[str, bool]:
    """A metric with a floor is better when higher; every other one when lower."""
    if base is None:
        return "no worse than the model in service, whose metrics cannot be had", False
    allowed = abs(base) * share
    if threshold.min is not None and threshold.max is None:
        limit = base - allowed
        return f">= {limit:.6g} (in service: {base:.6g})", value is not None and value >= limit
    limit = base + allowed
    return f"<= {limit:.6g} (in service: {base:.6g})", value is not None and value <= limit


def serving(context: Context, wants: Wants, candidate: Candidate) -> Serving | None:
    """The model in service, if a threshold asks how it compares and it isn't the candidate itself."""
    if all(each.max_regression is None for each in context.project.evaluate.thresholds):
        return None
    name = job_in_service(context, wants)
    if name in (None, candidate.training_job):
        return None
    return Serving(candidate=trained(context, name) if name else None)


def job_in_service(context: Context, wants: Wants) -> str | None:
    """The training job of the model that serves; empty if it cannot be told, None if nothing serves."""
    endpoint = wants.endpoint("").read(context)
    if endpoint is None:
        return None
    config = EndpointConfig(name=endpoint.config, owner="").read(context)
    model = Model(name=config.models[0], owner="").read(context) if config and config.models else None
    return model.tags.get(TRAINING_JOB_TAG, "") if model else ""


def trained(context: Context, name: str) -> Candidate | None:
    """The model of a completed training job with its image; None if the job or its artifacts are gone."""
    reply = job.describe(context, job.TRAINING, name)
    if reply is None or job.TRAINING.status(reply) != job.DONE:
        return None
    uri = str(reply["ModelArtifacts"]["S3ModelArtifacts"])
    if not job.exists(context, uri):
        return None
    image_uri = str(reply["AlgorithmSpecification"].get("TrainingImage", ""))
    return Candidate(training_job=name, model_data=uri, image_uri=image_uri)


def record(context: Context, name: str, evaluation: str, *, passed: bool) -> None:
    """Leave the verdict with the training job, where a later deploy looks for it."""
    reply = job.describe(context, job.TRAINING, name)
    if reply is None:
        return
    verdict = f"{'passed' if passed else 'refused'} {evaluation}"
    if job.tags_of(context, job.TRAINING, reply).get(VERDICT_TAG) != verdict:
        tags = tag_list({VERDICT_TAG: verdict})
        context.aws.call("sagemaker", "AddTags", {"ResourceArn": reply["TrainingJobArn"], "Tags": tags})


def has_passed(context: Context, tags: Mapping[str, str], evaluation: str = "") -> bool:
    """Whether a job with these tags passed the gate: in this very evaluation, or, if none is given, in its own."""
    if not context.project.evaluate.enabled:
        return True
    verdict, _, by = tags.get(VERDICT_TAG, "").partition(" ")
    return verdict == "passed" and evaluation in ("", by)


def demand(context: Context, verdicts: Sequence[Verdict]) -> None:
    """Refuse when any bound is missed, unless the user insists."""
    missed = [verdict for verdict in verdicts if not verdict.passed]
    if not missed:
        return
    reasons = "; ".join(f"{verdict.metric} is {verdict.value}, wanted {verdict.wanted}" for verdict in missed)
    if context.switches.force:
        context.emit(Notice(text=f"past the quality gate, as you say: {reasons}", warning=True))
        return
    raise QualityGateError(
        f"the quality gate refused the model: {reasons}",
        state="nothing was deployed; what serves is unchanged",
        remedy=f"improve the model or change evaluate.thresholds, then run: {context.again('run')}",
    )
