"""S3 as jobs and endpoints need it: list a prefix, fetch objects into a directory, put files and directories."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from shapemaker_action.local.world import World

PARALLEL = 8
CHUNK = 1 << 20


class TransferError(Exception):
    """Data could not be brought in or out; the text is for a job's FailureReason."""


@dataclass(frozen=True)
class Location:
    """Bucket and key, or key prefix."""

    bucket: str
    key: str

    @property
    def uri(self) -> str:
        """`s3://bucket/key`."""
        return f"s3://{self.bucket}/{self.key}"

    def below(self, *parts: str) -> Location:
        """A key below this one, with exactly one slash between the parts."""
        return Location(self.bucket, "/".join([part for part in (self.key.rstrip("/"), *parts) if part]))


@dataclass(frozen=True)
class Item:
    """One object and the relative path at which it is wanted."""

    source: Location
    path: str


def location(uri: str) -> Location | None:
    """None if it isn't an `s3://` URI."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    return Location(bucket, key) if scheme == "s3" and bucket else None


def keys(client: Any, prefix: Location, *, limit: int = 0) -> Iterator[str]:
    """All keys that start with the prefix, in order; at most `limit` of them unless it is 0."""
    request: dict[str, Any] = {"Bucket": prefix.bucket, "Prefix": prefix.key, **({"MaxKeys": limit} if limit else {})}
    while True:
        page = client.list_objects_v2(**request)
        yield from (entry["Key"] for entry in page.get("Contents", []))
        if limit or not page.get("IsTruncated"):
            return
        request["ContinuationToken"] = page["NextContinuationToken"]


def read(client: Any, source: Location) -> bytes:
    """A small object's content."""
    body: bytes = client.get_object(Bucket=source.bucket, Key=source.key)["Body"].read()
    return body


def exists(client: Any, source: Location) -> bool:
    """Whether there is an object of exactly this key."""
    try:
        client.head_object(Bucket=source.bucket, Key=source.key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in (403, 404):
            return False
        raise
    return True


def fetch(world: World, region: str, items: Sequence[Item], target: Path) -> None:
    """Write objects below `target`; a key that would leave it, or is a file and a directory at once, is refused."""
    target.mkdir(parents=True, exist_ok=True)
    client = world.client("s3", region)

    def one(item: Item) -> None:
        try:
            _fetch_one(client, item, target)
        except (ClientError, OSError) as error:
            raise TransferError(f"Unable to download object {item.source.uri} ({error})") from error

    _each(one, items)


def _fetch_one(client: Any, item: Item, target: Path) -> None:
    if ".." in item.path.split("/"):
        raise TransferError(f"The key of {item.source.uri} leads outside the channel")
    path = target / item.path.lstrip("/")
    if item.path.endswith("/") or not item.path:
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        body = client.get_object(Bucket=item.source.bucket, Key=item.source.key)["Body"]
        copy(body, file)


def copy(source: Any, target: Any) -> None:
    """Copy a response's body into a file."""
    shutil.copyfileobj(source, target, CHUNK)


def put_file(client: Any, path: Path, target: Location) -> None:
    """Upload one file."""
    try:
        with path.open("rb") as file:
            client.put_object(Bucket=target.bucket, Key=target.key, Body=file)
    except (ClientError, OSError) as error:
        raise TransferError(f"Unable to upload {target.uri} ({error})") from error


def put_tree(client: Any, directory: Path, target: Location) -> None:
    """Upload every file of a directory under its relative path."""
    _each(lambda path: put_file(client, path, target.below(path.relative_to(directory).as_posix())), files(directory))


def files(directory: Path) -> list[Path]:
    """Every file below a directory, sorted.

    A symbolic link counts if it stays inside: elsewhere it would carry a file of this machine out. What a link to a
    directory shows is found under its own name already.
    """
    root = directory.resolve()
    found: list[Path] = []
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            path = root.joinpath(folder, name)
            if path.is_symlink() and not path.resolve().is_relative_to(root):
                raise TransferError(f"The symbolic link {path.relative_to(root)} leads outside its directory")
            if path.is_file():
                found.append(path)
    return sorted(found)


def _each(task: Any, items: Iterable[Any]) -> None:
    with ThreadPoolExecutor(PARALLEL, thread_name_prefix="s3") as pool:
        for _ in pool.map(task, items):
            pass
