"""The bucket that holds channels, model artifacts and evaluation reports; hardened before anything writes to it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from shapemaker_action.aws.classify import Kind
from shapemaker_action.aws.session import AwsCallError
from shapemaker_action.errors import ForeignError, InvalidInputError
from shapemaker_action.naming import OWNER_TAG, tag_list
from shapemaker_action.plan import differences

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shapemaker_action.aws.session import Reply
    from shapemaker_action.context import Context
    from shapemaker_action.plan import Resource

ABORT_UPLOADS_DAYS = 1
DELETE_BATCH = 1000


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """In the caller's account and in `aws.region`: SageMaker reads only from buckets of its own region."""

    kind: ClassVar[str] = "bucket"

    name: str
    owner: str
    partition: str = field(default="aws", compare=False)
    tags: Mapping[str, str] = field(default_factory=dict, compare=False)
    borrowed: bool = field(default=False, compare=False)
    ownership: str = "tagged"
    public_access: str = "blocked"
    versioning: str = "Enabled"
    encryption: str = "on"
    abandoned_uploads: str = f"removed after {ABORT_UPLOADS_DAYS} d"
    transport: str = "TLS only"

    def read(self, context: Context) -> Bucket | None:
        """Each property by its own call; of somebody else's bucket that the user named only the tags.

        Raises:
            ForeignError: the bucket is another account's.
            InvalidInputError: it is in another region.
        """
        if not self._exists(context):
            return None
        tags = self._tags(context)
        owner = tags.get(OWNER_TAG, "")
        if self.borrowed and owner != self.owner:
            return Bucket(name=self.name, owner=owner, tags=tags, borrowed=True)
        # A run that was killed between creating and tagging leaves this: our name, our account, and nothing in it.
        adopted = not tags and not self._find(context, "ListObjectsV2", MaxKeys=1).get("Contents")
        return Bucket(
            name=self.name,
            owner=self.owner if adopted else owner,
            partition=self.partition,
            tags=tags,
            borrowed=self.borrowed,
            ownership="tagged" if tags else "untagged",
            public_access=self._public_access(context),
            versioning=str(self._find(context, "GetBucketVersioning").get("Status", "off")),
            encryption=self._encryption(context),
            abandoned_uploads=_abandoned_uploads(self._find(context, "GetBucketLifecycleConfiguration")),
            transport=self._transport(context),
        )

    def create(self, context: Context) -> None:
        """Create with its tags, then close it to the public first of all."""
        configuration: dict[str, object] = {"Tags": tag_list(self.tags)}
        if context.aws.region != "us-east-1":  # the one region that refuses to be named
            configuration["LocationConstraint"] = context.aws.region
        try:
            context.aws.call("s3", "CreateBucket", {"Bucket": self.name, "CreateBucketConfiguration": configuration})
        except AwsCallError as error:
            if error.kind is not Kind.EXISTS:
                raise
        for put in self._puts.values():
            put(context)

    def update(self, context: Context, observed: Resource) -> None:
        """Put the properties that differ; tags, rules and statements of others stay."""
        for difference in differences(observed, self):
            self._puts[difference.field](context)

    def delete(self, context: Context) -> None:
        """Empty it, all versions, then delete it."""
        while batch := self._versions(context)[:DELETE_BATCH]:
            delete_objects(context, self._address(context), batch)
        context.aws.find("s3", "DeleteBucket", self._address(context))

    @property
    def _puts(self) -> dict[str, Callable[[Context], None]]:
        """How each compared field is put right, in the order in which a new bucket is hardened."""
        return {
            "public_access": partial(
                self._put, operation="PutPublicAccessBlock", PublicAccessBlockConfiguration=_BLOCKED
            ),
            "ownership": self._put_tags,
            "encryption": partial(
                self._put, operation="PutBucketEncryption", ServerSideEncryptionConfiguration=_ENCRYPTION
            ),
            "versioning": partial(
                self._put, operation="PutBucketVersioning", VersioningConfiguration={"Status": "Enabled"}
            ),
            "abandoned_uploads": self._put_lifecycle,
            "transport": self._put_policy,
        }

    def _address(self, context: Context) -> dict[str, object]:
        return {"Bucket": self.name, "ExpectedBucketOwner": context.aws.realm.account}

    def _find(self, context: Context, operation: str, **request: object) -> Reply:
        return context.aws.find("s3", operation, {**self._address(context), **request}) or {}

    def _put(self, context: Context, *, operation: str, **request: object) -> None:
        context.aws.call("s3", operation, {**self._address(context), **request})

    def _exists(self, context: Context) -> bool:
        try:
            reply = context.aws.find("s3", "HeadBucket", self._address(context))
        except AwsCallError as error:
            if error.kind is not Kind.PERMISSION:
                raise
            raise ForeignError(
                f"bucket '{self.name}' belongs to another account, or this identity may not see it",
                state="nothing was changed",
                remedy="set another aws.bucket in shapemaker.yml (bucket names are global)",
            ) from error
        region = reply.get("BucketRegion", "") if reply else ""
        if region and region != context.aws.region:
            raise InvalidInputError(
                f"bucket '{self.name}' is in {region}, but aws.region is {context.aws.region}",
                state="nothing was changed",
                remedy="SageMaker reads only buckets of its own region: set another aws.bucket or aws.region",
            )
        return reply is not None

    def _versions(self, context: Context) -> list[dict[str, str]]:
        page = self._find(context, "ListObjectVersions", MaxKeys=DELETE_BATCH)
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        return [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]

    def _tags(self, context: Context) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self._find(context, "GetBucketTagging").get("TagSet", [])}

    def _put_tags(self, context: Context) -> None:
        tags = tag_list({**self._tags(context), **self.tags})
        self._put(context, operation="PutBucketTagging", Tagging={"TagSet": tags})

    def _public_access(self, context: Context) -> str:
        reply = self._find(context, "GetPublicAccessBlock")
        return "blocked" if reply.get("PublicAccessBlockConfiguration") == _BLOCKED else "open"

    def _encryption(self, context: Context) -> str:
        """With a key of S3 or of KMS: a stricter house may have chosen the latter."""
        reply = self._find(context, "GetBucketEncryption")
        return "on" if reply.get("ServerSideEncryptionConfiguration", {}).get("Rules") else "off"

    def _put_lifecycle(self, context: Context) -> None:
        reply = self._find(context, "GetBucketLifecycleConfiguration")
        others = [rule for rule in reply.get("Rules", []) if rule.get("ID") != _RULE["ID"]]
        configuration = {"Rules": [*others, _RULE]}
        kept = {key: value for key, value in reply.items() if key == "TransitionDefaultMinimumObjectSize"}
        self._put(context, operation="PutBucketLifecycleConfiguration", LifecycleConfiguration=configuration, **kept)

    def _transport(self, context: Context) -> str:
        stands = _normal(self._tls_only) in map(_normal, _statements(self._policy(context)))
        return "TLS only" if stands else "any"

    def _put_policy(self, context: Context) -> None:
        policy = self._policy(context)
        others = [statement for statement in _statements(policy) if statement.get("Sid") != self._tls_only["Sid"]]
        merged = {"Version": "2012-10-17", **policy, "Statement": [*others, self._tls_only]}
        self._put(context, operation="PutBucketPolicy", Policy=json.dumps(merged))

    def _policy(self, context: Context) -> Reply:
        policy: Reply = json.loads(self._find(context, "GetBucketPolicy").get("Policy", "{}"))
        return policy

    @property
    def _tls_only(self) -> Reply:
        arn = f"arn:{self.partition}:s3:::{self.name}"
        return {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }


