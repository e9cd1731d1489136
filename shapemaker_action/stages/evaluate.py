"""evaluate: judge the trained model on the evaluation channels and hold the quality gate."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shapemaker_action.errors import QualityGateError, RefusedError
from shapemaker_action.events import Notice, ValuesKnown
from shapemaker_action.outcome import Outcome, comparison
from shapemaker_action.plan import Plan, union
from shapemaker_action.resources import console, evaluation_report, job
from shapemaker_action.stages import gate, standing
from shapemaker_action.stages.converge import converge
from shapemaker_action.stages.wants import Wants

if TYPE_CHECKING:
    from shapemaker_action.context import Context
    from shapemaker_action.naming import Json
    from shapemaker_action.resources.evaluation_report import Report
    from shapemaker_action.resources.processing_job import Candidate


def run(context: Context) -> Outcome:
    """Run the evaluation job unless its report is there, then judge."""
    if not context.project.evaluate.enabled:
        context.emit(Notice(text="no evaluate section in the configuration: no gate"))
        return Outcome(next=context.again("deploy"))
    wants = Wants(context)
    _demand_trained(context, wants)
    candidate = wants.candidate
    plan, evaluation, report = _measured(context, wants, candidate)
    serving = gate.serving(context, wants, candidate)
    if serving and serving.candidate:
        # The model in service may have been judged on other data; a comparison needs the same.
        more, serving = _compared(context, wants, serving, serving.candidate)
        plan = union([plan, more])
    verdicts = gate.judge(context.project.evaluate.thresholds, report.metrics, serving)
    passed = all(verdict.passed for verdict in verdicts)
    gate.record(context, candidate.training_job, evaluation, passed=passed)
    beside = serving.metrics if serving else standing.in_service(context, wants, gate.job_in_service(context, wants))
    values: dict[str, Json] = {
        **standing.values(report.metrics, beside, verdicts),
        "gate": "passed" if passed else "refused",
        "evaluation-report": report.uri,
        "evaluation-job-url": console.processing_job(context, evaluation),
    }
    context.emit(ValuesKnown(values=values))
    gate.demand(context, verdicts)
    table = comparison(values)
    return Outcome(plan=plan, values=values, tables=(table,) if table else (), next=context.again("deploy"))


def _compared(context: Context, wants: Wants, serving: gate.Serving, candidate: Candidate) -> tuple[Plan, gate.Serving]:
    try:
        plan, _, report = _measured(context, wants, candidate)
    except RefusedError as error:
        # That it cannot be measured any more is a verdict for the gate, not the end of the evaluation.
        context.emit(Notice(text=f"the model in service cannot be measured: {error.message}", warning=True))
        return Plan(changes=()), serving
    return plan, replace(serving, metrics=report.metrics)


def _measured(context: Context, wants: Wants, candidate: Candidate) -> tuple[Plan, str, Report]:
    """The plan that was carried out, the name of the evaluation job, and its report."""
    desired = wants.evaluation_job(candidate)
    plan = converge(context, [*wants.evaluation_data(), desired])
    report = evaluation_report.load(context, desired.report_uri)
    if report is None:
        raise QualityGateError(
            f"the evaluation left no report at {desired.report_uri}",
            state="missing data is never a pass, so nothing was deployed",
            remedy="an evaluate.entrypoint of your own must write /opt/ml/processing/output/report.json",
        )
    return plan, desired.name, report


def _demand_trained(context: Context, wants: Wants) -> None:
    name = wants.training_job.name
    reply = job.describe(context, job.TRAINING, name)
    if reply is None or job.TRAINING.status(reply) in job.RUNNING:
        raise QualityGateError(
            f"there is no trained model to evaluate: training job '{name}' "
            f"{'is still running' if reply else 'does not exist'}",
            state="nothing was changed",
            remedy=f"train first: {context.again('train,evaluate')}",
        )
    job.demand_completed(context, job.TRAINING, name, reply)
