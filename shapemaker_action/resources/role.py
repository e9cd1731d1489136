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
from shapemaker_action.plan import differences

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapemaker_action.aws.session import Reply
    from shapemaker_action.context import Context
    from shapemaker_action.plan import Resource
    from shapemaker_action.resources.place import Place

POLICY_NAME = "shapemaker"


def trust(place: Place) -> str:
    """Who may assume the role: SageMaker, for jobs and endpoints of this account and region."""
    return _canonical(_template("execution-trust.json", place))


def permissions(place: Place) -> str:
    """What the role may do; to the template's statements come the buckets that channels name."""
    policy = _template("execution-permissions.json", place)
    return _canonical({**policy, "Statement": [*policy["Statement"], *_reading(place, place.remote_buckets)]})


def _template(file: str, place: Place) -> Reply:
    realm = place.realm
    text = Template((templates() / "iam" / file).read_text(encoding="utf-8")).substitute(
        account=realm.account,
        region=realm.region,
        partition=realm.partition,
        bucket=place.bucket,
        repository=place.repository,
    )
    policy: Reply = json.loads(text)
    return policy


def _reading(place: Place, buckets: Sequence[str]) -> list[Reply]:
    arns = [f"arn:{place.realm.partition}:s3:::{bucket}" for bucket in buckets]
    if not arns:
        return []
    return [
        {
            "Sid": "ChannelBuckets",
            "Effect": "Allow",
            "Action": ["s3:GetObject"],
            "Resource": [f"{arn}/*" for arn in arns],
        },
        {
            "Sid": "ChannelBucketsListing",
            "Effect": "Allow",
            "Action": ["s3:ListBucket", "s3:GetBucketLocation"],
            "Resource": arns,
        },
    ]


def _canonical(policy: Reply) -> str:
    return canonical(policy).decode()


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
            trust=_canonical(reply["Role"]["AssumeRolePolicyDocument"]),
            permissions=_canonical(inline["PolicyDocument"]) if inline else "",
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

    def update(self, context: Context, observed: Resource) -> None:
        """Put the document that differs; policies of other names stay."""
        puts = {"trust": self._put_trust, "permissions": self._put_permissions}
        for difference in differences(observed, self):
            puts[difference.field](context)

    def delete(self, context: Context) -> None:
        """The inline policy first; IAM refuses otherwise."""
        context.aws.find("iam", "DeleteRolePolicy", {"RoleName": self.name, "PolicyName": POLICY_NAME})
        context.aws.find("iam", "DeleteRole", {"RoleName": self.name})

    def _put_trust(self, context: Context) -> None:
        request = {"RoleName": self.name, "PolicyDocument": self.trust}
        context.aws.call("iam", "UpdateAssumeRolePolicy", request)

    def _put_permissions(self, context: Context) -> None:
        request = {"RoleName": self.name, "PolicyName": POLICY_NAME, "PolicyDocument": self.permissions}
        context.aws.call("iam", "PutRolePolicy", request)


def owned(context: Context, place: Place) -> list[Role]:
    """Every role of this project in this region, whatever the configuration was when it was made."""
    names = [str(item["RoleName"]) for item in context.aws.pages("iam", "ListRoles", "Roles", {})]
    ours = [name for name in names if name == place.role_stem or name.startswith(f"{place.role_stem}-")]
    found = [Role(name=name, owner="", trust="", permissions="").read(context) for name in ours]
    return [role for role in found if role and role.owner == context.project.name]
