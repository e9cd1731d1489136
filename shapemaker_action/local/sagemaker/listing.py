"""List operations: filter, sort and cut into pages."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from shapemaker_action.local.sagemaker.refusals import Honoured, invalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shapemaker_action.local.sagemaker.store import Record

PAGE = 10
"""What a page holds when the request doesn't say."""


LISTABLE: Honoured = dict.fromkeys(
    (
        "NextToken",
        "MaxResults",
        "CreationTimeAfter",
        "CreationTimeBefore",
        "LastModifiedTimeAfter",
        "LastModifiedTimeBefore",
        "NameContains",
        "StatusEquals",
        "SortBy",
        "SortOrder",
    ),
    (),
)
"""The members of a list request that are honoured."""


def page(records: Sequence[Record], body: Mapping[str, Any]) -> tuple[list[Record], dict[str, str]]:
    """The records of the page asked for, and `NextToken` if there are more.

    The token names the last record of the page, so that a listing stays right while resources come and go.
    """
    descending = body.get("SortOrder", "Descending") == "Descending"
    by = str(body.get("SortBy", "CreationTime"))
    found = sorted((r for r in records if _matches(r, body)), key=lambda record: _place(record, by), reverse=descending)
    if token := body.get("NextToken"):
        last = _read_token(str(token))
        found = [r for r in found if (_place(r, by) < last if descending else _place(r, by) > last)]
    size = int(body.get("MaxResults", PAGE))
    if len(found) <= size:
        return found, {}
    return found[:size], {"NextToken": _token(_place(found[size - 1], by))}


def _matches(record: Record, body: Mapping[str, Any]) -> bool:
    return (
        str(body.get("NameContains", "")) in record.name
        and body.get("StatusEquals", record.status) == record.status
        and _within(record.created, body.get("CreationTimeAfter"), body.get("CreationTimeBefore"))
        and _within(record.modified, body.get("LastModifiedTimeAfter"), body.get("LastModifiedTimeBefore"))
    )


def _within(moment: float, after: float | None, before: float | None) -> bool:
    return (after is None or moment >= after) and (before is None or moment <= before)


def _place(record: Record, by: str) -> tuple[float, str, str]:
    """Sort key: by time, by status or by name, and by name where those are equal."""
    if by == "CreationTime":
        return record.created, "", record.name
    return 0.0, record.status if by == "Status" else "", record.name


def _token(place: tuple[float, str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _read_token(token: str) -> tuple[float, str, str]:
    try:
        moment, status, name = json.loads(base64.urlsafe_b64decode(token))
        return float(moment), str(status), str(name)
    except (ValueError, TypeError) as error:
        raise invalid("Invalid NextToken: it was not returned by this operation.") from error
