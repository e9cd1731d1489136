"""Consumer repositories for whole lifecycles."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from tests.support.consumer import MEAN, Consumer, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

numbers = itertools.count(1)


@pytest.fixture(scope="session")
def shared_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One local SageMaker for the tests of a process: projects are what keeps them apart, as in an account."""
    state = tmp_path_factory.mktemp("shared")
    yield state
    Consumer(folder=state, state=state).close()


@pytest.fixture
def mean(tmp_path: Path, shared_state: Path) -> Consumer:
    """A fresh repository under a project name of its own, on the process engine."""
    name = f"mean{next(numbers)}"
    files = {**MEAN, "shapemaker.yml": MEAN["shapemaker.yml"].replace("NAME", name)}
    return Consumer(folder=write(tmp_path / "mean", files), state=shared_state, name=name)
