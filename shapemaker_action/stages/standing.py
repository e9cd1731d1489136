"""How a model stands: its metrics beside those in service, from reports that are there already; reads only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.errors import QualityGateError
from shapemaker_action.resources import evaluation_report, job
from shapemaker_action.stages import gate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapemaker_action.context import Context
    from shapemaker_action.naming import Json
    from shapemaker_action.resources.processing_job import Candidate
    from shapemaker_action.stages.gate import Metrics, Verdict
    from shapemaker_action.stages.wants import Wants


def in_service(context: Context, wants: Wants, name: str | None) -> Metrics | None:
    """The metrics of the model that serves, by its job, on the configured evaluation; None if nobody knows them."""
    found = gate.trained(context, name) if name else None
    return measured(context, wants, found) if found else None


def measured(context: Context, wants: Wants, candidate: Candidate) -> Metrics | None:
    """The metrics of an evaluation that has ended; None if there is none. A spoilt report is the gate's business."""
    evaluation = wants.evaluation_job(candidate)
    reply = job.describe(context, job.PROCESSING, evaluation.name)
    if reply is None or job.PROCESSING.status(reply) != job.DONE:
        return None
    try:
        report = evaluation_report.load(context, evaluation.report_uri)
    except QualityGateError:
        return None
    return report.metrics if report else None


def values(
    metrics: Mapping[str, float] | None, serving: Mapping[str, float] | None, verdicts: Sequence[Verdict]
) -> dict[str, Json]:
    """What is known of it, as outputs."""
    known: dict[str, Json] = {}
    if metrics is not None:
        known["metrics"] = dict(metrics)
    if serving is not None:
        known["metrics-in-service"] = dict(serving)
    if verdicts:
        known["verdicts"] = [verdict.as_json() for verdict in verdicts]
    return known


def foreseen(context: Context, wants: Wants) -> dict[str, Json]:
    """For a plan: what is known of the planned model and the one in service, with the verdict where there is one."""
    if not context.project.evaluate.enabled:
        return {}
    candidate, name = wants.candidate, gate.job_in_service(context, wants)
    serving = in_service(context, wants, name)
    reply = job.describe(context, job.TRAINING, candidate.training_job)
    metrics = measured(context, wants, candidate) if reply else None
    if reply is None or metrics is None:
        return values(None, serving, ())
    bounds = context.project.evaluate.thresholds
    other = gate.Serving(metrics=serving) if serving and name != candidate.training_job else None
    known = values(metrics, serving, gate.judge(bounds, metrics, other))
    verdict, _, by = job.tags_of(context, job.TRAINING, reply).get(gate.VERDICT_TAG, "").partition(" ")
    return {**known, "gate": verdict} if by == wants.evaluation_job(candidate).name else known
