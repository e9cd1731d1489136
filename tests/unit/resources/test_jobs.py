"""Jobs against scripted answers: names by content, patience, and what their ends mean."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from shapemaker_action.aws.session import AwsCallError
from shapemaker_action.aws.wait import Clock
from shapemaker_action.errors import Cancelled, CapacityError, ForeignError
from shapemaker_action.resources import job, processing_job, training_job
from shapemaker_action.resources.model import Model, Source, wanted
from shapemaker_action.resources.place import Place
from shapemaker_action.resources.processing_job import Candidate, ProcessingJob
from shapemaker_action.resources.request import after_creation
from shapemaker_action.resources.training_job import TrainingJob
from tests.unit.resources.scripted import ACCOUNT, MISSING, Scripted, context

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROXY = {"authorizationData": [{"proxyEndpoint": "https://registry.example"}]}
ARN = {"TrainingJobArn": "arn", "ProcessingJobArn": "arn"}
NONE_YET = {"DescribeTrainingJob": MISSING, "DescribeProcessingJob": MISSING, "GetAuthorizationToken": PROXY}
UNSEEN = AwsCallError("sagemaker", "CreateEndpointConfig", "ValidationException", 'Could not find model "m".', 400)


def trained(folder: Path, *sets: str, more: str = "", image: str = "registry.example/r:t") -> TrainingJob:
    there = context(folder, Scripted(NONE_YET), *sets, more=more)
    return training_job.wanted(there, Place(there), image, [])


def evaluated(folder: Path, image: str, *sets: str) -> ProcessingJob:
    there = context(folder, Scripted(NONE_YET), *sets)
    candidate = Candidate(training_job="t", model_data="s3://b/model.tar.gz", image_uri=image)
    return processing_job.wanted(there, Place(there), candidate, [])


def described(word: str, status: str, **more: object) -> dict[str, Any]:
    return {f"{word}Status": status, f"{word}Arn": "arn", **more}


def test_a_job_is_named_by_the_image_not_by_its_registry_or_the_role(tmp_path: Path) -> None:
    name = trained(tmp_path).name
    assert name == trained(tmp_path, "aws.role=arn:aws:iam::111122223333:role/other").name
    assert name != trained(tmp_path, image="registry.example/r:u").name
    assert name != trained(tmp_path, "train.checkpoints=true").name


def test_of_serving_only_the_accelerator_trains_anew(tmp_path: Path) -> None:
    plain = trained(tmp_path)
    assert trained(tmp_path, "serve.batch_rows=1", "serve.workers=3", "serve.accelerate=none").name == plain.name
    quick = trained(tmp_path, "serve.accelerate=builtin")
    assert quick.name != plain.name
    assert quick.request["Environment"] == {"SHAPEMAKER_ACCELERATE": "builtin"}


def test_a_setting_of_serving_makes_another_model_and_a_default_that_is_written_out_none(tmp_path: Path) -> None:
    def model(*sets: str) -> Model:
        there = context(tmp_path, Scripted(NONE_YET), *sets)
        return wanted(there, Place(there), Source(image_uri="registry.example/r:t", model_data="s3://b/model.tar.gz"))

    assert model("serve.batch_rows=512", "serve.timeout=60", "serve.accelerate=none").name == model().name
    assert len({model(each).name for each in ("serve.batch_rows=1", "serve.log=all", "serve.timeout=59")}) == 3


def test_an_evaluation_is_named_by_the_whole_of_its_request(tmp_path: Path) -> None:
    name = evaluated(tmp_path, "registry.example/r:t").name
    assert name == evaluated(tmp_path, "registry.example/r:t").name
    assert name != evaluated(tmp_path, "registry.example/r:u").name
    api = 'evaluate.api={"CreateProcessingJob": {"AppSpecification": {"ContainerArguments": ["evaluate", "more"]}}}'
    assert name != evaluated(tmp_path, "registry.example/r:t", api).name


def test_uncompressed_model_data_are_a_prefix(tmp_path: Path) -> None:
    api = 'train.api={"CreateTrainingJob": {"OutputDataConfig": {"CompressionType": "NONE"}}}'
    plain, packed = trained(tmp_path, api), trained(tmp_path)
    assert plain.model_data.endswith(f"/{plain.name}/output/model/")
    assert packed.model_data.endswith(f"/{packed.name}/output/model.tar.gz")


@pytest.mark.parametrize(("reply", "there"), [({"Contents": [{"Key": "k"}]}, True), ({}, False)])
def test_a_prefix_exists_when_something_is_below_it(tmp_path: Path, reply: Mapping[str, Any], there: bool) -> None:  # noqa: FBT001
    aws = Scripted({"ListObjectsV2": reply})
    assert job.exists(context(tmp_path, aws), "s3://b/job/output/model/") is there
    assert aws.requests("ListObjectsV2") == [{"Bucket": "b", "Prefix": "job/output/model/", "MaxKeys": 1}]


def test_what_was_just_made_may_be_unseen_for_a_while(tmp_path: Path) -> None:
    aws = Scripted({"CreateEndpointConfig": [UNSEEN, UNSEEN, {"EndpointConfigArn": "arn"}]})
    there = context(tmp_path, aws)
    assert after_creation(there, lambda: aws.call("sagemaker", "CreateEndpointConfig"))["EndpointConfigArn"] == "arn"


def test_what_stays_unseen_for_a_minute_is_an_error(tmp_path: Path) -> None:
    aws = Scripted({"CreateEndpointConfig": UNSEEN})
    with pytest.raises(AwsCallError, match="Could not find model"):
        after_creation(context(tmp_path, aws), lambda: aws.call("sagemaker", "CreateEndpointConfig"))
    assert 10 < len(aws.asked) < 100


@pytest.mark.parametrize("wanted", [TrainingJob(name="j", owner="law"), ProcessingJob(name="j", owner="law")])
def test_a_job_is_deleted_only_when_it_is_gone(tmp_path: Path, wanted: job.Job) -> None:
    word = wanted.work.word
    states = [described(word, status) for status in ("InProgress", "Stopping", "Stopped", "Deleting", "Deleting")]
    aws = Scripted({f"Describe{word}": [*states, MISSING]})
    wanted.delete(context(tmp_path, aws))
    asked = [name.removeprefix("sagemaker ") for name, _ in aws.asked]
    assert [name for name in asked if not name.startswith("Describe")] == [f"Stop{word}", f"Delete{word}"]
    assert asked.count(f"Describe{word}") == 6


def test_a_job_that_is_deleted_meanwhile_is_told_as_that(tmp_path: Path) -> None:
    states = [described("TrainingJob", "Deleting"), MISSING]
    there = context(tmp_path, Scripted({"DescribeTrainingJob": states}))
    with pytest.raises(ForeignError, match="'j' was deleted while it was waited for"):
        job.wait(there, job.TRAINING, "j", 100)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("CapacityError: Unable to provision requested ML compute capacity.", "got no instances"),
        ("InternalServerError: We encountered an internal error.", "met a fault of SageMaker"),
    ],
)
def test_a_fault_of_sagemaker_is_no_lack_of_instances(tmp_path: Path, reason: str, told: str) -> None:
    reply = described("TrainingJob", "Failed", FailureReason=reason)
    with pytest.raises(CapacityError, match=told):
        job.demand_completed(context(tmp_path, Scripted({})), job.TRAINING, "j", reply)


def cancelled_while_waiting(folder: Path, script: Mapping[str, Any], on_cancel: str) -> tuple[Cancelled, Scripted]:
    def interrupted(_: float) -> NoReturn:
        raise Cancelled(15)

    aws = Scripted({"DescribeTrainingJob": described("TrainingJob", "InProgress"), **script})
    there = context(folder, aws)
    switches = replace(there.switches, on_cancel=on_cancel)
    there = replace(there, clock=Clock(now=lambda: 0.0, sleep=interrupted), switches=switches)
    with pytest.raises(Cancelled) as caught:
        TrainingJob(name="law-train-1", owner="law", limit=60).create(there)
    return caught.value, aws


def test_a_job_that_is_waited_for_is_left_alone(tmp_path: Path) -> None:
    cancelled, aws = cancelled_while_waiting(tmp_path, {}, "leave")
    assert cancelled.state == ""
    assert aws.requests("StopTrainingJob") == []


def test_a_job_that_is_waited_for_is_stopped_when_that_is_wanted(tmp_path: Path) -> None:
    cancelled, aws = cancelled_while_waiting(tmp_path, {}, "stop")
    assert cancelled.state == "training job 'law-train-1' will stop; the next run begins another"
    assert aws.requests("StopTrainingJob") == [{"TrainingJobName": "law-train-1"}]
    (mark,) = aws.requests("AddTags")
    assert mark["ResourceArn"] == f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:training-job/law-train-1"


@pytest.mark.parametrize(
    ("operation", "told"),
    [("StopTrainingJob", "will go on as it was"), ("AddTags", "will stop; another run needs --retry")],
)
def test_a_job_that_cannot_be_stopped_is_told_as_it_is(tmp_path: Path, operation: str, told: str) -> None:
    denied = AwsCallError("sagemaker", operation, "AccessDenied", "no", 403)
    cancelled, _ = cancelled_while_waiting(tmp_path, {operation: denied}, "stop")
    assert told in cancelled.state
    assert "AccessDenied" in cancelled.state


@pytest.mark.parametrize("status", ["Stopping", "Stopped"])
@pytest.mark.parametrize(("tags", "name"), [([{"Key": "shapemaker:cancelled", "Value": "true"}], "b-r2"), ([], "b")])
def test_what_a_signal_has_stopped_is_begun_anew(
    tmp_path: Path, status: str, tags: list[dict[str, str]], name: str
) -> None:
    answers = [described("TrainingJob", status), MISSING]
    there = context(tmp_path, Scripted({"DescribeTrainingJob": answers, "ListTags": {"Tags": tags}}))
    assert job.newest_attempt(there, job.TRAINING, "b", lambda _: "s3://b/k") == name
