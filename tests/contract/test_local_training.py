"""What a training job is asked for and given, in real containers; the numbers are those of the conformance list."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import probe_image
from tests.support.probe import (
    result,
    save,
)
from tests.support.sagemaker import BUCKET, SageMaker, refusal, s3_channel


# 40, 106
@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("my_job", "Member must satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"),
        ("-job", "Member must satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"),
        ("j" * 64, "Member must have length less than or equal to 63"),
    ],
)
def test_a_wrong_name_is_refused_in_the_services_words(local: SageMaker, name: str, rule: str) -> None:
    code, message = refusal(local.create_training_job, **local.training(TrainingJobName=name))
    assert code == "ValidationException"
    assert message.startswith(("1 validation error detected: Value", "2 validation errors detected: Value"))
    assert f"Value '{name}' at 'trainingJobName' failed to satisfy constraint: {rule}" in message


# 41
def test_what_the_service_model_leaves_optional_is_demanded(local: SageMaker) -> None:
    request = local.training()
    del request["AlgorithmSpecification"], request["ResourceConfig"]
    assert refusal(local.create_training_job, **request) == (
        "ValidationException",
        (
            "2 validation errors detected: "
            "Value null at 'algorithmSpecification' failed to satisfy constraint: Member must not be null; "
            "Value null at 'resourceConfig' failed to satisfy constraint: Member must not be null"
        ),
    )
    both = local.training(algorithm={"AlgorithmName": "algorithm"})
    neither = local.training(algorithm={"TrainingImage": ""})
    for wrong in (both, neither):
        code, message = refusal(local.create_training_job, **wrong)
        assert code == "ValidationException"
        assert "either TrainingImage or AlgorithmName" in message


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("VpcConfig", {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}),
        ("EnableInterContainerTrafficEncryption", True),
        ("TensorBoardOutputConfig", {"S3OutputPath": "s3://bucket/board"}),
    ],
)
def test_what_is_not_honoured_is_refused_by_name(local: SageMaker, field: str, value: Any) -> None:
    code, message = refusal(local.create_training_job, **local.training(**{field: value}))
    assert code == "ValidationException"
    assert field in message
    assert "CreateTrainingJob" in message


def test_a_nested_field_that_is_not_honoured_is_refused_by_its_path(local: SageMaker) -> None:
    uri = local.put("nested/a")
    compressed = local.training(InputDataConfig=[s3_channel("train", uri, CompressionType="Gzip")])
    assert "InputDataConfig.CompressionType=Gzip" in refusal(local.create_training_job, **compressed)[1]
    request = local.training()
    request["ResourceConfig"]["KeepAlivePeriodInSeconds"] = 60
    assert "ResourceConfig.KeepAlivePeriodInSeconds" in refusal(local.create_training_job, **request)[1]


# 42
def test_a_name_is_used_once(local: SageMaker) -> None:
    job = local.trained()
    arn = job["TrainingJobArn"]
    assert arn == local.arn("training-job", job["TrainingJobName"])
    again = local.training(TrainingJobName=job["TrainingJobName"].upper())
    assert refusal(local.create_training_job, **again) == (
        "ResourceInUse",
        (
            "Training job names must be unique within an AWS account and region, and a training job with this name "
            f"already exists ({arn})"
        ),
    )


# 43
def test_an_unknown_job_is_not_found(local: SageMaker) -> None:
    for call in (local.describe_training_job, local.stop_training_job, local.delete_training_job):
        assert refusal(call, TrainingJobName="nowhere") == ("ValidationException", "Requested resource not found.")


# 44
def test_the_image_is_started_with_train_unless_the_request_says_otherwise(local: SageMaker) -> None:
    arguments = save("sys.argv")
    assert result(local, local.trained(arguments)) == ["/usr/local/bin/train"]
    entrypoint = {"ContainerEntrypoint": ["python3", "/usr/local/bin/train"]}
    assert result(local, local.trained(arguments, algorithm=entrypoint)) == ["/usr/local/bin/train"]
    both = {**entrypoint, "ContainerArguments": ["one", "two"]}
    assert result(local, local.trained(arguments, algorithm=both)) == ["/usr/local/bin/train", "one", "two"]
    replaced = {"ContainerArguments": ["train", "--fast"]}
    assert result(local, local.trained(arguments, algorithm=replaced)) == ["/usr/local/bin/train", "--fast"]


# 45, 46
def test_a_container_finds_its_configuration_and_its_name(local: SageMaker) -> None:
    uri = local.put("configuration/a.csv")
    name = local.name()
    found = result(
        local,
        local.trained(
            save(
                "[config('hyperparameters'), config('inputdataconfig'), config('resourceconfig'), dict(os.environ), "
                "sorted(str(p) for p in ML.rglob('*') if p.is_dir())]"
            ),
            TrainingJobName=name,
            hyperparameters={"epochs": "3", "eta": "0.1"},
            InputDataConfig=[s3_channel("train", uri, ContentType="text/csv"), s3_channel("plain", uri)],
            Environment={"COLOUR": "blue"},
        ),
    )
    hyperparameters, inputs, resources, environment, directories = found
    assert {key: value for key, value in hyperparameters.items() if key != "code"} == {"epochs": "3", "eta": "0.1"}
    common = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
    assert inputs == {"train": {"ContentType": "text/csv", **common}, "plain": common}
    assert resources == {
        "current_host": "algo-1",
        "current_instance_type": "ml.m5.large",
        "current_group_name": "homogeneousCluster",
        "hosts": ["algo-1"],
        "instance_groups": [
            {"instance_group_name": "homogeneousCluster", "instance_type": "ml.m5.large", "hosts": ["algo-1"]}
        ],
        "network_interface_name": "eth0",
    }
    assert environment["TRAINING_JOB_NAME"] == name
    assert environment["TRAINING_JOB_ARN"] == local.arn("training-job", name)
    assert environment["COLOUR"] == "blue"
    assert environment["AWS_REGION"] == "eu-west-1"
    assert not [key for key in environment if key.startswith("SM_") or "SECRET" in key]
    assert directories == [
        f"/opt/ml/{path}"
        for path in (
            "input", "input/config", "input/data", "input/data/plain", "input/data/train", "model", "output",
            "output/data",
        )
    ]  # fmt: skip


# 62
def test_spot_limits_are_checked(local: SageMaker) -> None:
    def message(**limits: int) -> str:
        request = local.training(EnableManagedSpotTraining="MaxRuntimeInSeconds" in limits, StoppingCondition=limits)
        return refusal(local.create_training_job, **request)[1]

    assert message(MaxRuntimeInSeconds=10, MaxWaitTimeInSeconds=5) == (
        "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
    )
    assert "must be present" in message(MaxRuntimeInSeconds=10)
    assert message(MaxWaitTimeInSeconds=5) == (
        "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to true"
    )
    job = local.trained(
        EnableManagedSpotTraining=True, StoppingCondition={"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}
    )
    assert job["TrainingJobStatus"] == "Completed"
    assert job["EnableManagedSpotTraining"]


# 73
def test_a_role_that_sagemaker_cannot_assume_is_refused(local: SageMaker) -> None:
    missing = local.role.replace("execution", "nobody")
    foreign = probe_image.role(local.service, "lambda", "lambda.amazonaws.com")
    for arn in (missing, foreign):
        assert refusal(local.create_training_job, **local.training(RoleArn=arn)) == (
            "ValidationException",
            (
                f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
                "'sagemaker.amazonaws.com' to assume the role."
            ),
        )


# 66
def test_tags_are_merged_and_not_described(local: SageMaker) -> None:
    name = local.train(Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    arn = local.describe_training_job(TrainingJobName=name)["TrainingJobArn"]
    added = local.add_tags(ResourceArn=arn, Tags=[{"Key": "b", "Value": "3"}, {"Key": "c", "Value": ""}])
    everything = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "3"}, {"Key": "c", "Value": ""}]
    assert added["Tags"] == everything
    local.delete_tags(ResourceArn=arn, TagKeys=["a", "nothing"])
    assert local.list_tags(ResourceArn=arn)["Tags"] == everything[1:]
    assert "Tags" not in local.ended(name)
    twice = local.training(Tags=[{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}])
    assert refusal(local.create_training_job, **twice)[0] == "ValidationException"


# 110
def test_what_the_sdk_always_sends_is_accepted_and_echoed(local: SageMaker) -> None:
    always: dict[str, Any] = {
        "DebugHookConfig": {"S3OutputPath": f"s3://{BUCKET}/debug", "CollectionConfigurations": []},
        "ProfilerConfig": {"S3OutputPath": f"s3://{BUCKET}/profile", "DisableProfiler": False},
    }
    job = local.trained(**always)
    assert job["TrainingJobStatus"] == "Completed"
    assert job["DebugHookConfig"] == always["DebugHookConfig"]
    assert job["ProfilerConfig"] == always["ProfilerConfig"]


def test_a_deleted_job_frees_its_name(local: SageMaker) -> None:
    name = local.train("time.sleep(2)")
    assert refusal(local.delete_training_job, TrainingJobName=name)[0] == "ResourceInUse"
    local.ended(name)
    local.delete_training_job(TrainingJobName=name)
    assert local.trained(TrainingJobName=name)["TrainingJobStatus"] == "Completed"
