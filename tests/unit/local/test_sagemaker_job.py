"""Pieces of jobs that need no container: metrics, log lines, history, reasons of failure, names of channel files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from shapemaker_action.local.sagemaker import images, logs, metrics, transitions
from shapemaker_action.local.sagemaker.channel import relative
from shapemaker_action.local.sagemaker.failure import OUT_OF_MEMORY, of_exit
from shapemaker_action.local.sagemaker.hosts import UNKNOWN, Exit
from shapemaker_action.local.sagemaker.objects import Location, location
from shapemaker_action.local.sagemaker.store import Record
from shapemaker_action.local.sagemaker.training_spec import TrainingSpec

if TYPE_CHECKING:
    from pathlib import Path


def test_metrics_are_the_numbers_of_first_groups() -> None:
    patterns = metrics.Patterns(
        [
            {"Name": "loss", "Regex": "loss=([0-9.e+-]+)"},
            {"Name": "whole", "Regex": "[0-9]+$"},
            {"Name": "optional", "Regex": "(?:x=([0-9]+))?loss"},
        ]
    )
    found = list(patterns.read("loss=1.5 loss=2e-3 loss=e", 7.0))
    assert [(each.name, each.value, each.moment) for each in found] == [("loss", 1.5, 7.0), ("loss", 0.002, 7.0)]
    assert [each.value for each in patterns.read("step 12", 7.0)] == [12.0]


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "one", ""])
def test_what_is_no_finite_number_is_no_metric(text: str) -> None:
    assert list(metrics.Patterns([{"Name": "m", "Regex": "m=(.*)"}]).read(f"m={text}", 0.0)) == []


def test_a_regular_expression_that_does_not_compile_is_named() -> None:
    assert metrics.broken([{"Name": "a", "Regex": "a"}, {"Name": "b", "Regex": "(b"}]) == "(b"
    assert metrics.broken([{"Name": "a", "Regex": "a"}]) == ""


def test_a_log_line_fits_one_event_and_is_text() -> None:
    assert logs.cut("plain") == "plain"
    assert len(logs.cut("ä" * 300_000).encode()) <= logs.EVENT_LIMIT - logs.OVERHEAD
    assert logs.cut("bad \udcff end") == "bad ? end"


@pytest.mark.parametrize(
    ("key", "prefix", "expected"),
    [
        ("data/x/a.csv", "data/x", "a.csv"),
        ("data/x/a.csv", "data/x/", "a.csv"),
        ("data/x/deep/a.csv", "data/x", "deep/a.csv"),
        ("data/x-old.csv", "data/x", "x-old.csv"),
        ("data/x", "data/x", "x"),
        ("x-old.csv", "x", "x-old.csv"),
        ("data/a.csv", "", "data/a.csv"),
        ("data/x/", "data/x/", ""),
    ],
)
def test_a_file_is_named_by_what_follows_the_prefix(key: str, prefix: str, expected: str) -> None:
    assert relative(key, prefix) == expected


def test_locations_have_one_slash_between_their_parts() -> None:
    assert location("s3://bucket/some/key") == Location("bucket", "some/key")
    assert location("s3://bucket") == Location("bucket", "")
    assert location("https://bucket/key") is None
    assert location("/some/path") is None
    for base in ("s3://bucket/out", "s3://bucket/out/"):
        place = location(base)
        assert place is not None
        assert place.below("job", "output").uri == "s3://bucket/out/job/output"
    assert Location("bucket", "").below("job").uri == "s3://bucket/job"


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        ("127.0.0.1:5000/a/b:tag", "127.0.0.1:5000/a/b"),
        ("127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b"),
        ("127.0.0.1:5000/a/b@sha256:00", "127.0.0.1:5000/a/b"),
        ("127.0.0.1:5000/a/b:tag@sha256:00", "127.0.0.1:5000/a/b"),
    ],
)
def test_the_repository_of_an_image_keeps_its_port(image: str, repository: str) -> None:
    assert images.repository(image) == repository


def ended(code: int, *, out_of_memory: bool = False) -> Exit:
    return Exit(host="algo-1", code=code, out_of_memory=out_of_memory)


def test_reasons_of_failure(tmp_path: Path) -> None:
    file = tmp_path / "failure"
    assert of_exit(ended(1), file) == "AlgorithmError: , exit code: 1"
    file.write_text("no data\n")
    assert of_exit(ended(2), file) == "AlgorithmError: no data, exit code: 2"
    file.write_bytes(b"\xff" * 5000)
    assert len(of_exit(ended(1), file)) == 1024
    assert of_exit(ended(137), file) == OUT_OF_MEMORY
    assert of_exit(ended(1, out_of_memory=True), file) == OUT_OF_MEMORY
    assert of_exit(ended(UNKNOWN), file).startswith("InternalServerError")


def test_a_history_has_no_gaps_and_ends() -> None:
    record = Record(kind="training-job", region="r", name="n", arn="a", created=0, modified=0, request={})
    transitions.enter(record, "Starting", 1.0)
    transitions.enter(record, "Starting", 1.5, "still")
    record.state["started"] = 2.0
    transitions.enter(record, "Training", 2.0)
    transitions.end(record, "Failed", "Failed", 2.1, "x" * 2000)
    assert [(each["Status"], each["StartTime"], each["EndTime"]) for each in record.state["transitions"]] == [
        ("Starting", 1.0, 2.0),
        ("Training", 2.0, 2.1),
        ("Failed", 2.1, 2.1),
    ]
    assert record.state["transitions"][0]["StatusMessage"] == "still"
    assert record.state["failure"] == "x" * 1024
    assert (record.status, record.state["seconds"]) == ("Failed", 1)


def request(**changes: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": "job",
        "AlgorithmSpecification": {"TrainingImage": "i", "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **changes,
    }


# 50, 67
def test_a_request_is_read_once() -> None:
    spec = TrainingSpec.of(request())
    assert spec.model_uri == "s3://bucket/job/output/model.tar.gz"
    assert spec.command == ("train",)
    assert spec.max_runtime == 86_400
    assert spec.attempts == 1
    many = TrainingSpec.of(request(ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 11}))
    assert many.hosts[:4] == ("algo-1", "algo-10", "algo-11", "algo-2")
    plain = TrainingSpec.of(request(OutputDataConfig={"S3OutputPath": "s3://bucket/a", "CompressionType": "NONE"}))
    assert plain.model_uri == "s3://bucket/a/job/output/model/"


# 68
def test_fast_file_looks_like_file_to_the_container() -> None:
    source = {"S3DataSource": {"S3Uri": "s3://b/x", "S3DataType": "S3Prefix"}}
    channels = [{"ChannelName": name, "DataSource": source, "InputMode": name} for name in ("File", "FastFile", "Pipe")]
    spec = TrainingSpec.of(request(InputDataConfig=channels))
    assert [each.config()["TrainingInputMode"] for each in spec.channels] == ["File", "File", "Pipe"]
