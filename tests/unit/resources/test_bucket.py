"""The bucket against scripted answers: whose it is, where it is, and what is put."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from shapemaker_action.aws.classify import Kind
from shapemaker_action.aws.session import AwsCallError
from shapemaker_action.errors import ForeignError, InvalidInputError
from shapemaker_action.plan import Action, compare
from shapemaker_action.resources.bucket import Bucket
from tests.unit.resources.scripted import ACCOUNT, MISSING, Scripted, context

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WANTED = Bucket(name="b", owner="law", tags={"shapemaker:project": "law"})
TAGS = {"TagSet": [{"Key": "shapemaker:project", "Value": "law"}, {"Key": "cost", "Value": "7"}]}
BLOCKED = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
RULE = {
    "ID": "abandoned-uploads",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
}
STATEMENT = {
    "Sid": "TlsOnly",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": ["arn:aws:s3:::b/*", "arn:aws:s3:::b"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
HARDENED: dict[str, Any] = {
    "GetBucketTagging": TAGS,
    "GetPublicAccessBlock": {"PublicAccessBlockConfiguration": BLOCKED},
    "GetBucketVersioning": {"Status": "Enabled"},
    "GetBucketEncryption": {
        "ServerSideEncryptionConfiguration": {
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
        }
    },
    "GetBucketLifecycleConfiguration": {"Rules": [RULE]},
    "GetBucketPolicy": {"Policy": json.dumps({"Version": "2012-10-17", "Statement": STATEMENT})},
}
OTHERS_RULE = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 9}}
OTHERS_STATEMENT = {"Sid": "Auditors", "Effect": "Allow", "Principal": {"AWS": "1"}, "Action": "s3:ListBucket"}


def changed(folder: Path, script: Mapping[str, Any]) -> tuple[Scripted, Action]:
    """Read, compare and update."""
    aws = Scripted({**HARDENED, **script})
    there = context(folder, aws)
    observed = WANTED.read(there)
    change = compare(WANTED, observed)
    if change.action is Action.UPDATE and observed:
        WANTED.update(there, observed)
    return aws, change.action


def puts(aws: Scripted) -> list[str]:
    return [name for name, _ in aws.asked if name.startswith("s3 Put")]


def test_a_hardened_bucket_with_a_key_of_kms_is_left_alone(tmp_path: Path) -> None:
    aws, action = changed(tmp_path, {})
    assert action is Action.NOOP
    assert not puts(aws)


@pytest.mark.parametrize(
    ("script", "put"),
    [
        ({"GetPublicAccessBlock": MISSING}, "PutPublicAccessBlock"),
        ({"GetBucketVersioning": {"Status": "Suspended"}}, "PutBucketVersioning"),
        ({"GetBucketEncryption": MISSING}, "PutBucketEncryption"),
        ({"GetBucketLifecycleConfiguration": MISSING}, "PutBucketLifecycleConfiguration"),
        ({"GetBucketPolicy": MISSING}, "PutBucketPolicy"),
    ],
)
def test_only_what_differs_is_put(tmp_path: Path, script: Mapping[str, Any], put: str) -> None:
    aws, action = changed(tmp_path, script)
    assert action is Action.UPDATE
    assert puts(aws) == [f"s3 {put}"]


def test_rules_and_statements_of_others_stay(tmp_path: Path) -> None:
    policy = {"Version": "2012-10-17", "Id": "house", "Statement": [OTHERS_STATEMENT]}
    lifecycle = {"Rules": [OTHERS_RULE], "TransitionDefaultMinimumObjectSize": "varies_by_storage_class"}
    aws, _ = changed(
        tmp_path, {"GetBucketPolicy": {"Policy": json.dumps(policy)}, "GetBucketLifecycleConfiguration": lifecycle}
    )
    [put] = aws.requests("PutBucketPolicy")
    document = json.loads(put["Policy"])
    assert document["Id"] == "house"
    assert [statement["Sid"] for statement in document["Statement"]] == ["Auditors", "TlsOnly"]
    [put] = aws.requests("PutBucketLifecycleConfiguration")
    assert put["LifecycleConfiguration"] == {"Rules": [OTHERS_RULE, RULE]}
    assert put["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class"


def test_a_bucket_without_tags_and_objects_is_adopted(tmp_path: Path) -> None:
    aws, action = changed(tmp_path, {"GetBucketTagging": MISSING})
    assert action is Action.UPDATE
    [put] = aws.requests("PutBucketTagging")
    assert put["Tagging"] == {"TagSet": [{"Key": "shapemaker:project", "Value": "law"}]}


def test_a_bucket_without_tags_but_with_objects_is_somebody_elses(tmp_path: Path) -> None:
    with pytest.raises(ForeignError, match="has no ownership tag"):
        changed(tmp_path, {"GetBucketTagging": MISSING, "ListObjectsV2": {"Contents": [{"Key": "k"}]}})


def test_of_a_borrowed_bucket_only_the_tags_are_read(tmp_path: Path) -> None:
    aws = Scripted({"GetBucketTagging": MISSING})
    borrowed = Bucket(name="b", owner="law", borrowed=True)
    observed = borrowed.read(context(tmp_path, aws))
    assert compare(borrowed, observed).action is Action.NOOP
    assert {name for name, _ in aws.asked} == {"sts GetCallerIdentity", "s3 HeadBucket", "s3 GetBucketTagging"}


def test_every_call_but_the_first_expects_our_account(tmp_path: Path) -> None:
    aws = Scripted({"HeadBucket": MISSING, "GetBucketTagging": MISSING})
    there = context(tmp_path, aws)
    assert WANTED.read(there) is None
    WANTED.create(there)
    WANTED.delete(there)
    for name, request in aws.asked:
        if name.startswith("s3 ") and name != "s3 CreateBucket":
            assert request["ExpectedBucketOwner"] == ACCOUNT, name


@pytest.mark.parametrize(("region", "constraint"), [("eu-west-1", "eu-west-1"), ("us-east-1", None)])
def test_a_bucket_is_created_with_its_tags(tmp_path: Path, region: str, constraint: str | None) -> None:
    aws = Scripted({"GetBucketTagging": MISSING}, region)
    WANTED.create(context(tmp_path, aws))
    [request] = aws.requests("CreateBucket")
    configuration = request["CreateBucketConfiguration"]
    assert configuration["Tags"] == [{"Key": "shapemaker:project", "Value": "law"}]
    assert configuration.get("LocationConstraint") == constraint


def test_a_bucket_of_another_region_is_refused_naming_both(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"in us-west-2, but aws\.region is eu-west-1"):
        WANTED.read(context(tmp_path, Scripted({"HeadBucket": {"BucketRegion": "us-west-2"}})))


def test_a_bucket_of_another_account_is_refused(tmp_path: Path) -> None:
    denied = AwsCallError("s3", "HeadBucket", "403", "Forbidden", 403)
    with pytest.raises(ForeignError, match="belongs to another account"):
        WANTED.read(context(tmp_path, Scripted({"HeadBucket": denied})))


def test_objects_that_cannot_be_deleted_end_the_deletion(tmp_path: Path) -> None:
    version = {"Key": "k", "VersionId": "1"}
    locked = {"Key": "k", "Code": "AccessDenied", "Message": "locked"}
    aws = Scripted({"ListObjectVersions": {"Versions": [version]}, "DeleteObjects": {"Errors": [locked]}})
    with pytest.raises(AwsCallError, match="k: locked") as caught:
        WANTED.delete(context(tmp_path, aws))
    assert caught.value.kind is Kind.PERMISSION
    assert not aws.requests("DeleteBucket")
