"""The `/opt/ml` directories of a training host, on this machine until they are mounted into its container."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shapemaker_action.containers.engine import Mount
from shapemaker_action.local.sagemaker.harvest import Mounted

if TYPE_CHECKING:
    from pathlib import Path

    from shapemaker_action.local.sagemaker.training_spec import TrainingSpec

BASE = "/opt/ml"


@dataclass(frozen=True)
class HostTree:
    """The directories of one host below `root`, named as they are below `/opt/ml`."""

    root: Path

    @property
    def model(self) -> Path:
        """`/opt/ml/model`."""
        return self.root / "model"

    @property
    def output(self) -> Path:
        """`/opt/ml/output`, with the failure file."""
        return self.root / "output"

    @property
    def checkpoints(self) -> Path:
        """`/opt/ml/checkpoints`, or the path that the job asks for."""
        return self.root / "checkpoints"

    def channel(self, name: str) -> Path:
        """`/opt/ml/input/data/<channel>`."""
        return self.root / "input" / "data" / name

    def mounted(self, source: Path, path: str) -> Mounted:
        """One of the directories as the container has it."""
        return Mounted(source=source, path=path, spare=self.root / "copies" / source.name)

    def write(self, spec: TrainingSpec, host: str) -> None:
        """Make the directories and the files of input/config."""
        for directory in (self.model, self.output / "data", self.root / "input" / "data", self.checkpoints):
            directory.mkdir(parents=True, exist_ok=True)
        config = self.root / "input" / "config"
        config.mkdir(parents=True, exist_ok=True)
        documents: dict[str, object] = {
            "hyperparameters": dict(spec.hyperparameters),
            "inputdataconfig": {channel.name: channel.config() for channel in spec.channels},
            "resourceconfig": spec.host_config(host),
        }
        for name, document in documents.items():
            (config / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")

    def mounts(self, spec: TrainingSpec) -> tuple[Mount, ...]:
        """What the container sees; channels in FastFile mode cannot be written to."""
        streamed = [channel.name for channel in spec.channels if channel.mode == "FastFile"]
        return (
            Mount(source=self.root / "input", target=f"{BASE}/input"),
            *(
                Mount(source=self.channel(name), target=f"{BASE}/input/data/{name}", read_only=True)
                for name in streamed
            ),
            Mount(source=self.model, target=f"{BASE}/model"),
            Mount(source=self.output, target=f"{BASE}/output"),
            *([Mount(source=self.checkpoints, target=spec.checkpoint_path)] if spec.checkpoints else []),
        )
