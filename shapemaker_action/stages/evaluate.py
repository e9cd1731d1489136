"""evaluate: judge the trained model on the evaluation channels and hold the quality gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.errors import QualityGateError
from shapemaker_action.events import Notice
from shapemaker_action.outcome import Outcome
from shapemaker_action.resources import evaluation_report as reports
from shapemaker_action.resources import job
from shapemaker_action.stages import gate
from shapemaker_action.stages.converge import converge
from shapemaker_action.stages.train import metric_table
from shapemaker_action.stages.wants import Wants

if TYPE_CHECKING:
    from shapemaker_action.context import Context


def run(context: Context) -> Outcome:
    """Run the evaluation job unless its report is there, then judge."""
    if not context.project.evaluate.enabled:
        context.emit(Notice(text="no evaluate section in the configuration: no gate"))
        return Outcome(next=context.again("deploy"))
    wants = Wants(context)
    _demand_trained(context, wants)
    plan = converge(context, wants.evaluation(wants.candidate))
    uri = wants.evaluation_job(wants.candidate).report_uri
    report = reports.load(context, uri)
    if report is None:
        raise QualityGateError(
            f"the evaluation left no report at {uri}",
            state="missing data is never a pass, so nothing was deployed",
            remedy="an evaluate.entrypoint of your own must write /opt/ml/processing/output/report.json",
        )
    thresholds = context.project.evaluate.thresholds
    verdicts = gate.judge(thresholds, report, gate.serving_report(context, wants))
    gate.demand(context, verdicts)
    return Outcome(
        plan=plan,
        values={"metrics": dict(report.metrics), "evaluation-report": uri},
        tables=(metric_table("Evaluation metrics", report.metrics), *((gate.table(verdicts),) if verdicts else ())),
        next=context.again("deploy"),
    )


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
