"""The local ECR's operations through boto3."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.support.local_registry import DOCKER_MANIFEST, Raw, digest_of, manifest
from tests.support.local_service import client, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapemaker_action.local.lifecycle import LocalService

UNTAGGED = {
    "rulePriority": 1,
    "description": "images that lost their tag, a week after they were pushed",
    "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 7},
    "action": {"type": "expire"},
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    with serving(tmp_path_factory.mktemp("local") / "state") as running:
        yield running


@pytest.fixture(scope="module")
def ecr(service: LocalService) -> Any:
    return client(service, "ecr")


@pytest.fixture
def name(request: pytest.FixtureRequest, ecr: Any) -> str:
    """A repository of the test's own."""
    created = f"{request.node.originalname.replace('_', '-')[:60]}-{uuid.uuid4().hex[:8]}"
    ecr.create_repository(repositoryName=created)
    return str(created)


@pytest.fixture(scope="module")
def raw(service: LocalService, ecr: Any) -> Raw:
    return Raw(service, ecr)


def refused(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call(**request)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_repository_is_described_as_it_was_created(service: LocalService, ecr: Any) -> None:
    created = ecr.create_repository(
        repositoryName="team/described",
        imageTagMutability="IMMUTABLE",
        imageScanningConfiguration={"scanOnPush": True},
        encryptionConfiguration={"encryptionType": "AES256"},
        tags=[{"Key": "shapemaker:project", "Value": "salary"}],
    )["repository"]
    assert created["repositoryUri"] == f"127.0.0.1:{service.port}/team/described"
    assert created["repositoryArn"] == "arn:aws:ecr:eu-west-1:000000000000:repository/team/described"
    assert created["imageTagMutability"] == "IMMUTABLE"
    assert created["imageScanningConfiguration"] == {"scanOnPush": True}
    assert ecr.describe_repositories(repositoryNames=["team/described"])["repositories"] == [created]
    tags = ecr.list_tags_for_resource(resourceArn=created["repositoryArn"])["tags"]
    assert tags == [{"Key": "shapemaker:project", "Value": "salary"}]


def test_errors_have_ecrs_codes_and_words(ecr: Any, name: str) -> None:
    registry = "in the registry with id '000000000000'"
    assert refused(ecr.create_repository, repositoryName=name) == (
        "RepositoryAlreadyExistsException",
        f"The repository with name '{name}' already exists {registry}",
    )
    missing = ("RepositoryNotFoundException", f"The repository with name 'none' does not exist {registry}")
    assert refused(ecr.describe_repositories, repositoryNames=["none"]) == missing
    assert refused(ecr.list_images, repositoryName="none") == missing
    assert refused(ecr.get_lifecycle_policy, repositoryName=name) == (
        "LifecyclePolicyNotFoundException",
        f"Lifecycle policy does not exist for the repository with name '{name}' {registry}",
    )
    assert refused(ecr.get_repository_policy, repositoryName=name)[0] == "RepositoryPolicyNotFoundException"
    image = "The image with imageId {imageDigest:'null', imageTag:'t'} does not exist"
    assert refused(ecr.describe_images, repositoryName=name, imageIds=[{"imageTag": "t"}]) == (
        "ImageNotFoundException",
        f"{image} within the repository with name '{name}' {registry}",
    )
    wrong = "arn:aws:ecr:eu-west-1:000000000000:other/x"
    assert refused(ecr.list_tags_for_resource, resourceArn=wrong)[0] == "InvalidParameterException"


def test_settings_of_a_repository_can_be_changed_one_by_one(ecr: Any, name: str) -> None:
    ecr.put_image_tag_mutability(repositoryName=name, imageTagMutability="IMMUTABLE")
    ecr.put_image_scanning_configuration(repositoryName=name, imageScanningConfiguration={"scanOnPush": True})
    policy = json.dumps({"rules": [UNTAGGED]})
    ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=policy)
    access = json.dumps({"Version": "2012-10-17", "Statement": []})
    ecr.set_repository_policy(repositoryName=name, policyText=access)
    arn = f"arn:aws:ecr:eu-west-1:000000000000:repository/{name}"
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    ecr.untag_resource(resourceArn=arn, tagKeys=["a"])
    found = ecr.describe_repositories(repositoryNames=[name])["repositories"][0]
    assert (found["imageTagMutability"], found["imageScanningConfiguration"]) == ("IMMUTABLE", {"scanOnPush": True})
    assert ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"] == policy
    assert ecr.get_repository_policy(repositoryName=name)["policyText"] == access
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "b", "Value": "2"}]
    ecr.delete_lifecycle_policy(repositoryName=name)
    ecr.delete_repository_policy(repositoryName=name)
    assert refused(ecr.delete_lifecycle_policy, repositoryName=name)[0] == "LifecyclePolicyNotFoundException"
    assert refused(ecr.set_repository_policy, repositoryName=name, policyText="{")[0] == "InvalidParameterException"


