"""A job that is cancelled at any moment is gone in time, says how to go on, and goes on when it is run again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.support import harness
from tests.support.action_runner import SHELL, parse_outputs
from tests.support.consumer import MEAN, Consumer, write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROJECTS, MOMENTS = 4, 5
LONGEST = 8.0
"""Seconds within which a step is cancelled: about as long as a whole run takes."""
BOUND = 5.0
"""What is left then has broken the promise; the runner itself would kill after 10 s."""
SLOW = MEAN["meanpkg/model.py"].replace(
    "        values = [", "        import time; time.sleep(shift * 1000)\n        values = [", 1
)
"""A thousandth of a shift takes a second."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """How a step has ended."""

    code: int
    log: str
    outputs: Mapping[str, str]
    summary: str


@dataclass(kw_only=True)
class Job:
    """The step of action.yml with its inputs, as the runner starts and cancels it."""

    consumer: Consumer
    folder: Path
    steps: int = 0

    def start(self, **inputs: str) -> subprocess.Popen[str]:
        self.steps += 1
        (action,) = yaml.safe_load((harness.exported() / "action.yml").read_text())["runs"]["steps"]
        script = self.folder / "step.sh"
        script.write_text(action["run"])
        given = {"stage": "run", "target": "local", "engine": "process", **inputs}
        environ = {
            **harness.machine(),
            "RUNNER_TOOL_CACHE": str(harness.tool_cache()),
            "SHAPEMAKER_HOME": str(self.consumer.state),
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_ACTION_PATH": str(harness.exported()),
            "GITHUB_WORKSPACE": str(self.consumer.folder),
            "GITHUB_OUTPUT": str(self.file("output")),
            "GITHUB_STEP_SUMMARY": str(self.file("summary")),
            **{f"SHAPEMAKER_INPUT_{name.upper().replace('-', '_')}": value for name, value in given.items()},
        }
        with self.file("log").open("w") as log:
            return subprocess.Popen(
                [*SHELL, str(script)],
                cwd=self.consumer.folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    def file(self, name: str) -> Path:
        return self.folder / f"{name}-{self.steps}"

    def log(self) -> str:
        return self.file("log").read_text(errors="replace")

    def ended(self, process: subprocess.Popen[str], within: float) -> Step:
        try:
            code = process.wait(within)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise AssertionError(f"still there after {within} s:\n{self.log()}") from None
        texts = {
            name: self.file(name).read_text() if self.file(name).exists() else "" for name in ("output", "summary")
        }
        return Step(code=code, log=self.log(), outputs=parse_outputs(texts["output"]), summary=texts["summary"])

    def cancelled(self, process: subprocess.Popen[str], number: signal.Signals = signal.SIGINT) -> Step:
        """As the runner cancels: the signal goes to the first process of the step and to nobody else."""
        process.send_signal(number)
        return self.ended(process, BOUND)

    def reach(self, text: str) -> None:
        """Wait until the log has it."""
        deadline = time.monotonic() + 120
        while text not in self.log():
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.02)

    def jobs(self) -> list[tuple[str, str]]:
        """Names and statuses of the training jobs, the oldest first."""
        listed = self.consumer.client("sagemaker").list_training_jobs(
            NameContains=f"{self.consumer.name}-", SortBy="CreationTime", SortOrder="Ascending"
        )
        return [(each["TrainingJobName"], each["TrainingJobStatus"]) for each in listed["TrainingJobSummaries"]]


@pytest.fixture
def job(tmp_path: Path, shared_state: Path, request: pytest.FixtureRequest) -> Job:
    """A fresh repository whose training takes three seconds."""
    name = f"cut{abs(hash(request.node.name)) % 10**6}"
    config = MEAN["shapemaker.yml"].replace("NAME", name).replace("shift: 0.0", "shift: 0.003")
    config = config.replace("invoke:\n  requests: [{file: requests/one.json, expect: {predictions: [3.0]}}]\n", "")
    files = {**MEAN, "meanpkg/model.py": SLOW, "shapemaker.yml": config}
    consumer = Consumer(folder=write(tmp_path / "mean", files), state=shared_state, name=name)
    return Job(consumer=consumer, folder=tmp_path)


@pytest.mark.parametrize("project", range(PROJECTS))
def test_at_any_moment(job: Job, project: int) -> None:
    moments = random.Random(project)  # noqa: S311 - a seed per project, so that one can be repeated
    for _ in range(MOMENTS):
        process = job.start()
        try:
            process.wait(moments.uniform(0, LONGEST))
        except subprocess.TimeoutExpired:
            assert_says_how_to_go_on(job.cancelled(process))
    done = job.ended(job.start(), 300)
    assert done.code == 0, done.log
    ((name, status),) = job.jobs()
    assert (done.outputs["training-job"], status) == (name, "Completed")
    assert job.ended(job.start(), 300).outputs["changes"] == "0"


def assert_says_how_to_go_on(step: Step) -> None:
    assert "Traceback" not in step.log
    if step.code in (-signal.SIGINT, 0):
        # The shell or Python had only just begun, or all was done already.
        assert step.log == "" or "exit-code" in step.outputs
        return
    assert step.code == 130, step.log
    assert step.outputs["exit-code"] == "130"
    if "nothing was begun" not in step.log:
        assert step.outputs["resume"].startswith("shapemaker "), step.log
        assert f"go on with: {step.outputs['resume']}" in step.log
        assert json.loads(step.outputs["result"])["exit-code"] == 130
        assert step.outputs["resume"] in step.summary


def test_a_job_that_is_left_alone_is_found_again(job: Job) -> None:
    process = job.start(stage="provision,build,train")
    job.reach("InProgress / Training")
    step = job.cancelled(process, signal.SIGTERM)
    assert step.code == 143, step.log
    assert step.outputs["resume"] == "shapemaker train --target local --engine process"
    again = job.ended(job.start(stage="train"), 300)
    assert again.code == 0, again.log
    assert job.jobs() == [(again.outputs["training-job"], "Completed")]


def test_a_job_that_is_to_be_stopped_is_and_the_next_run_begins_another(job: Job) -> None:
    inputs = {"stage": "provision,build,train", "on-cancel": "stop"}
    process = job.start(**inputs)
    job.reach("InProgress / Training")
    step = job.cancelled(process)
    assert step.code == 130, step.log
    assert "will stop; the next run begins another" in step.log
    again = job.ended(job.start(**inputs), 300)
    assert again.code == 0, again.log
    (first, second) = job.jobs()
    assert first[1] == "Stopped"
    assert second == (f"{first[0]}-r2", "Completed")
