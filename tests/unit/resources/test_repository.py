"""The repository against scripted answers: only what differs is put, and rules of others stay."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from shapemaker_action.plan import Action, compare
from shapemaker_action.resources.repository import Repository
from tests.unit.resources.scripted import MISSING, Scripted, context

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WANTED = Repository(name="r", owner="law")
DESCRIBED: dict[str, Any] = {
    "repositoryArn": "arn",
    "imageTagMutability": "IMMUTABLE",
    "imageScanningConfiguration": {"scanOnPush": True},
}
RULE = {"rulePriority": 5, "description": "theirs", "selection": {"tagStatus": "untagged", "countNumber": 30}}
LAST = {"rulePriority": 1, "description": "theirs", "selection": {"tagStatus": "any", "countNumber": 99}}


def script(*rules: Mapping[str, Any], **drift: object) -> dict[str, Any]:
    return {
        "DescribeRepositories": {"repositories": [{**DESCRIBED, **drift}]},
        "ListTagsForResource": {"tags": [{"Key": "shapemaker:project", "Value": "law"}]},
        "GetLifecyclePolicy": {"lifecyclePolicyText": json.dumps({"rules": rules})} if rules else MISSING,
    }


@pytest.mark.parametrize(
    ("answers", "put"),
    [
        (script(RULE), []),
        (script(RULE, imageTagMutability="MUTABLE"), ["ecr PutImageTagMutability"]),
        (script(RULE, imageScanningConfiguration={}), ["ecr PutImageScanningConfiguration"]),
        (script(LAST), ["ecr PutLifecyclePolicy"]),
    ],
)
def test_only_what_differs_is_put(tmp_path: Path, answers: Mapping[str, Any], put: list[str]) -> None:
    aws = Scripted(answers)
    there = context(tmp_path, aws)
    observed = WANTED.read(there)
    assert observed
    WANTED.update(there, observed)
    assert [name for name, _ in aws.asked if name.startswith("ecr Put")] == put


def test_our_rule_comes_before_those_of_others(tmp_path: Path) -> None:
    aws = Scripted(script(LAST))
    there = context(tmp_path, aws)
    observed = WANTED.read(there)
    assert observed
    WANTED.update(there, observed)
    [put] = aws.requests("PutLifecyclePolicy")
    rules = json.loads(put["lifecyclePolicyText"])["rules"]
    assert [(rule["rulePriority"], rule["description"] == "theirs") for rule in rules] == [(1, False), (2, True)]


def test_of_a_borrowed_repository_only_the_tags_are_read(tmp_path: Path) -> None:
    aws = Scripted({**script(), "ListTagsForResource": {"tags": []}})
    borrowed = Repository(name="r", owner="law", borrowed=True)
    assert compare(borrowed, borrowed.read(context(tmp_path, aws))).action is Action.NOOP
    assert not aws.requests("GetLifecyclePolicy")
