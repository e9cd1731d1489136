"""What contract tests share: one local SageMaker with docker, and the law of container engines."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from tests.support.law import law, law_registry
from tests.support.local_service import serving
from tests.support.sagemaker import SageMaker

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["law", "law_registry", "local"]
NEEDS = {"law_registry": "docker-registry", "local": "docker"}
"""What the fixtures that many modules share start."""


def pytest_itemcollected(item: pytest.Item) -> None:
    for name in NEEDS.keys() & set(getattr(item, "fixturenames", ())):
        item.add_marker(pytest.mark.needs(NEEDS[name]))


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SageMaker]:
    """A local SageMaker with an image whose code comes with each request."""
    with serving(tmp_path_factory.mktemp("sagemaker") / "state", "docker") as service:
        yield SageMaker.of(service)


@pytest.fixture(autouse=True)
def _few_containers(request: pytest.FixtureRequest) -> Iterator[None]:
    """Delete the endpoints that a test leaves, so that the next ones have the machine to themselves."""
    if "local" not in request.fixturenames:
        yield
        return
    local: SageMaker = request.getfixturevalue("local")
    before = local.endpoints()
    yield
    for name in local.endpoints() - before:
        with suppress(ClientError):
            local.delete_endpoint(EndpointName=name)
