"""The policies in templates/iam: what the code calls is allowed, and nobody is trusted beyond need."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
IAM = ROOT / "templates" / "iam"
SERVICES = {"s3", "ecr", "iam", "sagemaker", "sagemaker-runtime", "logs", "application-autoscaling"}
ACTIONS = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:HeadObject": "s3:GetObject",
    "s3:DeleteObjects": "s3:DeleteObjectVersion",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "sagemaker-runtime:InvokeEndpoint": "sagemaker:InvokeEndpoint",
}
"""Where an action of IAM is not called as the operation."""


def policy(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((IAM / name).read_text(encoding="utf-8"))
    return found


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def called() -> Iterator[str]:
    """Operations that stand in the code as text; those of jobs are put together, so they are named here."""
    for verb in ("Create", "Describe", "Stop", "Delete"):
        yield from (f"sagemaker:{verb}TrainingJob", f"sagemaker:{verb}ProcessingJob")
    yield from (f"sagemaker:List{noun}" for noun in ("Endpoints", "Models", "TrainingJobs"))
    for room in ("resources", "stages", "aws"):
        for path in (ROOT / "shapemaker_action" / room).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    yield from operations(node)


def operations(call: ast.Call) -> Iterator[str]:
    """`call("sagemaker", "AddTags", …)`, and the bucket's own short forms, which name no service."""
    words = [str(item.value) for item in call.args[:2] if isinstance(item, ast.Constant)]
    if len(words) == 2 and words[0] in SERVICES and re.fullmatch(r"[A-Z][A-Za-z0-9]+", words[1]):
        yield f"{words[0]}:{words[1]}"
    if isinstance(call.func, ast.Attribute) and call.func.attr == "_find":
        yield from (f"s3:{word}" for word in words)
    for keyword in call.keywords:
        if keyword.arg == "operation" and isinstance(keyword.value, ast.Constant):
            yield f"s3:{keyword.value.value!s}"


def test_the_caller_may_do_all_that_the_code_does() -> None:
    allowed = {action for each in policy("caller-permissions.json")["Statement"] for action in as_list(each["Action"])}
    needed = {ACTIONS.get(operation, operation) for operation in called()}
    assert {"s3:PutEncryptionConfiguration", "s3:GetBucketTagging", "sagemaker:UpdateEndpoint"} <= needed
    assert needed <= allowed, sorted(needed - allowed)


def test_the_role_is_handed_to_sagemaker_alone() -> None:
    [statement] = [each for each in policy("caller-permissions.json")["Statement"] if "iam:PassRole" in each["Action"]]
    assert statement["Action"] == "iam:PassRole"
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    assert statement["Resource"] != "*"


def test_github_is_trusted_for_one_audience_and_named_subjects() -> None:
    [statement] = policy("caller-trust.json")["Statement"]
    assert set(statement["Condition"]) == {"StringEquals"}
    conditions = statement["Condition"]["StringEquals"]
    assert conditions["token.actions.githubusercontent.com:aud"] == "sts.amazonaws.com"
    subjects = conditions["token.actions.githubusercontent.com:sub"]
    assert len(subjects) == 2
    assert not [subject for subject in subjects if "*" in subject]


@pytest.mark.parametrize("path", sorted(IAM.glob("*.json")), ids=lambda path: path.name)
def test_no_policy_allows_any_action(path: Path) -> None:
    for statement in policy(path.name)["Statement"]:
        assert not [action for action in as_list(statement["Action"]) if "*" in action]
