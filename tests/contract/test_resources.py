"""One law for every resource: absent, created, read back equal, created again without harm, deleted, absent."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from shapemaker_action.arguments import from_argv
from shapemaker_action.aws.session import Aws
from shapemaker_action.cli import build_context
from shapemaker_action.errors import InvalidInputError, NotOwnedError
from shapemaker_action.plan import Action, compare
from shapemaker_action.report.text import TextReporter
from shapemaker_action.resources import model
from shapemaker_action.resources.channel import ChannelData
from shapemaker_action.resources.image import Image
from shapemaker_action.stages.wants import Wants
from tests.support.consumer import MEAN, Consumer, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shapemaker_action.context import Context
    from shapemaker_action.plan import Resource

GO_WITH_ANOTHER = (ChannelData, Image)
"""Data go with their bucket, images with their repository."""


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


def create_bucket(aws: Aws, name: str) -> None:
    configuration = {"LocationConstraint": aws.region}
    aws.call("s3", "CreateBucket", {"Bucket": name, "CreateBucketConfiguration": configuration})


def test_what_a_kill_left_of_a_bucket_is_adopted_and_hardened(context: Context) -> None:
    bucket = Wants(context).provision()[0]
    create_bucket(context.aws, bucket.name)
    somebodys = {"Bucket": bucket.name, "Key": "somebody's"}
    context.aws.call("s3", "PutObject", {**somebodys, "Body": b"data"})
    with pytest.raises(NotOwnedError):
        compare(bucket, bucket.read(context))
    context.aws.call("s3", "DeleteObject", somebodys)
    observed = bucket.read(context)
    assert compare(bucket, observed).action is Action.UPDATE
    assert observed
    bucket.update(context, observed)
    assert compare(bucket, bucket.read(context)).action is Action.NOOP


def test_rules_and_statements_of_others_outlive_an_update(context: Context) -> None:
    bucket = Wants(context).provision()[0]
    bucket.create(context)
    name = {"Bucket": bucket.name}
    rule = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 9}}
    context.aws.call("s3", "PutBucketLifecycleConfiguration", {**name, "LifecycleConfiguration": {"Rules": [rule]}})
    observed = bucket.read(context)
    assert [each.field for each in compare(bucket, observed).differences] == ["abandoned_uploads"]
    assert observed
    bucket.update(context, observed)
    rules = context.aws.call("s3", "GetBucketLifecycleConfiguration", name)["Rules"]
    assert [each["ID"] for each in rules] == ["old", "abandoned-uploads"]
    assert compare(bucket, bucket.read(context)).action is Action.NOOP


def test_a_bucket_of_another_region_is_refused(context: Context) -> None:
    bucket = Wants(context).provision()[0]
    create_bucket(Aws(replace(context.aws.target, region="eu-central-1")), bucket.name)
    with pytest.raises(InvalidInputError, match=r"is in eu-central-1, but aws\.region is eu-west-1"):
        bucket.read(context)


def test_channel_data_are_neither_less_nor_more_than_their_name_says(context: Context) -> None:
    wants = Wants(context)
    wants.provision()[0].create(context)
    data = wants.training()[0]
    assert isinstance(data, ChannelData)
    data.create(context)
    for key in ("stray.csv", "deep/stray.csv"):
        context.aws.call("s3", "PutObject", {"Bucket": data.bucket, "Key": data.name + key, "Body": b"1"})
    context.aws.call("s3", "DeleteObject", {"Bucket": data.bucket, "Key": f"{data.name}values.csv"})
    observed = data.read(context)
    assert compare(data, observed).action is Action.UPDATE
    assert observed
    data.update(context, observed)
    assert compare(data, data.read(context)).action is Action.NOOP


def test_an_image_whose_files_change_while_it_is_built_is_not_pushed(context: Context) -> None:
    wants = Wants(context)
    next(each for each in wants.provision() if each.kind == "repository").create(context)
    image = wants.training_image
    model_file = context.root / "meanpkg" / "model.py"
    model_file.write_text(model_file.read_text() + "\n# edited\n")
    with pytest.raises(InvalidInputError, match="changed while image"):
        image.create(context)
    assert image.read(context) is None
