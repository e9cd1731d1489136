"""The execution role that SageMaker assumes for the jobs and the endpoint; its documents are in `templates/iam`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from string import Template
from typing import TYPE_CHECKING, ClassVar

from shapemaker_action.assets import templates
from shapemaker_action.aws.classify import Kind
from shapemaker_action.aws.session import AwsCallError
from shapemaker_action.naming import OWNER_TAG, canonical, tag_list

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.context import Context
    from shapemaker_action.plan import Resource

POLICY_NAME = "shapemaker"


def document(file: str, values: Mapping[str, str]) -> str:
    """A policy of `templates/iam` with its placeholders filled, in canonical form."""
    text = Template((templates() / "iam" / file).read_text(encoding="utf-8")).substitute(values)
    return canonical(json.loads(text)).decode()


@dataclass(frozen=True, kw_only=True)
class Role:
    """`trust` and `permissions` are policy documents in canonical JSON."""

    kind: ClassVar[str] = "role"
    borrowed: ClassVar[bool] = False

    name: str
    owner: str
    tags: Mapping[str, str] = field(default_factory=dict, compare=False)
    trust: str
    permissions: str

    def read(self, context: Context) -> Role | None:
        """Trust policy and our inline policy."""
        aws = context.aws
        reply = aws.find("iam", "GetRole", {"RoleName": self.name})
        if reply is None:
            return None
        listed = aws.call("iam", "ListRoleTags", {"RoleName": self.name})
        tags = {tag["Key"]: tag["Value"] for tag in listed.get("Tags", [])}
        inline = aws.find("iam", "GetRolePolicy", {"RoleName": self.name, "PolicyName": POLICY_NAME})
        return Role(
            name=self.name,
            owner=tags.get(OWNER_TAG, ""),
            tags=tags,
            trust=canonical(reply["Role"]["AssumeRolePolicyDocument"]).decode(),
            permissions=canonical(inline["PolicyDocument"]).decode() if inline else "",
        )

    def create(self, context: Context) -> None:
        """Create, then give it its permissions."""
        request = {
            "RoleName": self.name,
            "AssumeRolePolicyDocument": self.trust,
            "Description": f"SageMaker execution role of {self.owner}",
            "Tags": tag_list(self.tags),
        }
        try:
            context.aws.call("iam", "CreateRole", request)
        except AwsCallError as error:
            if error.kind is not Kind.EXISTS:
                raise
        self._put_permissions(context)

    def update(self, context: Context, observed: Resource) -> None:  # noqa: ARG002 - both documents are put whole
        """Put both documents."""
        request = {"RoleName": self.name, "PolicyDocument": self.trust}
        context.aws.call("iam", "UpdateAssumeRolePolicy", request)
        self._put_permissions(context)

    def delete(self, context: Context) -> None:
        """The inline policy first; IAM refuses otherwise."""
        context.aws.find("iam", "DeleteRolePolicy", {"RoleName": self.name, "PolicyName": POLICY_NAME})
        context.aws.find("iam", "DeleteRole", {"RoleName": self.name})

    def _put_permissions(self, context: Context) -> None:
        request = {"RoleName": self.name, "PolicyName": POLICY_NAME, "PolicyDocument": self.permissions}
        context.aws.call("iam", "PutRolePolicy", request)
