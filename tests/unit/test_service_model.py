from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shapemaker_action import service_model
from shapemaker_action.service_model import ServiceModel, Violation, aws_message

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
ROLE = "arn:aws:iam::123456789012:role/service-role/sagemaker"


@pytest.fixture(scope="module")
def sagemaker() -> ServiceModel:
    return service_model.load("sagemaker")


def training_job(**members: object) -> dict[str, object]:
    request: dict[str, object] = {
        "TrainingJobName": "salary-train-0123456789ab",
        "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": "s3://bucket/salary"},
    }
    return request | members


def summary(violations: list[Violation]) -> list[tuple[tuple[str | int, ...], str]]:
    return [(violation.path, violation.kind) for violation in violations]


def test_a_complete_request_has_no_violation(sagemaker: ServiceModel) -> None:
    request = training_job(
        AlgorithmSpecification={"TrainingImage": "image@sha256:0", "TrainingInputMode": "File"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
        HyperParameters={"degree": "1"},
        Environment={"LOG_LEVEL": "debug"},
        Tags=[{"Key": "shapemaker:project", "Value": "Gehälter 2026/é"}],
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
        EnableManagedSpotTraining=False,
    )
    assert sagemaker.check("CreateTrainingJob", request) == []


def test_a_null_member_counts_as_absent(sagemaker: ServiceModel) -> None:
    assert sagemaker.check("CreateTrainingJob", training_job(VpcConfig=None)) == []
    assert summary(sagemaker.check("StopTrainingJob", {"TrainingJobName": None})) == [(("TrainingJobName",), "missing")]


@pytest.mark.parametrize(
    ("members", "path", "kind"),
    [
        ({"TrainingJobName": "my_job"}, ("TrainingJobName",), "pattern"),
        ({"TrainingJobName": "-a"}, ("TrainingJobName",), "pattern"),
        ({"TrainingJobName": "a\n"}, ("TrainingJobName",), "pattern"),
        ({"TrainingJobName": "٣"}, ("TrainingJobName",), "pattern"),
        ({"TrainingJobName": 3}, ("TrainingJobName",), "type"),
        ({"TrainingJobNam": "a"}, ("TrainingJobNam",), "unknown"),
        ({"ResourceConfig": []}, ("ResourceConfig",), "type"),
        ({"ResourceConfig": {"InstanceType": "ml.m5.larg"}}, ("ResourceConfig", "InstanceType"), "enum"),
        ({"ResourceConfig": {"InstanceCount": -1}}, ("ResourceConfig", "InstanceCount"), "range"),
        ({"ResourceConfig": {"InstanceCount": 2**31}}, ("ResourceConfig", "InstanceCount"), "range"),
        ({"ResourceConfig": {"InstanceCount": 1.5}}, ("ResourceConfig", "InstanceCount"), "type"),
        ({"ResourceConfig": {"InstanceCount": True}}, ("ResourceConfig", "InstanceCount"), "type"),
        ({"ResourceConfig": {"InstanceCount": "1"}}, ("ResourceConfig", "InstanceCount"), "type"),
        ({"EnableNetworkIsolation": "true"}, ("EnableNetworkIsolation",), "type"),
        ({"HyperParameters": {"a": "b\nc"}}, ("HyperParameters", "a"), "pattern"),
        ({"HyperParameters": {"a": "b\rc"}}, ("HyperParameters", "a"), "pattern"),
        ({"HyperParameters": {"a": 1}}, ("HyperParameters", "a"), "type"),
        ({"HyperParameters": {"a" * 257: ""}}, ("HyperParameters", "a" * 257), "length"),
        ({"HyperParameters": {str(i): "" for i in range(101)}}, ("HyperParameters",), "length"),
        ({"Environment": {"1A": ""}}, ("Environment", "1A"), "pattern"),
        ({"VpcConfig": {"Subnets": [], "SecurityGroupIds": ["sg-1"]}}, ("VpcConfig", "Subnets"), "length"),
        ({"VpcConfig": {"Subnets": "a", "SecurityGroupIds": ["sg-1"]}}, ("VpcConfig", "Subnets"), "type"),
        ({"VpcConfig": {"Subnets": ["a"]}}, ("VpcConfig", "SecurityGroupIds"), "missing"),
        ({"Tags": [{"Key": "a", "Value": "#"}]}, ("Tags", 0, "Value"), "pattern"),
        ({"Tags": [None]}, ("Tags", 0), "type"),
    ],
)
def test_each_rule_is_checked_at_its_place(
    sagemaker: ServiceModel, members: Mapping[str, object], path: tuple[str | int, ...], kind: str
) -> None:
    assert summary(sagemaker.check("CreateTrainingJob", training_job(**members))) == [(path, kind)]


def test_a_number_must_be_finite_and_within_its_bounds(sagemaker: ServiceModel) -> None:
    def variant(weight: object) -> list[tuple[tuple[str | int, ...], str]]:
        variants = [{"VariantName": "AllTraffic", "InitialVariantWeight": weight}]
        return summary(
            sagemaker.check("CreateEndpointConfig", {"EndpointConfigName": "a", "ProductionVariants": variants})
        )

    place = ("ProductionVariants", 0, "InitialVariantWeight")
    assert variant(1) == []
    assert variant(0.5) == []
    assert variant(-0.5) == [(place, "range")]
    assert variant(float("nan")) == [(place, "type")]


def test_a_fragment_need_not_be_complete_at_its_top_but_below(sagemaker: ServiceModel) -> None:
    assert sagemaker.check("CreateTrainingJob", {"EnableNetworkIsolation": True}, partial=True) == []
    found = sagemaker.check("CreateTrainingJob", {"VpcConfig": {"Subnets": ["a"]}}, partial=True)
    assert summary(found) == [(("VpcConfig", "SecurityGroupIds"), "missing")]


def test_unknown_names_get_the_nearest_known_one(sagemaker: ServiceModel) -> None:
    (violation,) = sagemaker.check("CreateTrainingJob", {"enableManagedSpotTrainin": True}, partial=True)
    assert violation.suggestion == "EnableManagedSpotTraining"
    (violation,) = sagemaker.check(
        "CreateTrainingJob", {"ResourceConfig": {"InstanceType": "ml.m5.larg"}}, partial=True
    )
    assert violation.suggestion == "ml.m5.large"
    (violation,) = sagemaker.check("StopTrainingJob", {"TrainingJobName": "my_job"})
    assert violation.suggestion == "my-job"


def test_an_operation_without_input_takes_an_empty_request() -> None:
    iam = service_model.load("iam")
    assert iam.check("DeleteAccountPasswordPolicy", {}) == []
    assert summary(iam.check("DeleteAccountPasswordPolicy", {"A": 1})) == [(("A",), "unknown")]


def test_a_union_takes_exactly_one_member() -> None:
    model = ServiceModel(
        {
            "operations": {"Do": {"input": {"shape": "One"}}},
            "shapes": {
                "One": {
                    "type": "structure",
                    "union": True,
                    "members": {"A": {"shape": "Text"}, "B": {"shape": "Text"}},
                },
                "Text": {"type": "string"},
            },
        }
    )
    assert model.check("Do", {"A": ""}) == []
    assert summary(model.check("Do", {"A": "", "B": ""})) == [((), "type")]


def test_services_and_operations_that_do_not_exist_are_a_mistake_of_the_caller(sagemaker: ServiceModel) -> None:
    with pytest.raises(LookupError, match="sagemakr"):
        service_model.load("sagemakr")
    assert "CreateTrainingJob" in sagemaker.operations
    assert "TrainingJobName" in sagemaker.input_members("CreateTrainingJob")


def test_aws_words_for_a_name_of_a_wrong_pattern(sagemaker: ServiceModel) -> None:
    assert aws_message(sagemaker.check("StopTrainingJob", {"TrainingJobName": "my_job"})) == (
        "1 validation error detected: Value 'my_job' at 'trainingJobName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
    )


def test_aws_words_for_several_violations(sagemaker: ServiceModel) -> None:
    request = {
        "EndpointConfigName": "a" * 64,
        "ProductionVariants": [{"VariantName": "v", "InitialInstanceCount": 0}],
        "Tags": [{"Key": "", "Value": "ok"}],
    }
    assert aws_message(sagemaker.check("CreateEndpointConfig", request)) == (
        "4 validation errors detected: "
        f"Value '{'a' * 64}' at 'endpointConfigName' failed to satisfy constraint: "
        "Member must have length less than or equal to 63; "
        f"Value '{'a' * 64}' at 'endpointConfigName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}; "
        "Value '0' at 'productionVariants.1.member.initialInstanceCount' failed to satisfy constraint: "
        "Member must have value greater than or equal to 1; "
        "Value '' at 'tags.1.member.key' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1"
    )


def test_aws_words_for_a_missing_member(sagemaker: ServiceModel) -> None:
    assert aws_message(sagemaker.check("StopTrainingJob", {})) == (
        "1 validation error detected: Value null at 'trainingJobName' failed to satisfy constraint: "
        "Member must not be null"
    )


def test_aws_names_the_whole_container_of_a_wrong_scalar(sagemaker: ServiceModel) -> None:
    request = training_job(
        HyperParameters={"a": "b\nc", "d": "e"}, VpcConfig={"Subnets": ["a b"], "SecurityGroupIds": ["sg-1"]}
    )
    assert aws_message(sagemaker.check("CreateTrainingJob", request)) == (
        "2 validation errors detected: "
        "Value '{a=b\nc, d=e}' at 'hyperParameters' failed to satisfy constraint: Map value must satisfy constraint: "
        "[Member must have length less than or equal to 2500, Member must have length greater than or equal to 0, "
        "Member must satisfy regular expression pattern: .*]; "
        "Value '[a b]' at 'vpcConfig.subnets' failed to satisfy constraint: Member must satisfy constraint: "
        "[Member must have length less than or equal to 32, Member must have length greater than or equal to 0, "
        "Member must satisfy regular expression pattern: ^[-0-9a-zA-Z]+]"
    )


def test_aws_words_for_an_enum(sagemaker: ServiceModel) -> None:
    found = sagemaker.check("ListEndpoints", {"SortOrder": "Up"})
    assert aws_message(found).endswith(
        "Value 'Up' at 'sortOrder' failed to satisfy constraint: "
        "Member must satisfy enum value set: [Ascending, Descending]"
    )


def test_botocore_is_read_but_never_imported() -> None:
    program = (
        "import sys; from shapemaker_action import service_model as s; "
        "s.load('sagemaker').check('CreateModel', {}); sys.exit('botocore' in sys.modules or 'boto3' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
