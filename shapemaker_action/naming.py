"""Digests, names, ARNs and tags: every identifier is derived here from content, before any call is made."""

from __future__ import annotations

import json
import re

from shapemaker_action import lazy
from shapemaker_action.record import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    import hashlib
    from collections.abc import Mapping
    from typing import TypeAlias
else:
    (hashlib,) = lazy.modules("", "hashlib")

SHORT = 12
"""Hex digits of a digest in a name: 48 bits, so two of a project's jobs never meet by chance."""

NAME_LIMIT = 63

OWNER_TAG = "shapemaker:project"
ENVIRONMENT_TAG = "shapemaker:environment"
SPEC_TAG = "shapemaker:spec"
COMMIT_TAG = "shapemaker:commit"
CANCELLED_TAG = "shapemaker:cancelled"

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def canonical(value: object) -> bytes:
    """JSON with sorted keys and no white space: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def digest(value: object) -> str:
    """The full sha256 (64 hex digits) of a JSON-able value's canonical form."""
    return hashlib.sha256(canonical(value)).hexdigest()


def short(hexdigest: str) -> str:
    """The part of a digest that goes into names."""
    return hexdigest.removeprefix("sha256:")[:SHORT]


def content_name(project: str, kind: str, hexdigest: str) -> str:
    """`<project>-<kind>-<12 hex digits>`, e.g. `salary-train-0f3a…`; the config check keeps it within 63."""
    return f"{project}-{kind}-{short(hexdigest)}"


@dataclass(frozen=True, kw_only=True)
class Realm:
    """Where resources live: partition, region and account, from which every ARN follows."""

    account: str
    region: str
    partition: str = "aws"

    def arn(self, service: str, resource: str, *, regional: bool = True) -> str:
        """`resource` carries its own type prefix: `training-job/x`, `role/x`."""
        region = self.region if regional else ""
        return f"arn:{self.partition}:{service}:{region}:{self.account}:{resource}"


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`; the key may be empty, and ends with a slash if the URI does."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """AWS's `[{Key, Value}]` form, sorted."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def tag_value(text: str) -> str:
    """A value inside SageMaker's tag alphabet and its 256 characters; a branch `fix#1` becomes `fix-1`."""
    return re.sub(r"[^\w\s.:/=+\-@]", "-", text)[:256]