def test_images_can_be_found_listed_and_deleted(ecr: Any, raw: Raw, name: str) -> None:
    digest = digest_of(raw.put_image(name, "one")[3])
    raw.put_image(name, "two")
    other = digest_of(raw.put_image(name, "three", seed="other")[3])
    detail = ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": "one"}])["imageDetails"][0]
    assert (detail["imageDigest"], detail["imageTags"]) == (digest, ["one", "two"])
    assert (detail["imageManifestMediaType"], detail["artifactMediaType"]) == (DOCKER_MANIFEST, "x/y")
    assert detail["imageSizeInBytes"] == len(json.dumps({"architecture": "amd64", "os": "linux", "seed": ""})) + 5
    listed = {(each["imageTag"], each["imageDigest"]) for each in ecr.list_images(repositoryName=name)["imageIds"]}
    assert listed == {("one", digest), ("two", digest), ("three", other)}
    got = ecr.batch_get_image(repositoryName=name, imageIds=[{"imageTag": "one"}, {"imageTag": "none"}])
    assert digest_of(got["images"][0]["imageManifest"].encode()) == digest
    assert [failure["failureCode"] for failure in got["failures"]] == ["ImageNotFound"]
    ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageTag": "one"}])
    assert ecr.describe_images(repositoryName=name, imageIds=[{"imageDigest": digest}])["imageDetails"]
    deleted = ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageDigest": digest}, {"imageTag": "three"}])
    assert [each["imageTag"] for each in deleted["imageIds"]] == ["two", "three"]
    assert ecr.list_images(repositoryName=name)["imageIds"] == []


def test_listings_come_in_pages(ecr: Any, raw: Raw, name: str) -> None:
    for number in range(5):
        raw.put_image(name, f"t{number}")
    pages = list(ecr.get_paginator("list_images").paginate(repositoryName=name, PaginationConfig={"PageSize": 2}))
    assert [len(page["imageIds"]) for page in pages] == [2, 2, 1]
    assert refused(ecr.list_images, repositoryName=name, nextToken="?")[0] == "InvalidParameterException"


def test_a_repository_with_images_is_deleted_only_by_force(ecr: Any, raw: Raw, name: str) -> None:
    raw.put_image(name, "t")
    code, message = refused(ecr.delete_repository, repositoryName=name)
    assert (code, "still contains images" in message) == ("RepositoryNotEmptyException", True)
    ecr.delete_repository(repositoryName=name, force=True)
    assert refused(ecr.list_images, repositoryName=name)[0] == "RepositoryNotFoundException"


def test_an_image_can_be_tagged_again_through_the_api(ecr: Any, raw: Raw, name: str) -> None:
    content = raw.put_image(name, "first")[3].decode()
    put = ecr.put_image(repositoryName=name, imageManifest=content, imageTag="second")
    assert put["image"]["imageId"] == {"imageDigest": digest_of(content.encode()), "imageTag": "second"}
    image = f"Image with digest '{digest_of(content.encode())}' and tag 'second' already exists"
    assert refused(ecr.put_image, repositoryName=name, imageManifest=content, imageTag="second") == (
        "ImageAlreadyExistsException",
        f"{image} in the repository with name '{name}' in registry with id '000000000000'",
    )
    ecr.put_image_tag_mutability(repositoryName=name, imageTagMutability="IMMUTABLE")
    other = manifest(raw, name, seed="other").decode()
    code, message = refused(ecr.put_image, repositoryName=name, imageManifest=other, imageTag="second")
    assert (code, "because the tag is immutable" in message) == ("ImageTagAlreadyExistsException", True)
    lacking = other.replace(digest_of(b"layer"), digest_of(b"never uploaded"))
    assert refused(ecr.put_image, repositoryName=name, imageManifest=lacking)[0] == "LayersNotFoundException"
    layers = ecr.batch_check_layer_availability(
        repositoryName=name, layerDigests=[digest_of(b"layer"), digest_of(b"never uploaded"), "nonsense"]
    )
    assert [layer["layerAvailability"] for layer in layers["layers"]] == ["AVAILABLE", "UNAVAILABLE"]
    assert [failure["failureCode"] for failure in layers["failures"]] == ["InvalidLayerDigest"]


def test_some_tags_may_move_in_an_immutable_repository(ecr: Any, raw: Raw, name: str) -> None:
    ecr.put_image_tag_mutability(
        repositoryName=name,
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "latest*"}],
    )
    for tag, expected in (("latest-1", 201), ("v1", 400)):
        raw.put_image(name, tag)
        assert raw.put_image(name, tag, seed="other")[0] == expected
