"""What the hosts of a training job leave behind: model artifacts, output data and the reason of a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.local.sagemaker import archive, harvest, objects
from shapemaker_action.local.sagemaker.objects import TransferError
from shapemaker_action.local.sagemaker.tree import BASE, HostTree

if TYPE_CHECKING:
    from pathlib import Path

    from shapemaker_action.local.sagemaker.hosts import Hosts
    from shapemaker_action.local.sagemaker.objects import Location
    from shapemaker_action.local.sagemaker.training_spec import TrainingSpec
    from shapemaker_action.local.world import World


class Output:
    """The results of all hosts together; `work` is the job's directory."""

    def __init__(self, world: World, region: str, spec: TrainingSpec, work: Path) -> None:
        self._client = world.client("s3", region)
        self._spec = spec
        self._work = work
        self._models: list[Path] = []
        self._outputs: dict[str, Path] = {}

    def collect(self, hosts: Hosts) -> None:
        """Get hold of the directories of containers that have ended."""
        for host, container in hosts.containers.items():
            tree = HostTree(self._work / host)
            self._models.append(harvest.collect(container, tree.mounted(tree.model, f"{BASE}/model")))
            self._outputs[host] = harvest.collect(container, tree.mounted(tree.output, f"{BASE}/output"))

    def failure_file(self, host: str) -> Path:
        """Where a host's algorithm says why it failed."""
        return self._outputs[host] / "failure"

    def put_model(self) -> None:
        """Upload /opt/ml/model, as model.tar.gz or file by file."""
        self._put(self._models, "model")

    def put_data(self) -> None:
        """Upload /opt/ml/output/data the same way, if there is anything in it."""
        directories = [output / "data" for output in self._outputs.values()]
        if any(directory.is_dir() and any(directory.iterdir()) for directory in directories):
            self._put(directories, "output")

    def _put(self, directories: list[Path], name: str) -> None:
        if self._spec.compressed:
            packed = self._work / f"{name}.tar.gz"
            try:
                archive.pack(directories, packed)
            except OSError as error:
                raise TransferError(f"{name} cannot be packed ({error})") from error
            objects.put_file(self._client, packed, self._place(packed.name))
            packed.unlink()
            return
        for directory in reversed(directories):
            # The last upload wins: the first host's files, as in an archive.
            objects.put_tree(self._client, directory, self._place(name))

    def _place(self, name: str) -> Location:
        return self._spec.output.below(name)
