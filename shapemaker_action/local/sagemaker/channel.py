"""Channels: which objects of S3 a host finds in its input directory, and under which names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shapemaker_action.local.sagemaker import objects
from shapemaker_action.local.sagemaker.objects import Item, Location, TransferError
from shapemaker_action.local.sagemaker.refusals import invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.local.world import World

_REASONS = {"NoSuchBucket": "The specified bucket does not exist", "NoSuchKey": "The specified key does not exist."}


@dataclass(frozen=True, kw_only=True)
class Source:
    """An S3 data source of a training channel or a processing input."""

    uri: str
    manifest: bool = False
    sharded: bool = False

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> Source:
        """From an `S3DataSource` or a `ProcessingS3Input`."""
        return cls(
            uri=request["S3Uri"],
            manifest=request["S3DataType"] == "ManifestFile",
            sharded=request.get("S3DataDistributionType") == "ShardedByS3Key",
        )

    @property
    def location(self) -> Location:
        """Raises SageMaker's error for a URI that isn't one of S3."""
        place = objects.location(self.uri)
        if place is None:
            raise invalid(f'The S3 URL "{self.uri}" is not of the form s3://bucket/key.')
        return place


def require_data(world: World, region: str, source: Source, role: str) -> None:
    """Raise the error of a job creation whose input has no objects."""
    place = source.location
    client = world.client("s3", region)
    reason = f'No objects found under S3 URL "{source.uri}"'
    try:
        found = objects.exists(client, place) if source.manifest else any(objects.keys(client, place, limit=1))
    except ClientError as error:
        found = False
        reason = _REASONS.get(error.response["Error"]["Code"], error.response["Error"]["Message"])
    if not found:
        raise invalid(
            f'No S3 objects found under S3 URL "{source.uri}" given in input data source. Please ensure that the '
            f"bucket exists in the selected region ({region}), that objects exist under that S3 prefix, and that the "
            f'role "{role}" has "s3:ListBucket" permissions on bucket "{place.bucket}". '
            f"Error message from S3: {reason}"
        )


def require_folder(world: World, region: str, source: Source) -> None:
    """Raise for what FastFile cannot mount: a prefix that ends in the middle of a name."""
    if source.manifest:
        raise TransferError("For FastFile mode, S3DataType has to be S3Prefix.")
    place = source.location
    if not place.key.endswith("/") and place.key:
        found = objects.keys(world.client("s3", region), place)
        if any(key != place.key and not key.startswith(f"{place.key}/") for key in found):
            raise TransferError(
                "Failed to download data. For FastFile mode, partial S3 prefix is not supported. S3 prefix has to end "
                "with a full file or folder. Add a trailing '/' to the S3 prefix if it ends with a folder name that is "
                "also a prefix for other folders."
            )


def items(world: World, region: str, source: Source, *, host: int = 0, hosts: int = 1) -> list[Item]:
    """The objects for one of the hosts (counted from 0), in key order."""
    client = world.client("s3", region)
    try:
        found = _manifest(client, source.location) if source.manifest else _prefix(client, source.location)
    except ClientError as error:
        raise TransferError(f"Failed to list {source.uri} ({error})") from error
    return found[host::hosts] if source.sharded else found


def _prefix(client: Any, place: Location) -> list[Item]:
    return [Item(Location(place.bucket, key), relative(key, place.key)) for key in objects.keys(client, place)]


def relative(key: str, prefix: str) -> str:
    """The path of a key in the channel.

    `data/x` as prefix takes `data/x/a.csv` as `a.csv`. It takes `data/x-old.csv` as well, a prefix being no folder,
    and there the name is what follows the last slash that both have in common.
    """
    rest = key[len(prefix) :]
    if prefix.endswith("/") or prefix == "" or rest.startswith("/"):
        return rest.lstrip("/")
    return key[prefix.rfind("/") + 1 :]


def _manifest(client: Any, place: Location) -> list[Item]:
    """`[{"prefix": "s3://bucket/some/"}, "relative/key", …]`."""
    try:
        document = json.loads(objects.read(client, place))
        prefix = document[0]["prefix"]
        names = [str(name) for name in document[1:]]
    except (ValueError, LookupError, TypeError) as error:
        raise TransferError(f"The manifest {place.uri} is not a JSON list of a prefix and keys") from error
    base = objects.location(str(prefix))
    if base is None:
        raise TransferError(f"The prefix {prefix} of the manifest {place.uri} is not an S3 URL")
    return [Item(Location(base.bucket, base.key + name), name) for name in names]
