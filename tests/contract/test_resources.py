"""One law for every resource: absent, created, read back equal, created again without harm, deleted, absent."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from shapemaker_action.arguments import from_argv
from shapemaker_action.cli import build_context
from shapemaker_action.plan import Action, compare
from shapemaker_action.report.text import TextReporter
from shapemaker_action.resources import model
from shapemaker_action.resources.channel import ChannelData
from shapemaker_action.resources.image import Image
from shapemaker_action.resources.processing_job import ProcessingJob
from shapemaker_action.stages.wants import Wants
from tests.support.consumer import MEAN, Consumer, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shapemaker_action.context import Context
    from shapemaker_action.plan import Resource

GO_WITH_ANOTHER = (ChannelData, Image, ProcessingJob)
"""Data go with their bucket, images with their repository; SageMaker keeps the records of processing jobs."""


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    files = {**MEAN, "shapemaker.yml": MEAN["shapemaker.yml"].replace("NAME", "law")}
    consumer = Consumer(folder=write(tmp_path / "law", files), state=tmp_path / "state", name="law")
    monkeypatch.setenv("SHAPEMAKER_HOME", str(consumer.state))
    argv = ["plan", "--target", "local", "--engine", "process", "--directory", str(consumer.folder)]
    yield build_context(from_argv(argv, os.environ, "shapemaker"), TextReporter())
    consumer.close()


def everything(context: Context) -> list[Resource]:
    wants = Wants(context)
    source = model.Source(
        image_uri=wants.inference_image.uri,
        model_data=wants.candidate.model_data,
        training_job=wants.candidate.training_job,
    )
    made = [wants.provision(), wants.images(), wants.training(), wants.evaluation(wants.candidate)]
    return [resource for group in [*made, wants.serving(source)] for resource in group]


def test_every_resource_obeys_the_law(context: Context) -> None:
    desired = everything(context)
    kinds = [resource.kind for resource in desired]
    assert len(set(kinds)) == 10, kinds
    for resource in desired:
        assert resource.read(context) is None, resource
        assert compare(resource, None).action is Action.CREATE
        resource.create(context)
        observed = resource.read(context)
        assert compare(resource, observed).action is Action.NOOP, (resource, observed)
        assert observed is not None
        assert observed.owner == "law"
    for resource in desired:
        if not isinstance(resource, Image):
            resource.create(context)
        assert compare(resource, resource.read(context)).action is Action.NOOP, resource
    for resource in reversed(desired):
        resource.delete(context)
        resource.delete(context)
    for resource in desired:
        if not isinstance(resource, GO_WITH_ANOTHER):
            assert resource.read(context) is None, resource
