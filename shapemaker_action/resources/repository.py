"""The ECR repository: immutable tags, so that a tag is as good as the digest of what was built."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from shapemaker_action.aws.classify import Kind
from shapemaker_action.aws.session import AwsCallError
from shapemaker_action.naming import OWNER_TAG, tag_list
from shapemaker_action.plan import differences

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.aws.session import Reply
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
    untagged_images: str = "removed"

    def read(self, context: Context) -> Repository | None:
        """What ECR says of it; of somebody else's repository that the user named only the tags."""
        aws = context.aws
        reply = aws.find("ecr", "DescribeRepositories", {"repositoryNames": [self.name]})
        if reply is None:
            return None
        found = reply["repositories"][0]
        listed = aws.call("ecr", "ListTagsForResource", {"resourceArn": found["repositoryArn"]})
        tags = {tag["Key"]: tag["Value"] for tag in listed.get("tags", [])}
        owner = tags.get(OWNER_TAG, "")
        if self.borrowed and owner != self.owner:
            return Repository(name=self.name, owner=owner, tags=tags, borrowed=True)
        return Repository(
            name=self.name,
            owner=owner,
            tags=tags,
            borrowed=self.borrowed,
            tag_mutability=found["imageTagMutability"],
            scan_on_push=bool(found.get("imageScanningConfiguration", {}).get("scanOnPush")),
            untagged_images="removed" if any(map(_is_for_untagged, self._rules(context))) else "kept",
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

    def update(self, context: Context, observed: Resource) -> None:
        """Put the properties that differ; lifecycle rules of others stay."""
        puts = {
            "tag_mutability": self._put_mutability,
            "scan_on_push": self._put_scanning,
            "untagged_images": self._put_lifecycle,
        }
        for difference in differences(observed, self):
            puts[difference.field](context)

    def delete(self, context: Context) -> None:
        """With all its images."""
        context.aws.find("ecr", "DeleteRepository", {"repositoryName": self.name, "force": True})

    def _put_mutability(self, context: Context) -> None:
        request = {"repositoryName": self.name, "imageTagMutability": self.tag_mutability}
        context.aws.call("ecr", "PutImageTagMutability", request)

    def _put_scanning(self, context: Context) -> None:
        request = {"repositoryName": self.name, "imageScanningConfiguration": {"scanOnPush": self.scan_on_push}}
        context.aws.call("ecr", "PutImageScanningConfiguration", request)

    def _rules(self, context: Context) -> list[Reply]:
        reply = context.aws.find("ecr", "GetLifecyclePolicy", {"repositoryName": self.name})
        rules: list[Reply] = json.loads(reply["lifecyclePolicyText"])["rules"] if reply else []
        return rules

    def _put_lifecycle(self, context: Context) -> None:
        others = [rule for rule in self._rules(context) if rule.get("description") != _RULE["description"]]
        # Priorities are unique, and a rule for any image must come last, so ours goes to the front.
        shift = int(any(rule["rulePriority"] == _RULE["rulePriority"] for rule in others))
        moved = [{**rule, "rulePriority": rule["rulePriority"] + shift} for rule in others]
        text = json.dumps({"rules": [_RULE, *moved]})
        context.aws.call("ecr", "PutLifecyclePolicy", {"repositoryName": self.name, "lifecyclePolicyText": text})


_RULE = {
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


def _is_for_untagged(rule: Reply) -> bool:
    return bool(rule.get("selection", {}).get("tagStatus") == "untagged")
