"""The split roles in templates/iam: together what the caller may do, and each no more than its jobs need."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

IAM = Path(__file__).parents[2] / "templates" / "iam"
PARTS = ("plan", "build", "train", "deploy")
SUBJECTS = {
    "build": "pull_request",
    "train": "ref:refs/heads/main",
    "deploy": "environment:production",
    "preview": "environment:preview",
}
PROVIDER = "token.actions.githubusercontent.com"
LOOKING = ("Get", "List", "Describe", "BatchGet")
OPERATOR = {
    *(f"s3:{verb}Bucket" for verb in ("Create", "Delete")),
    *(f"s3:PutBucket{noun}" for noun in ("Policy", "PublicAccessBlock", "Tagging", "Versioning")),
    *(f"s3:Put{noun}Configuration" for noun in ("Encryption", "Lifecycle")),
    *("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:ListBucketVersions", "s3:TagResource"),
    *(f"ecr:{verb}Repository" for verb in ("Create", "Delete")),
    *("ecr:PutImageScanningConfiguration", "ecr:PutImageTagMutability", "ecr:PutLifecyclePolicy", "ecr:TagResource"),
    *("iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:ListRoles", "iam:PutRolePolicy", "iam:TagRole"),
    *("iam:UpdateAssumeRolePolicy", "sagemaker:DeleteProcessingJob", "sagemaker:DeleteTrainingJob"),
}
"""Only for `provision` and `delete --everything`."""


def statements(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((IAM / f"{name}.json").read_text(encoding="utf-8"))["Statement"]
    return found


def actions(name: str) -> set[str]:
    listed = [each["Action"] for each in statements(f"{name}-permissions")]
    return {action for each in listed for action in (each if isinstance(each, list) else [each])}


def test_the_parts_are_all_that_the_caller_may_do_but_for_what_the_operator_alone_does() -> None:
    assert set.union(*map(actions, PARTS)) == actions("caller") - OPERATOR
    assert actions("caller") >= OPERATOR


def test_a_plan_only_looks() -> None:
    assert not [name for name in actions("plan") if not name.partition(":")[2].startswith(LOOKING)]


def test_a_pull_request_can_neither_train_nor_deploy() -> None:
    assert not [name for name in actions("plan") | actions("build") if name.startswith("sagemaker:Create")]
    assert "iam:PassRole" not in actions("plan") | actions("build")


def test_training_cannot_deploy_and_deployment_cannot_train() -> None:
    assert not [name for name in actions("train") if "Endpoint" in name or "Model" in name]
    assert not [name for name in actions("deploy") if "Job" in name or name.startswith(("s3:", "ecr:"))]


@pytest.mark.parametrize("name", PARTS)
def test_what_is_changed_is_named(name: str) -> None:
    for statement in statements(f"{name}-permissions"):
        listed = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        if statement["Resource"] == "*":
            assert all(each.startswith(("sagemaker:List", "ecr:GetAuthorizationToken")) for each in listed)
        if "iam:PassRole" in listed:
            assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


@pytest.mark.parametrize(("name", "subject"), SUBJECTS.items())
def test_each_role_trusts_one_kind_of_job_in_both_forms_of_its_name(name: str, subject: str) -> None:
    [statement] = statements(f"{name}-trust")
    assert statement["Principal"]["Federated"].endswith(f":oidc-provider/{PROVIDER}")
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Condition"] == {
        "StringEquals": {
            f"{PROVIDER}:aud": "sts.amazonaws.com",
            f"{PROVIDER}:sub": [
                f"repo:${{github_owner}}/${{github_repository}}:{subject}",
                f"repo:${{github_owner}}@${{github_owner_id}}/${{github_repository}}@${{github_repository_id}}:{subject}",
            ],
        }
    }
