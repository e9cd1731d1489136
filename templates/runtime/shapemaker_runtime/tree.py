"""The directories that SageMaker and the container agree on, usually below /opt/ml."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Tree:
    """Paths below the base directory."""

    base: Path

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Tree:
        """`$SAGEMAKER_BASE_DIR`, or /opt/ml."""
        return cls(Path(environ.get("SAGEMAKER_BASE_DIR") or "/opt/ml").resolve())

    @property
    def config(self) -> Path:
        """Hyperparameters, channels and hosts of a training job, one JSON file each."""
        return self.base / "input" / "config"

    @property
    def data(self) -> Path:
        """One directory for each channel of a training job."""
        return self.base / "input" / "data"

    @property
    def model(self) -> Path:
        """What becomes model.tar.gz; in the inference image its content, read-only."""
        return self.base / "model"

    @property
    def output(self) -> Path:
        """What becomes output.tar.gz."""
        return self.base / "output" / "data"

    @property
    def failure(self) -> Path:
        """The reason of a failed training job; SageMaker shows its first 1024 characters."""
        return self.base / "output" / "failure"

    @property
    def message(self) -> Path:
        """The exit message of a processing job."""
        return self.base / "output" / "message"

    @property
    def checkpoints(self) -> Path:
        """Kept in step with S3 while a training job runs."""
        return self.base / "checkpoints"

    @property
    def processing(self) -> Path:
        """Inputs and output of a processing job: `model`, `input/<channel>`, `output`."""
        return self.base / "processing"
