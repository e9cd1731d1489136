"""What tests of the local SageMaker share: one server with docker for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.local_service import serving
from tests.support.sagemaker import SageMaker

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SageMaker]:
    """A local SageMaker with an image whose code comes with each request."""
    with serving(tmp_path_factory.mktemp("sagemaker") / "state", "docker") as service:
        yield SageMaker.of(service)
