"""The build contexts that the unit tests of this room begin with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support import repository

if TYPE_CHECKING:
    from pathlib import Path

    from shapemaker_action.containers.context import ContextRequest


@pytest.fixture
def training(tmp_path: Path) -> ContextRequest:
    repository.make(tmp_path)
    return repository.request(tmp_path)


@pytest.fixture
def inference(training: ContextRequest) -> ContextRequest:
    return replace(training, target="inference")
