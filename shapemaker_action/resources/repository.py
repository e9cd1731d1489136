"""The ECR repository: immutable tags, so that a tag is as good as the digest of what was built."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from shapemaker_action.aws.classify import Kind
from shapemaker_action.aws.session import AwsCallError
from shapemaker_action.naming import OWNER_TAG, tag_list

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.context import Context
    from shapemaker_action.plan import Resource

UNTAGGED_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class Repository:
    """Holds the training and the inference images of a project."""

    kind: ClassVar[str] = "repository"

    name: str
    owner: str
    tags: Mapping[str, str] = field(default_factory=dict, compare=False)
    borrowed: bool = field(default=False, compare=False)
    tag_mutability: str = "IMMUTABLE"
    scan_on_push: bool = True
    untagged_images: str = f"removed after {UNTAGGED_DAYS} d"

    def read(self, context: Context) -> Repository | None:
        """What ECR says of it."""
        aws = context.aws
        reply = aws.find("ecr", "DescribeRepositories", {"repositoryNames": [self.name]})
        if reply is None:
            return None
        found = reply["repositories"][0]
        listed = aws.call("ecr", "ListTagsForResource", {"resourceArn": found["repositoryArn"]})
        tags = {tag["Key"]: tag["Value"] for tag in listed.get("tags", [])}
        lifecycle = aws.find("ecr", "GetLifecyclePolicy", {"repositoryName": self.name})
        return Repository(
            name=self.name,
            owner=tags.get(OWNER_TAG, ""),
            tags=tags,
            tag_mutability=found["imageTagMutability"],
            scan_on_push=bool(found.get("imageScanningConfiguration", {}).get("scanOnPush")),
            untagged_images=_untagged(lifecycle["lifecyclePolicyText"]) if lifecycle else "kept",
        )

    def create(self, context: Context) -> None:
        """Create with its tags in one call, so that it is never without an owner."""
        request = {
            "repositoryName": self.name,
            "imageTagMutability": self.tag_mutability,
            "imageScanningConfiguration": {"scanOnPush": self.scan_on_push},
            "encryptionConfiguration": {"encryptionType": "AES256"},
            "tags": tag_list(self.tags),
        }
        try:
            context.aws.call("ecr", "CreateRepository", request)
        except AwsCallError as error:
            if error.kind is not Kind.EXISTS:
                raise
        self._put_lifecycle(context)

    def update(self, context: Context, observed: Resource) -> None:  # noqa: ARG002 - every property is put whole
        """Put what may have drifted."""
        name = {"repositoryName": self.name}
        context.aws.call("ecr", "PutImageTagMutability", {**name, "imageTagMutability": self.tag_mutability})
        scanning = {"scanOnPush": self.scan_on_push}
        context.aws.call("ecr", "PutImageScanningConfiguration", {**name, "imageScanningConfiguration": scanning})
        self._put_lifecycle(context)

    def delete(self, context: Context) -> None:
        """With all its images."""
        context.aws.find("ecr", "DeleteRepository", {"repositoryName": self.name, "force": True})

    def _put_lifecycle(self, context: Context) -> None:
        text = json.dumps({"rules": [_UNTAGGED_RULE]})
        context.aws.call("ecr", "PutLifecyclePolicy", {"repositoryName": self.name, "lifecyclePolicyText": text})


_UNTAGGED_RULE = {
    "rulePriority": 1,
    "description": "images that lost their tag",
    "selection": {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": UNTAGGED_DAYS,
    },
    "action": {"type": "expire"},
}


def _untagged(policy: str) -> str:
    for rule in json.loads(policy).get("rules", []):
        selection = rule.get("selection", {})
        if selection.get("tagStatus") == "untagged" and selection.get("countUnit") == "days":
            return f"removed after {selection['countNumber']} d"
    return "kept"
