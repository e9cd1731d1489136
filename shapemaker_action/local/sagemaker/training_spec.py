"""A training job's request, read once: what its hosts are given and where its results go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shapemaker_action.local.sagemaker import objects
from shapemaker_action.local.sagemaker.channel import Source
from shapemaker_action.local.sagemaker.refusals import invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.local.sagemaker.objects import Location

DAY = 86_400
CHECKPOINTS = "/opt/ml/checkpoints"


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One input channel. `mode` is `File`, `FastFile` or `Pipe`."""

    name: str
    source: Source
    mode: str
    content_type: str

    def config(self) -> dict[str, str]:
        """Its entry in inputdataconfig.json."""
        return {
            **({"ContentType": self.content_type} if self.content_type else {}),
            # FastFile looks like File to the container.
            "TrainingInputMode": "Pipe" if self.mode == "Pipe" else "File",
            "S3DistributionType": "ShardedByS3Key" if self.source.sharded else "FullyReplicated",
            "RecordWrapperType": "None",
        }


@dataclass(frozen=True, kw_only=True)
class TrainingSpec:
    """The parts of CreateTrainingJob that a run acts on. Times in seconds."""

    image: str
    entrypoint: tuple[str, ...]
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    hyperparameters: Mapping[str, str]
    channels: tuple[Channel, ...]
    metric_definitions: tuple[Mapping[str, str], ...]
    instance_type: str
    hosts: tuple[str, ...]
    output: Location
    compressed: bool
    checkpoints: Location | None
    checkpoint_path: str
    max_runtime: float
    isolated: bool
    attempts: int
    """How often a fault of the service is made good by starting anew, the first time included."""

    @property
    def command(self) -> tuple[str, ...]:
        """What follows the entry point: `train`, unless the request names an entry point or arguments."""
        return self.arguments or (() if self.entrypoint else ("train",))

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> TrainingSpec:
        """From a request that has passed `training.check`."""
        algorithm, resources = request["AlgorithmSpecification"], request["ResourceConfig"]
        checkpoints = request.get("CheckpointConfig") or {}
        output = request["OutputDataConfig"]
        return cls(
            image=algorithm["TrainingImage"],
            entrypoint=tuple(algorithm.get("ContainerEntrypoint") or ()),
            arguments=tuple(algorithm.get("ContainerArguments") or ()),
            environment=request.get("Environment") or {},
            hyperparameters=request.get("HyperParameters") or {},
            channels=tuple(
                _channel(item, algorithm["TrainingInputMode"]) for item in request.get("InputDataConfig") or ()
            ),
            metric_definitions=tuple(algorithm.get("MetricDefinitions") or ()),
            instance_type=resources["InstanceType"],
            hosts=tuple(sorted(f"algo-{number}" for number in range(1, resources["InstanceCount"] + 1))),
            output=place(output["S3OutputPath"]).below(request["TrainingJobName"], "output"),
            compressed=output.get("CompressionType", "GZIP") != "NONE",
            checkpoints=place(checkpoints["S3Uri"]) if checkpoints else None,
            checkpoint_path=checkpoints.get("LocalPath") or CHECKPOINTS,
            max_runtime=stopping(request)["MaxRuntimeInSeconds"],
            isolated=bool(request.get("EnableNetworkIsolation")),
            attempts=(request.get("RetryStrategy") or {}).get("MaximumRetryAttempts", 0) + 1,
        )

    @property
    def model_uri(self) -> str:
        """Where the model artifacts go; a prefix with a trailing slash when they are not compressed."""
        return self.output.below("model.tar.gz").uri if self.compressed else f"{self.output.below('model').uri}/"

    def host_config(self, host: str) -> dict[str, Any]:
        """The resourceconfig.json of one host."""
        group = {"instance_group_name": GROUP, "instance_type": self.instance_type, "hosts": list(self.hosts)}
        return {
            "current_host": host,
            "current_instance_type": self.instance_type,
            "current_group_name": GROUP,
            "hosts": list(self.hosts),
            "instance_groups": [group],
            "network_interface_name": "eth0",
        }


GROUP = "homogeneousCluster"


def stopping(request: Mapping[str, Any]) -> dict[str, Any]:
    """The stopping condition with SageMaker's default of one day."""
    return {"MaxRuntimeInSeconds": DAY, **(request.get("StoppingCondition") or {})}


def place(uri: str) -> Location:
    """Bucket and key of an S3 URI of the request."""
    found = objects.location(uri)
    if found is None:
        raise invalid(f'The S3 URL "{uri}" is not of the form s3://bucket/key.')
    return found


def _channel(request: Mapping[str, Any], mode: str) -> Channel:
    return Channel(
        name=request["ChannelName"],
        source=Source.of(request["DataSource"]["S3DataSource"]),
        mode=request.get("InputMode") or mode,
        content_type=request.get("ContentType", ""),
    )
