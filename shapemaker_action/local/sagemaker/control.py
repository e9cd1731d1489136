"""The SageMaker control plane: which function answers which operation."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from shapemaker_action.local.sagemaker import (
    endpoint,
    endpoint_config,
    endpoint_view,
    model,
    processing,
    tags,
    training,
)
from shapemaker_action.local.sagemaker.endpoint_run import EndpointRun
from shapemaker_action.local.sagemaker.service import restart, service

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapemaker_action.local.wire import Call
    from shapemaker_action.local.world import World

OPERATIONS: dict[str, Callable[[World, Call], dict[str, Any]]] = {
    "AddTags": tags.add_tags,
    "CreateEndpoint": endpoint.create,
    "CreateEndpointConfig": endpoint_config.create,
    "CreateModel": model.create,
    "CreateProcessingJob": processing.create,
    "CreateTrainingJob": training.create,
    "DeleteEndpoint": endpoint.delete,
    "DeleteEndpointConfig": endpoint_config.delete,
    "DeleteModel": model.delete,
    "DeleteProcessingJob": processing.delete,
    "DeleteTags": tags.delete_tags,
    "DeleteTrainingJob": training.delete,
    "DescribeEndpoint": endpoint_view.describe,
    "DescribeEndpointConfig": endpoint_config.describe,
    "DescribeModel": model.describe,
    "DescribeProcessingJob": processing.describe,
    "DescribeTrainingJob": training.describe,
    "ListEndpointConfigs": endpoint_config.list_configs,
    "ListEndpoints": endpoint.list_endpoints,
    "ListModels": model.list_models,
    "ListProcessingJobs": processing.list_jobs,
    "ListTags": tags.list_tags,
    "ListTrainingJobs": training.list_jobs,
    "StopProcessingJob": processing.stop,
    "StopTrainingJob": training.stop,
    "UpdateEndpoint": endpoint.update,
    "UpdateEndpointWeightsAndCapacities": endpoint.resize,
}
"""Operation name to its handler, which returns the output (timestamps as epoch floats) or raises `ApiError`."""


def resume(world: World) -> None:
    """The server has just started: bring endpoints in service back, settle or re-attach jobs."""
    sagemaker = restart(world)
    for record in sagemaker.store.all("endpoint"):
        sagemaker.restored[record.key] = threading.Event()
        run = EndpointRun(sagemaker, record.key)
        world.start(f"restore {record.name}", partial(run.restore, record))
    training.resume(world)
    processing.resume(world)


def suspend(world: World) -> None:
    """The server is about to end: stop the containers of endpoints, keep their records; jobs go on without us."""
    sagemaker = service(world)
    sagemaker.closing.set()
    stops = [
        threading.Thread(target=fleet.close, name=f"stop {fleet.endpoint.name}")
        for fleet in tuple(sagemaker.fleets.values())
    ]
    for stop in stops:
        stop.start()
    for stop in stops:
        stop.join()
