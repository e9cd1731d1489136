"""A processing job's request, read once: what its hosts are given and where its results go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shapemaker_action.local.sagemaker.channel import Source
from shapemaker_action.local.sagemaker.training_spec import place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.local.sagemaker.objects import Location

DAY = 86_400


@dataclass(frozen=True, kw_only=True)
class Input:
    """Data that is brought to `path` in the container before it starts."""

    name: str
    source: Source
    path: str


@dataclass(frozen=True, kw_only=True)
class Output:
    """A directory in the container that is uploaded in the end."""

    name: str
    target: Location
    path: str


@dataclass(frozen=True, kw_only=True)
class ProcessingSpec:
    """The parts of CreateProcessingJob that a run acts on. Times in seconds."""

    image: str
    entrypoint: tuple[str, ...]
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    hosts: tuple[str, ...]
    max_runtime: float
    isolated: bool

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> ProcessingSpec:
        """From a request that has passed `processing.check`."""
        application = request["AppSpecification"]
        count = request["ProcessingResources"]["ClusterConfig"]["InstanceCount"]
        outputs = (request.get("ProcessingOutputConfig") or {}).get("Outputs") or ()
        return cls(
            image=application["ImageUri"],
            entrypoint=tuple(application.get("ContainerEntrypoint") or ()),
            arguments=tuple(application.get("ContainerArguments") or ()),
            environment=request.get("Environment") or {},
            inputs=tuple(
                Input(name=item["InputName"], source=Source.of(item["S3Input"]), path=item["S3Input"]["LocalPath"])
                for item in request.get("ProcessingInputs") or ()
            ),
            outputs=tuple(
                Output(
                    name=item["OutputName"],
                    target=place(item["S3Output"]["S3Uri"]),
                    path=item["S3Output"]["LocalPath"],
                )
                for item in outputs
            ),
            hosts=tuple(sorted(f"algo-{number}" for number in range(1, count + 1))),
            max_runtime=stopping(request)["MaxRuntimeInSeconds"],
            isolated=bool((request.get("NetworkConfig") or {}).get("EnableNetworkIsolation")),
        )


def stopping(request: Mapping[str, Any]) -> dict[str, Any]:
    """The stopping condition with SageMaker's default of one day."""
    return {"MaxRuntimeInSeconds": DAY, **(request.get("StoppingCondition") or {})}
