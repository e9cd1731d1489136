"""The endpoint configuration: the user's fields over ours, and a name of its own for each endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapemaker_action.resources import endpoint_config
from tests.unit.resources.scripted import Scripted, context

if TYPE_CHECKING:
    from pathlib import Path

    from shapemaker_action.resources.endpoint_config import EndpointConfig


def wanted(folder: Path, *sets: str) -> EndpointConfig:
    return endpoint_config.wanted(context(folder, Scripted({}), *sets), "m")


def test_a_null_removes_our_field_of_the_variant(tmp_path: Path) -> None:
    field = "ContainerStartupHealthCheckTimeoutInSeconds"
    api = f'deploy.api={{"CreateEndpointConfig": {{"ProductionVariants": [{{"{field}": null, "VolumeSizeInGB": 9}}]}}}}'
    variants: Any = wanted(tmp_path, api).request["ProductionVariants"]
    assert field not in variants[0]
    assert variants[0]["VolumeSizeInGB"] == 9
    assert variants[0]["ModelName"] == "m"


def test_endpoints_never_share_a_configuration(tmp_path: Path) -> None:
    assert wanted(tmp_path).name == wanted(tmp_path).name
    assert wanted(tmp_path).name != wanted(tmp_path, "deploy.endpoint=law-b").name
