"""A consumer repository with a local SageMaker of its own, and the command line as a user types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from shapemaker_action.local import lifecycle, requests_log

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.local.requests_log import LoggedRequest

ROOT = Path(__file__).parents[2]
COMMAND_LINE = "import sys; from shapemaker_action.cli import main; sys.exit(main())"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One ended command. `document` is what `--format json` printed."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.stdout)
        return found

    @property
    def outputs(self) -> dict[str, Any]:
        found: dict[str, Any] = self.document["outputs"]
        return found

    @property
    def changes(self) -> list[tuple[str, str]]:
        """Action and kind of every change."""
        return [(change["action"], change["kind"]) for change in self.document["changes"]]

    def __str__(self) -> str:
        return f"exit {self.code}\n--- stdout\n{self.stdout[-4000:]}\n--- stderr\n{self.stderr[-8000:]}"


@dataclass(frozen=True, kw_only=True)
class Consumer:
    """`folder` is the repository, `state` where its local SageMaker lives, `name` the project in shapemaker.yml."""

    folder: Path
    state: Path
    name: str = "mean"
    engine: str = "process"
    environ: Mapping[str, str] = field(default_factory=dict)

    def start(self, *argv: str) -> subprocess.Popen[str]:
        """The command in the background, in a process group of its own."""
        environment = {
            **os.environ,
            "SHAPEMAKER_HOME": str(self.state),
            "SHAPEMAKER_ENGINE": self.engine,
            "PYTHONPATH": str(ROOT),
            **self.environ,
        }
        return subprocess.Popen(
            [sys.executable, "-c", COMMAND_LINE, *argv],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *argv: str) -> Run:
        """The command to its end, whatever that is."""
        process = self.start(*argv)
        stdout, stderr = process.communicate()
        return Run(code=process.returncode, stdout=stdout, stderr=stderr)

    def do(self, stages: str, *options: str) -> Run:
        """Stages on the local SageMaker; they must succeed."""
        done = self.run(stages, "--target", "local", "--format", "json", *options)
        assert done.code == 0, done
        return done

    def fail(self, stages: str, *options: str, code: int) -> Run:
        """Stages on the local SageMaker; they must end with this code, a remedy and no traceback."""
        done = self.run(stages, "--target", "local", "--format", "json", *options)
        assert done.code == code, done
        assert "Traceback (most recent call last)" not in done.document["error"]["message"], done
        assert done.document["error"]["remedy"], done
        return done

    def calls(self) -> list[LoggedRequest]:
        """Every API call so far."""
        return requests_log.read(self.state)

    def client(self, service: str) -> Any:
        """boto3 as any other program would use it: by environment alone."""
        running = lifecycle.status(self.state)
        assert running, "the local SageMaker is not running"
        settings = lifecycle.environment(running)
        return boto3.client(
            service,
            region_name="eu-west-1",
            endpoint_url=settings["AWS_ENDPOINT_URL"],
            aws_access_key_id=settings["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=settings["AWS_SECRET_ACCESS_KEY"],
        )

    def close(self) -> None:
        """End the server and its containers."""
        if self.state.exists():
            done = self.run("local", "down")
            assert done.code == 0, done


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """A repository from texts."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


MEAN = {
    "shapemaker.yml": """\
project: {name: NAME}
aws: {region: eu-west-1}
model: meanpkg.model:Model
build: {requirements: ""}
train:
  hyperparameters: {shift: 0.0}
  channels: {train: data/train}
  metrics: {mean: 'mean=([0-9.eE+-]+)'}
evaluate:
  channels: {test: data/test}
  thresholds: {error: {max: 5, max_regression: 0.5}}
invoke:
  requests: [{file: requests/one.json, expect: {predictions: [3.0]}}]
""",
    "meanpkg/__init__.py": "",
    "meanpkg/model.py": '''\
"""Predicts the mean of what it saw; needs nothing but Python."""

import json
from pathlib import Path


class Model:
    mean = 0.0

    def train(self, train: Path, *, shift: float = 0.0):
        values = [float(line) for file in sorted(train.iterdir()) for line in file.read_text().split()]
        self.mean = sum(values) / len(values) + shift
        return {"mean": self.mean}

    def predict(self, instances):
        return [self.mean for _ in instances]

    def evaluate(self, test: Path):
        values = [float(line) for file in sorted(test.iterdir()) for line in file.read_text().split()]
        return {"error": max(abs(value - self.mean) for value in values)}

    def save(self, directory: Path):
        (directory / "mean.json").write_text(json.dumps(self.mean))

    def load(self, directory: Path):
        self.mean = json.loads((directory / "mean.json").read_text())
''',
    "data/train/values.csv": "1\n2\n6\n",
    "data/test/values.csv": "2\n4\n",
    "requests/one.json": '{"instances": [1]}\n',
}
"""The smallest consumer repository: no requirements, so that a whole lifecycle takes seconds."""


MULTI_MODEL = """\
deploy:
  api: {CreateModel: {PrimaryContainer: {Mode: MultiModel}}}
invoke:
  requests: [{file: requests/one.json, target_model: TARGET, expect: {predictions: [3.0]}}]
"""


def serve_many(consumer: Consumer, target: str = "model.tar.gz") -> Consumer:
    """Configure a multi-model endpoint that is asked for `target`, in a repository of `MEAN`."""
    place = consumer.folder / "shapemaker.yml"
    others, found, _ = place.read_text().partition("invoke:\n")
    assert found
    place.write_text(others + MULTI_MODEL.replace("TARGET", target))
    return consumer
