"""Requests in AWS's names: ours, with the user's `api:` block merged over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from shapemaker_action.aws.classify import Kind
from shapemaker_action.aws.session import AwsCallError
from shapemaker_action.naming import tag_list

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shapemaker_action.aws.session import Aws
    from shapemaker_action.config.project import Api
    from shapemaker_action.context import Context
    from shapemaker_action.resources.place import Place

T = TypeVar("T")
Request = dict[str, object]

SETTLING = 60
"""Seconds for which SageMaker may not see what was just made, and a new role may not be assumable."""


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


def by_content(request: Mapping[str, object], section: str, field: str, place: Place) -> Request:
    """The request with the image in `section.field` named by content, not by the registry that happens to hold it."""
    below = request.get(section)
    if isinstance(below, dict) and isinstance(below.get(field), str):
        return {**request, section: {**below, field: place.image_identity(below[field])}}
    return dict(request)


def after_creation(context: Context, call: Callable[[], T], unseen: Kind = Kind.NOT_FOUND) -> T:
    """The result of `call`, which names what was just made; tried again while the answer is `unseen`, for a minute."""
    patience = context.clock.now() + SETTLING
    while True:
        try:
            return call()
        except AwsCallError as error:
            if error.kind is not unseen or context.clock.now() >= patience:
                raise
        context.clock.sleep(1)


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
