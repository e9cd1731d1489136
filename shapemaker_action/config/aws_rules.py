"""The `aws` section: a region that exists, and a role, account and names that fit it."""

from __future__ import annotations

import re

from shapemaker_action import java_pattern, lazy
from shapemaker_action.config import aws_facts, services, words
from shapemaker_action.config.node import quoted
from shapemaker_action.naming import OWNER_TAG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapemaker_action.config.project import Project
    from shapemaker_action.config.source import Source
    from shapemaker_action.diagnostics import Diagnostic

_ARN = lazy.pattern(r"arn:(?P<partition>[a-z-]+):(?P<service>[a-z0-9-]+):[^:]*:(?P<account>[^:]*):(?P<resource>.+)")
_ROLE_NAME = lazy.pattern(r"[\w+=,.@/-]+")
_REGISTRY = lazy.pattern(r"[^/]+\.[^/]+/(?P<name>[^:@]+).*")
_TAGS = 45
"""AWS allows 50; the rest are ours."""

_OUR_TAGS = OWNER_TAG.partition(":")[0] + ":"


def check(project: Project, source: Source) -> Iterator[Diagnostic]:
    """Region, role, bucket, repository and tags."""
    yield from _region(project, source)
    yield from _role(project, source)
    yield from _bucket(project, source)
    yield from _repository(project, source)
    yield from _tags(project, source)


def _region(project: Project, source: Source) -> Iterator[Diagnostic]:
    region = project.aws.region
    if region and not aws_facts.partition_of(region):
        hint = (
            words.did_you_mean(region, aws_facts.regions())
            or "a region newer than the installed botocore needs its upgrade"
        )
        yield source.error(("aws", "region"), f"expected an AWS region such as eu-west-1; got {quoted(region)}", hint)


def _role(project: Project, source: Source) -> Iterator[Diagnostic]:
    role, path = project.aws.role, ("aws", "role")
    if not role:
        return
    arn = _ARN.fullmatch(role)
    if arn is None:
        yield source.error(path, f"expected the ARN of an IAM role; got {quoted(role)}", _arn_of_role(project, role))
    elif "*" in role:
        yield source.error(path, "expected the ARN of one role; wildcards match nothing here")
    elif arn["service"] != "iam" or not arn["resource"].startswith("role/"):
        yield source.error(
            path,
            f"expected the ARN of an IAM role (…:role/NAME); got {quoted(role)}",
            "SageMaker assumes roles only, not users or groups",
        )
    elif not re.fullmatch(r"[0-9]{12}", arn["account"]):
        yield source.error(path, f"the account in the ARN must be 12 digits; got {quoted(arn['account'])}")
    elif not _is_role_arn(role):
        yield source.error(
            path, f"expected the ARN of an IAM role (arn:aws:iam::ACCOUNT:role/NAME); got {quoted(role)}"
        )
    else:
        yield from _belonging(project, source, arn["partition"], arn["account"])


def _belonging(project: Project, source: Source, partition: str, account: str) -> Iterator[Diagnostic]:
    """Role, region and account are of one world."""
    region = project.aws.region
    wanted = aws_facts.partition_of(region)
    if wanted and partition != wanted:
        yield source.error(
            ("aws", "role"),
            f"the role is of the partition {partition}, but the region {region} is of {wanted}",
            f"partitions share nothing: use a role whose ARN begins with arn:{wanted}: or another region",
        )
    if project.aws.account and account != project.aws.account:
        yield source.error(
            ("aws", "role"),
            f"the role is of account {account}, but aws.account is {project.aws.account}",
            "SageMaker assumes roles of its own account only",
        )


def _is_role_arn(role: str) -> bool:
    return java_pattern.matches(services.brief("sagemaker").shape("RoleArn")["pattern"], role)


def _arn_of_role(project: Project, role: str) -> str:
    if not _ROLE_NAME.fullmatch(role):
        return ""
    partition = aws_facts.partition_of(project.aws.region) or "aws"
    name = role.strip("/").removeprefix("role/")
    return (
        f"without a path it is arn:{partition}:iam::{project.aws.account or 'ACCOUNT'}:role/{name}; "
        "the console makes roles with a path: role/service-role/…"
    )


def _bucket(project: Project, source: Source) -> Iterator[Diagnostic]:
    bucket = project.aws.bucket
    fault = aws_facts.bucket_fault(bucket) if bucket else ""
    if not fault:
        return
    bare = re.sub(r"^(s3://|arn:[a-z-]+:s3:::)", "", bucket, flags=re.IGNORECASE).partition("/")[0].lower()
    hint = f"write {bare}" if bare != bucket and not aws_facts.bucket_fault(bare) else ""
    yield source.error(("aws", "bucket"), f"{quoted(bucket)} {fault}", hint)


def _repository(project: Project, source: Source) -> Iterator[Diagnostic]:
    repository = project.aws.repository
    if not repository or _is_repository(repository):
        return
    uri = _REGISTRY.fullmatch(repository)
    name = (uri["name"] if uri else repository.partition(":")[0]).lower()
    yield source.error(
        ("aws", "repository"),
        f"expected the name of an ECR repository, without registry and tag, in lower case; got {quoted(repository)}",
        f"write {name}" if name != repository and _is_repository(name) else "",
    )


def _is_repository(name: str) -> bool:
    return not services.brief("ecr").check("CreateRepository", {"repositoryName": name})


def _tags(project: Project, source: Source) -> Iterator[Diagnostic]:
    tags, path = project.aws.tags, ("aws", "tags")
    if len(tags) > _TAGS:
        yield source.key_error(path, f"has {len(tags)} tags; AWS allows 50, and {50 - _TAGS} of them are shapemaker's")
    model = services.brief("sagemaker")
    for key, value in tags.items():
        if key.lower().startswith("aws:") or key.startswith(_OUR_TAGS):
            owner = "AWS" if key.lower().startswith("aws:") else "shapemaker"
            yield source.key_error((*path, key), f"tags that begin with {key.partition(':')[0]}: belong to {owner}")
        for violation in model.check("AddTags", {"Tags": [{"Key": key, "Value": value}]}, partial=True):
            expected = (
                "letters, digits, spaces and _ . : / = + - @" if violation.kind == "pattern" else violation.expected
            )
            part = str(violation.path[-1]).lower()
            place = source.key_error if part == "key" else source.error
            yield place((*path, key), f"expected {expected} in a tag's {part}; got {quoted(str(violation.value))}")
