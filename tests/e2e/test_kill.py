"""`kill -9` at any moment of `run`, then `run`: it converges, with no duplicate and no orphan."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.consumer import Consumer

PROJECTS = 5
MOMENTS = 4
"""In each project: a run that goes on after a kill is killed as well."""
LONGEST = 6.0
"""Seconds within which the command is killed: about as long as it takes."""


def owned(consumer: Consumer) -> dict[str, list[str]]:
    """Everything with the project's name, by kind."""
    client = consumer.client("sagemaker")
    word = {"NameContains": f"{consumer.name}-"}
    return {
        "jobs": sorted(j["TrainingJobName"] for j in client.list_training_jobs(**word)["TrainingJobSummaries"]),
        "evaluations": sorted(
            j["ProcessingJobName"] for j in client.list_processing_jobs(**word)["ProcessingJobSummaries"]
        ),
        "models": sorted(m["ModelName"] for m in client.list_models(**word)["Models"]),
        "configs": sorted(c["EndpointConfigName"] for c in client.list_endpoint_configs(**word)["EndpointConfigs"]),
        "endpoints": [e["EndpointName"] for e in client.list_endpoints(NameContains=consumer.name)["Endpoints"]],
    }


@pytest.mark.parametrize("project", range(PROJECTS))
def test_a_killed_run_converges(mean: Consumer, project: int) -> None:
    draw = random.Random(project)  # noqa: S311 - a seed per project, so that one can be repeated
    for _ in range(MOMENTS):
        process = mean.start("run", "--target", "local", "--format", "json")
        try:
            process.wait(draw.uniform(0, LONGEST))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    mean.do("run")
    assert {kind: len(names) for kind, names in owned(mean).items()} == {
        "jobs": 1,
        "evaluations": 1,
        "models": 1,
        "configs": 1,
        "endpoints": 1,
    }
    assert mean.do("run").changes == []
    assert mean.do("plan").changes == []
