"""Tags of any resource, by its ARN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shapemaker_action.local.sagemaker.refusals import invalid
from shapemaker_action.local.sagemaker.service import service
from shapemaker_action.naming import tag_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shapemaker_action.local.sagemaker.store import Record
    from shapemaker_action.local.wire import Call
    from shapemaker_action.local.world import World

LIMIT = 50
PAGE = 50


def from_request(tags: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """`[{Key, Value}]` as a mapping; a key that comes twice is refused."""
    result: dict[str, str] = {}
    for tag in tags or ():
        if tag["Key"] in result:
            raise invalid(f"Duplicate tag keys found: {tag['Key']}. Tag keys must be unique.")
        result[tag["Key"]] = tag["Value"]
    return result


def add_tags(world: World, call: Call) -> dict[str, Any]:
    """Merge tags into those of a resource; answers with all of them."""
    new = from_request(call.body["Tags"])

    def merge(record: Record) -> None:
        record.tags |= new
        if len(record.tags) > LIMIT:
            raise invalid(f"The resource {record.arn} would have {len(record.tags)} tags; the limit is {LIMIT}.")

    return {"Tags": tag_list(_change(world, call, merge).tags)}


def delete_tags(world: World, call: Call) -> dict[str, Any]:
    """Remove tags; a key that isn't there is no error."""

    def drop(record: Record) -> None:
        for key in call.body["TagKeys"]:
            record.tags.pop(key, None)

    _change(world, call, drop)
    return {}


def list_tags(world: World, call: Call) -> dict[str, Any]:
    """The tags of a resource, sorted by key."""
    record = _find(world, call)
    tags = tag_list(record.tags)
    start = int(call.body["NextToken"]) if str(call.body.get("NextToken", "")).isdigit() else 0
    end = start + int(call.body.get("MaxResults", PAGE))
    return {"Tags": tags[start:end], **({"NextToken": str(end)} if end < len(tags) else {})}


def _find(world: World, call: Call) -> Record:
    record = service(world).store.by_arn(call.body["ResourceArn"])
    if record is None:
        raise invalid(f"Could not find resource {call.body['ResourceArn']}.")
    return record


def _change(world: World, call: Call, apply: Any) -> Record:
    changed = service(world).store.change(_find(world, call).key, apply, touch=False)
    if changed is None:
        raise invalid(f"Could not find resource {call.body['ResourceArn']}.")
    return changed
