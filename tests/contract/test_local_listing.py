"""Listings and tags of the local SageMaker; the numbers are those of the conformance list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.sagemaker import refusal

if TYPE_CHECKING:
    from tests.support.sagemaker import SageMaker


@pytest.fixture(scope="session")  # names cannot be used twice, and the tests of a module may run in two stretches
def jobs(local: SageMaker) -> list[str]:
    """Three jobs that have completed and one that has failed, in the order of their creation."""
    names = [f"listed-{letter}" for letter in ("b", "a", "c")]
    for name in names:
        local.trained(TrainingJobName=name)
    local.trained("sys.exit(1)", TrainingJobName="listed-broken")
    return [*names, "listed-broken"]


def names(page: dict[str, Any]) -> list[str]:
    return [each["TrainingJobName"] for each in page["TrainingJobSummaries"]]


# 65
def test_the_newest_job_comes_first(local: SageMaker, jobs: list[str]) -> None:
    found = local.list_training_jobs(NameContains="listed-")
    assert names(found) == jobs[::-1]
    assert "NextToken" not in found
    newest = found["TrainingJobSummaries"][0]
    assert newest["TrainingJobStatus"] == "Failed"
    assert newest["TrainingJobArn"] == local.arn("training-job", "listed-broken")
    assert newest["CreationTime"] <= newest["TrainingEndTime"]


# 65
def test_jobs_are_sorted_as_asked(local: SageMaker, jobs: list[str]) -> None:
    def listed(**how: str) -> list[str]:
        return names(local.list_training_jobs(NameContains="listed-", **how))

    assert listed(SortOrder="Ascending") == jobs
    assert listed(SortBy="Name", SortOrder="Ascending") == sorted(jobs)
    assert listed(SortBy="Name", SortOrder="Descending") == sorted(jobs, reverse=True)
    assert listed(SortBy="Status", SortOrder="Descending")[0] == "listed-broken"


# 65
def test_jobs_are_filtered_by_status_and_time(local: SageMaker, jobs: list[str]) -> None:
    assert names(local.list_training_jobs(NameContains="listed-", StatusEquals="Failed")) == ["listed-broken"]
    assert names(local.list_training_jobs(NameContains="LISTED")) == []
    middle = local.describe_training_job(TrainingJobName=jobs[1])
    after = local.list_training_jobs(NameContains="listed-", CreationTimeAfter=middle["CreationTime"])
    assert names(after) == jobs[:0:-1]
    before = local.list_training_jobs(NameContains="listed-", CreationTimeBefore=middle["CreationTime"])
    assert names(before) == jobs[1::-1]
    changed = local.list_training_jobs(NameContains="listed-", LastModifiedTimeAfter=middle["LastModifiedTime"])
    assert names(changed) == jobs[:0:-1]


# 65
def test_pages_follow_each_other_without_gap_or_repetition(local: SageMaker, jobs: list[str]) -> None:
    first = local.list_training_jobs(NameContains="listed-", MaxResults=3)
    assert names(first) == jobs[:0:-1]
    second = local.list_training_jobs(NameContains="listed-", MaxResults=3, NextToken=first["NextToken"])
    assert names(second) == jobs[:1]
    assert "NextToken" not in second
    pages = local.get_paginator("list_training_jobs").paginate(NameContains="listed-", PaginationConfig={"PageSize": 1})
    assert [name for page in pages for name in names(page)] == jobs[::-1]
    assert refusal(local.list_training_jobs, NextToken="made up")[0] == "ValidationException"
    assert refusal(local.list_training_jobs, MaxResults=101)[0] == "ValidationException"


def test_a_filter_that_is_not_honoured_is_refused(local: SageMaker) -> None:
    message = refusal(local.list_training_jobs, WarmPoolStatusEquals="InUse")[1]
    assert "WarmPoolStatusEquals of ListTrainingJobs" in message


def test_models_configurations_and_endpoints_are_listed(local: SageMaker) -> None:
    made = sorted(local.model() for _ in range(2))
    models = local.list_models(NameContains="model-", SortBy="Name", SortOrder="Ascending", MaxResults=100)["Models"]
    assert set(made) <= {each["ModelName"] for each in models}
    config = local.config(made[0])
    found = local.list_endpoint_configs(NameContains=config)["EndpointConfigs"]
    assert [each["EndpointConfigName"] for each in found] == [config]
    endpoint = local.endpoint(config)
    (listed,) = local.list_endpoints(NameContains=endpoint, StatusEquals="InService")["Endpoints"]
    assert listed["EndpointName"] == endpoint
    assert listed["EndpointArn"] == local.arn("endpoint", endpoint)
    assert local.list_endpoints(NameContains=endpoint, StatusEquals="Failed")["Endpoints"] == []
    local.delete_endpoint(EndpointName=endpoint)


# 66
def test_tags_belong_to_every_kind_of_resource(local: SageMaker) -> None:
    tags = [{"Key": f"key-{number:02}", "Value": str(number)} for number in range(50)]
    name = local.name("tagged")
    container = {"Image": local.image}
    arn = local.create_model(ModelName=name, ExecutionRoleArn=local.role, PrimaryContainer=container, Tags=tags)[
        "ModelArn"
    ]
    assert local.list_tags(ResourceArn=arn)["Tags"] == tags
    assert refusal(local.add_tags, ResourceArn=arn, Tags=[{"Key": "more", "Value": ""}])[0] == "ValidationException"
    assert local.list_tags(ResourceArn=arn)["Tags"] == tags
    local.delete_tags(ResourceArn=arn, TagKeys=["key-00"])
    local.add_tags(ResourceArn=arn, Tags=[{"Key": "more", "Value": ""}])
    assert local.list_tags(ResourceArn=arn)["Tags"][-1] == {"Key": "more", "Value": ""}
    nowhere = local.arn("model", "nowhere")
    for call, request in (
        (local.add_tags, {"Tags": tags[:1]}),
        (local.list_tags, {}),
        (local.delete_tags, {"TagKeys": ["a"]}),
    ):
        assert refusal(call, ResourceArn=nowhere, **request)[0] == "ValidationException"


# 107
def test_operations_without_output_answer_with_an_empty_body(local: SageMaker) -> None:
    response = local.delete_model(ModelName=local.model())
    assert set(response) == {"ResponseMetadata"}
    assert response["ResponseMetadata"]["HTTPHeaders"]["content-length"] == "0"
