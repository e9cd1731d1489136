"""The secondary status of a training job and the history of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shapemaker_action.local.sagemaker.store import Record

MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}
REASON_LIMIT = 1024


def enter(record: Record, secondary: str, now: float, message: str = "") -> None:
    """Move to a secondary status; the one before ends at the same moment."""
    history = record.state.setdefault("transitions", [])
    text = message or MESSAGES[secondary]
    if history and history[-1]["Status"] == secondary:
        history[-1]["StatusMessage"] = text
        return
    if history:
        history[-1]["EndTime"] = now
    history.append({"Status": secondary, "StartTime": now, "StatusMessage": text})
    record.state["secondary"] = secondary


def end(record: Record, status: str, secondary: str, now: float, reason: str = "") -> None:
    """Move to a final status. `reason` is what describes a failure."""
    reason = reason[:REASON_LIMIT]
    enter(record, secondary, now, reason)
    record.state["transitions"][-1]["EndTime"] = now
    record.state["status"] = status
    if reason:
        record.state["failure"] = reason
    started = record.state.get("started")
    if started is not None:
        record.state["ended"] = now
        # The service model knows no time of less than a second.
        record.state["seconds"] = max(1, round(now - started))
