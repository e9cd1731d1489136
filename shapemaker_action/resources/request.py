"""Requests in AWS's names: ours, with the user's `api:` block merged over them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.aws.classify import Kind
from shapemaker_action.aws.session import AwsCallError
from shapemaker_action.naming import tag_list

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.aws.session import Aws
    from shapemaker_action.config.project import Api

Request = dict[str, object]


def merged(ours: Mapping[str, object], theirs: Mapping[str, object]) -> Request:
    """`theirs` over `ours`: mappings merge key by key, everything else replaces; a null removes our field."""
    result: Request = dict(ours)
    for key, value in theirs.items():
        below = result.get(key)
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(below, dict):
            result[key] = merged(below, value)
        else:
            result[key] = value
    return result


def with_api(ours: Mapping[str, object], api: Api, operation: str) -> Request:
    """Our request of an operation with the user's fields for it."""
    return merged(ours, api.get(operation, {}))


def with_tags(request: Mapping[str, object], tags: Mapping[str, str]) -> Request:
    """The request with our tags; tags from an `api:` block stay, ours win."""
    given = {str(tag["Key"]): str(tag["Value"]) for tag in _tags(request)}
    return {**request, "Tags": tag_list({**given, **tags})}


def _tags(request: Mapping[str, object]) -> list[dict[str, object]]:
    tags = request.get("Tags", [])
    return tags if isinstance(tags, list) else []


def sagemaker_tags(aws: Aws, arn: str) -> dict[str, str]:
    """The tags of a SageMaker resource; none when it was deleted since it was described."""
    try:
        return {tag["Key"]: tag["Value"] for tag in aws.pages("sagemaker", "ListTags", "Tags", {"ResourceArn": arn})}
    except AwsCallError as error:
        if error.kind is Kind.NOT_FOUND:
            return {}
        raise
