"""Model data on its way from S3 into /opt/ml/model of serving containers."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shapemaker_action.local.sagemaker import archive, objects
from shapemaker_action.local.sagemaker.archive import ArchiveError
from shapemaker_action.local.sagemaker.objects import Item, Location, TransferError

if TYPE_CHECKING:
    from pathlib import Path

    from shapemaker_action.local.sagemaker.variant import ModelData
    from shapemaker_action.local.world import World


def bring(world: World, region: str, data: ModelData, target: Path) -> str:
    """Fill `target`; returns what went wrong in the words of an endpoint's FailureReason, empty if nothing."""
    place = objects.location(data.uri)
    if place is None:
        return _not_found(data.uri)
    client = world.client("s3", region)
    try:
        if data.is_prefix and not data.compressed:
            _bring_files(world, region, place, target)
        else:
            _bring_object(client, place, target, packed=data.compressed)
    except (ClientError, TransferError):
        return _not_found(data.uri)
    except ArchiveError as error:
        return (
            f'Failed to extract model data archive for container "container_1" from URL "{data.uri}". Please ensure '
            f"that the object located at the URL is a valid tar.gz archive. ({error})"
        )
    return ""


def _bring_files(world: World, region: str, place: Location, target: Path) -> None:
    keys = objects.keys(world.client("s3", region), place)
    items = [Item(Location(place.bucket, key), key[len(place.key) :]) for key in keys]
    if not items:
        raise TransferError(f"No objects below {place.uri}")
    objects.fetch(world, region, items, target)


def _bring_object(client: Any, place: Location, target: Path, *, packed: bool) -> None:
    target.mkdir(parents=True, exist_ok=True)
    body = client.get_object(Bucket=place.bucket, Key=place.key)["Body"]
    if not packed:
        with (target / place.key.rpartition("/")[2]).open("wb") as file:
            objects.copy(body, file)
        return
    with tempfile.TemporaryFile() as file:
        objects.copy(body, file)
        file.seek(0)
        archive.unpack(file, target)


def _not_found(uri: str) -> str:
    return (
        f'Failed to download model data for container "container_1" from URL: "{uri}". Please ensure that there is an '
        "object located at the URL and that the role passed to CreateModel has permissions to download the object."
    )
