"""What tests of jobs and endpoints say to the probe image, and how they watch its containers."""

from __future__ import annotations

import json
import subprocess
import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.support.sagemaker import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.sagemaker import SageMaker

SLOW_PING = {"BEFORE": "BORN = time.time()", "PING": "self.answer(200 if time.time() > BORN + 3 else 503, b'')"}
"""Healthy after three seconds."""
BROKEN = {"BEFORE": "print('no model here', flush=True); sys.exit(1)"}
PING_REASON = (
    "The primary container for production variant A did not pass the ping health check. Please check CloudWatch logs "
    "for this endpoint."
)


def save(expression: str) -> str:
    """Code that leaves a value in the model."""
    return f"(ML / 'model/value.json').write_text(json.dumps({expression}))"


def result(local: SageMaker, job: dict[str, Any]) -> Any:
    """The value that a job has left in its model."""
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return json.loads(local.unpacked(job["ModelArtifacts"]["S3ModelArtifacts"])["value.json"])


def printed(local: SageMaker, name: str, text: str) -> None:
    """Wait until a job has printed a line."""

    def look() -> bool:
        job = local.describe_training_job(TrainingJobName=name)
        assert job["TrainingJobStatus"] != "Failed", job["FailureReason"]
        try:
            return text in local.training_log(name)
        except local.logs.exceptions.ResourceNotFoundException:
            return False

    until(look)


def says(word: str) -> str:
    """Code that answers every request with a word."""
    return f"self.answer(200, b'{word}')"


def containers(endpoint: str) -> list[str]:
    """Ids of the containers of an endpoint, running or not."""
    label = f"label=shapemaker.endpoint=eu-west-1/{endpoint}"
    argv = ["docker", "ps", "--all", "--quiet", "--no-trunc", "--filter", label]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()


def shift(kind: str = "ALL_AT_ONCE", wait: int = 0, **more: Any) -> dict[str, Any]:
    """A DeploymentConfig for blue/green."""
    alarms = more.pop("alarms", ())
    config: dict[str, Any] = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": wait, **more.pop("routing", {})},
            **more,
        }
    }
    if alarms:
        config["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": name} for name in alarms]}
    return config


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


@contextmanager
def requests(local: SageMaker, endpoint: str) -> Iterator[Counter[str]]:
    """Four clients that ask all the time; the answers and, as `failed …`, what went wrong."""
    answers: Counter[str] = Counter()
    enough = threading.Event()

    def ask() -> None:
        while not enough.is_set():
            try:
                answer = local.ask(endpoint, b"x").decode()
            except local.runtime.exceptions.ClientError as error:
                answer = f"failed {error}"
            answers[answer] += 1

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    try:
        yield answers
    finally:
        enough.set()
        for asker in askers:
            asker.join()
