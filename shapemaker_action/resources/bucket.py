"""The bucket that holds channels, model artifacts and evaluation reports; hardened before anything writes to it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from shapemaker_action.aws.classify import Kind
from shapemaker_action.aws.session import AwsCallError
from shapemaker_action.errors import ForeignError
from shapemaker_action.naming import OWNER_TAG, canonical, tag_list

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.context import Context
    from shapemaker_action.plan import Resource

ABORT_UPLOADS_DAYS = 1
DELETE_BATCH = 1000


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """`region` is where it must be: SageMaker reads only from buckets of its own region."""

    kind: ClassVar[str] = "bucket"

    name: str
    owner: str
    partition: str = field(default="aws", compare=False)
    tags: Mapping[str, str] = field(default_factory=dict, compare=False)
    borrowed: bool = field(default=False, compare=False)
    public_access: str = "blocked"
    versioning: str = "Enabled"
    encryption: str = "AES256"
    abandoned_uploads: str = f"removed after {ABORT_UPLOADS_DAYS} d"
    transport: str = "TLS only"

    def read(self, context: Context) -> Bucket | None:
        """Each property by its own call; a bucket of another account is refused."""
        aws = context.aws
        try:
            if aws.find("s3", "HeadBucket", {"Bucket": self.name}) is None:
                return None
        except AwsCallError as error:
            if error.kind is Kind.PERMISSION:
                raise ForeignError(
                    f"bucket '{self.name}' belongs to another account, or this identity may not see it",
                    state="nothing was changed",
                    remedy="set another aws.bucket in shapemaker.yml (bucket names are global)",
                ) from error
            raise
        tagging = aws.find("s3", "GetBucketTagging", {"Bucket": self.name}) or {}
        tags = {tag["Key"]: tag["Value"] for tag in tagging.get("TagSet", [])}
        return Bucket(
            name=self.name,
            owner=tags.get(OWNER_TAG, ""),
            partition=self.partition,
            tags=tags,
            public_access=self._public_access(context),
            versioning=str(aws.call("s3", "GetBucketVersioning", {"Bucket": self.name}).get("Status", "off")),
            encryption=self._encryption(context),
            abandoned_uploads=self._abandoned_uploads(context),
            transport=self._transport(context),
        )

    def create(self, context: Context) -> None:
        """Create, then close it to the public first of all."""
        request: dict[str, object] = {"Bucket": self.name}
        if context.aws.region != "us-east-1":  # the one region that refuses to be named
            request["CreateBucketConfiguration"] = {"LocationConstraint": context.aws.region}
        try:
            context.aws.call("s3", "CreateBucket", request)
        except AwsCallError as error:
            if error.kind is not Kind.EXISTS:
                raise
        self._harden(context)

    def update(self, context: Context, observed: Resource) -> None:  # noqa: ARG002 - every property is put whole
        """Put every property again; all of them are idempotent."""
        self._harden(context)

    def delete(self, context: Context) -> None:
        """Empty it, all versions, then delete it."""
        aws = context.aws
        while batch := self._versions(context)[:DELETE_BATCH]:
            aws.call("s3", "DeleteObjects", {"Bucket": self.name, "Delete": {"Objects": batch, "Quiet": True}})
        aws.find("s3", "DeleteBucket", {"Bucket": self.name})

    def _versions(self, context: Context) -> list[dict[str, str]]:
        page = context.aws.find("s3", "ListObjectVersions", {"Bucket": self.name, "MaxKeys": DELETE_BATCH}) or {}
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        return [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]

    def _harden(self, context: Context) -> None:
        def put(operation: str, **request: object) -> None:
            context.aws.call("s3", operation, {"Bucket": self.name, **request})

        put("PutPublicAccessBlock", PublicAccessBlockConfiguration=_BLOCKED)
        # The ownership tag comes before the rest, so that a run killed here finds its own bucket again.
        put("PutBucketTagging", Tagging={"TagSet": tag_list(self.tags)})
        put("PutBucketEncryption", ServerSideEncryptionConfiguration=_ENCRYPTION)
        put("PutBucketVersioning", VersioningConfiguration={"Status": "Enabled"})
        put("PutBucketLifecycleConfiguration", LifecycleConfiguration=_LIFECYCLE)
        put("PutBucketPolicy", Policy=json.dumps(self._tls_only))

    @property
    def _tls_only(self) -> dict[str, object]:
        arn = f"arn:{self.partition}:s3:::{self.name}"
        return {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "TlsOnly",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [arn, f"{arn}/*"],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                }
            ],
        }

    def _public_access(self, context: Context) -> str:
        reply = context.aws.find("s3", "GetPublicAccessBlock", {"Bucket": self.name}) or {}
        return "blocked" if reply.get("PublicAccessBlockConfiguration") == _BLOCKED else "open"

    def _encryption(self, context: Context) -> str:
        reply = context.aws.find("s3", "GetBucketEncryption", {"Bucket": self.name}) or {}
        rules = reply.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
        return str(rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]) if rules else "none"

    def _abandoned_uploads(self, context: Context) -> str:
        reply = context.aws.find("s3", "GetBucketLifecycleConfiguration", {"Bucket": self.name}) or {}
        for rule in reply.get("Rules", []):
            if days := rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation"):
                return f"removed after {days} d"
        return "kept"

    def _transport(self, context: Context) -> str:
        reply = context.aws.find("s3", "GetBucketPolicy", {"Bucket": self.name})
        if reply is None:
            return "any"
        return "TLS only" if canonical(json.loads(reply["Policy"])) == canonical(self._tls_only) else "other policy"


_BLOCKED = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
_ENCRYPTION = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
_LIFECYCLE = {
    "Rules": [
        {
            "ID": "abandoned-uploads",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": ABORT_UPLOADS_DAYS},
        }
    ]
}
