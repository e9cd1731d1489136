"""Consumer repositories for whole lifecycles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.consumer import MEAN, Consumer, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def mean(tmp_path: Path) -> Iterator[Consumer]:
    """A fresh repository with an empty local SageMaker, on the process engine."""
    made = Consumer(folder=write(tmp_path / "mean", MEAN), state=tmp_path / "state")
    yield made
    made.close()