def delete_objects(context: Context, address: Mapping[str, object], objects: Sequence[Mapping[str, str]]) -> None:
    """Delete at most `DELETE_BATCH` objects. S3 answers 200 even when it deletes none, so its `Errors` are raised."""
    request = {**address, "Delete": {"Objects": list(objects), "Quiet": True}}
    for error in context.aws.call("s3", "DeleteObjects", request).get("Errors", []):
        code, message = str(error.get("Code", "")), f"{error.get('Key', '')}: {error.get('Message', '')}"
        raise AwsCallError("s3", "DeleteObjects", code, message, 500 if code == "InternalError" else 400)


def _statements(policy: Reply) -> list[Reply]:
    """IAM lets a single statement stand without its list."""
    found = policy.get("Statement", [])
    return found if isinstance(found, list) else [found]


def _normal(statement: Reply) -> Reply:
    """S3 keeps no order of the resources of a statement."""
    resources = statement.get("Resource", [])
    return {**statement, "Resource": sorted(resources) if isinstance(resources, list) else [resources]}


def _abandoned_uploads(lifecycle: Reply) -> str:
    """The shortest time of the rules for the whole bucket; S3 follows it, too."""
    days = [
        rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
        for rule in lifecycle.get("Rules", [])
        if rule.get("Status") == "Enabled"
        and "AbortIncompleteMultipartUpload" in rule
        and rule.get("Filter", {}) in ({}, {"Prefix": ""})
        and not rule.get("Prefix")
    ]
    return f"removed after {min(days)} d" if days else "kept"


_BLOCKED = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
_ENCRYPTION = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
_RULE = {
    "ID": "abandoned-uploads",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": ABORT_UPLOADS_DAYS},
}
