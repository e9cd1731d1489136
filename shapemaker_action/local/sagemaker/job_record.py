"""The record of a training or processing job from its first state to its end, and what it has outside the record."""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING, Any

from shapemaker_action.local.sagemaker import harvest, images
from shapemaker_action.local.sagemaker.refusals import invalid
from shapemaker_action.local.sagemaker.service import service
from shapemaker_action.local.wire import ApiError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from shapemaker_action.local.sagemaker.service import Service
    from shapemaker_action.local.sagemaker.store import Record
    from shapemaker_action.local.world import World

TERMINAL = ("Completed", "Failed", "Stopped")


def first_state(world: World, image: str, hosts: Sequence[str]) -> dict[str, Any]:
    """What the record of a new job says; several hosts need an engine that can give them names."""
    token = secrets.token_hex(6)
    several = len(hosts) > 1
    if several and world.engine.name == "process":
        raise invalid(
            "The local SageMaker runs jobs on several instances only with docker or podman, not as plain processes."
        )
    return {
        "status": "InProgress",
        "token": token,
        "image": images.pinned(world, image),
        **({"network": f"shapemaker-{token}"} if several else {}),
    }


def delete(world: World, record: Record) -> dict[str, Any]:
    """Forget a job that has ended, after which its name is free."""
    sagemaker = service(world)
    if record.status not in TERMINAL:
        raise ApiError("ResourceInUse", f"The job {record.arn} is in status {record.status} and cannot be deleted.")
    if not record.state.get("tidy") and record.key not in sagemaker.jobs:
        world.start(f"tidy {record.name}", partial(tidy, sagemaker, record))
    sagemaker.store.remove(record.key)
    return {}


def tidy(sagemaker: Service, record: Record) -> None:
    """Remove the containers and files of a job that has ended."""
    for container in sagemaker.world.engine.find(labels(sagemaker, record)):
        container.remove()
    if network := record.state.get("network"):
        sagemaker.world.engine.remove_network(network)
    directory = workdir(sagemaker, record)
    if not harvest.discard(directory):
        harvest.sweep(sagemaker.world.engine, record.state["image"], directory)

    def note(kept: Record) -> None:
        # The name may belong to another job by now.
        if kept.state["token"] == record.state["token"]:
            kept.state["tidy"] = True

    sagemaker.store.change(record.key, note, touch=False)


def labels(sagemaker: Service, record: Record) -> dict[str, str]:
    """What marks the containers of a job."""
    return {**sagemaker.labels, "shapemaker.job": record.state["token"]}


def workdir(sagemaker: Service, record: Record) -> Path:
    """Its own for each job: the name may be used again while the files of a deleted job are being removed."""
    directory: Path = sagemaker.workdir(record.key) / record.state["token"]
    return directory
