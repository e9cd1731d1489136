"""Names of roles: one per region, and one per set of buckets that the configuration names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from shapemaker_action.resources import role
from shapemaker_action.resources.place import Place
from tests.unit.resources.scripted import ACCOUNT, Scripted, context

if TYPE_CHECKING:
    from pathlib import Path

OVERLAY = "environments: {production: {aws: {bucket: other-bucket}}, staging: {deploy: {instance_count: 2}}}\n"


def place(folder: Path, *sets: str, environment: str = "", region: str = "eu-west-1") -> Place:
    return Place(context(folder, Scripted({}, region), *sets, environment=environment, more=OVERLAY))


def test_the_role_is_one_of_its_region(tmp_path: Path) -> None:
    assert place(tmp_path).role_name == "shapemaker-law-eu-west-1"
    assert place(tmp_path, region="us-east-1").role_name == "shapemaker-law-us-east-1"


def test_environments_share_the_role_unless_they_name_what_it_may_use(tmp_path: Path) -> None:
    shared = place(tmp_path).role_name
    assert place(tmp_path, environment="staging").role_name == shared
    own = place(tmp_path, environment="production").role_name
    assert own.startswith(f"{shared}-")
    assert own == place(tmp_path, environment="production").role_name


@pytest.mark.parametrize("region", ["eu-west-1", "ap-southeast-2"])
def test_role_names_fit_into_64_characters(tmp_path: Path, region: str) -> None:
    sets = ("project.name=a-project-whose-name-is-quite-long", "aws.bucket=some-bucket")
    long = Place(context(tmp_path, Scripted({}, region), *sets))
    assert len(long.role_name) <= 64
    assert long.role_name.startswith(long.role_stem)


def test_the_role_may_read_the_buckets_of_channels(tmp_path: Path) -> None:
    remote = place(tmp_path, "train.channels.train=s3://lake/a", "evaluate.channels.test=s3://pond/b/")
    assert remote.remote_buckets == ("lake", "pond")
    assert remote.role_name != place(tmp_path).role_name
    statements = {each["Sid"]: each for each in json.loads(role.permissions(remote))["Statement"]}
    assert statements["ChannelBuckets"]["Resource"] == ["arn:aws:s3:::lake/*", "arn:aws:s3:::pond/*"]
    assert "s3:PutObject" not in statements["ChannelBuckets"]["Action"]


def test_of_all_roles_those_of_project_and_region_are_ours(tmp_path: Path) -> None:
    names = ["shapemaker-law-eu-west-1", "shapemaker-law-eu-west-1-0123abcd", "shapemaker-law-us-east-1", "admin"]
    aws = Scripted(
        {
            "ListRoles": {"Roles": [{"RoleName": name} for name in names]},
            "GetRole": {"Role": {"AssumeRolePolicyDocument": {}}},
            "ListRoleTags": {"Tags": [{"Key": "shapemaker:project", "Value": "law"}]},
            "GetRolePolicy": {"PolicyDocument": {}},
        }
    )
    there = context(tmp_path, aws)
    assert [found.name for found in role.owned(there, Place(there))] == names[:2]


def test_only_our_own_bucket_must_be_our_accounts(tmp_path: Path) -> None:
    here = place(tmp_path)
    assert here.in_bucket(here.bucket)["ExpectedBucketOwner"] == ACCOUNT
    assert here.in_bucket("lake") == {"Bucket": "lake"}
