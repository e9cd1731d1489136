"""Channel data: files of the repository in S3 under a prefix named by their content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from shapemaker_action.aws.classify import Kind
from shapemaker_action.aws.session import AwsCallError
from shapemaker_action.errors import InvalidInputError
from shapemaker_action.naming import digest, short, split_uri
from shapemaker_action.resources.bucket import DELETE_BATCH, delete_objects
from shapemaker_action.resources.place import Place

if TYPE_CHECKING:
    from pathlib import Path

    from shapemaker_action.aws.session import Aws
    from shapemaker_action.config.project import ChannelSettings
    from shapemaker_action.context import Context
    from shapemaker_action.plan import Resource

CHUNK = 1 << 20


def _sha256(path: Path) -> str:
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            sha.update(chunk)
    return sha.hexdigest()


@dataclass(frozen=True, kw_only=True)
class ChannelData:
    """`files` are relative paths with sizes in bytes; the content is in the prefix's digest."""

    kind: ClassVar[str] = "channel data"
    borrowed: ClassVar[bool] = False

    name: str
    """The prefix: `<scope>/channels/<digest>/`."""
    owner: str
    bucket: str = field(compare=False)
    directory: Path = field(compare=False)
    files: tuple[tuple[str, int], ...]

    @property
    def uri(self) -> str:
        """`s3://bucket/prefix/`; the slash keeps SageMaker from matching a longer prefix."""
        return f"s3://{self.bucket}/{self.name}"

    def read(self, context: Context) -> ChannelData | None:
        """What is below the prefix."""
        found = self._listing(context)
        if not found:
            return None
        return ChannelData(
            name=self.name, owner=self.owner, bucket=self.bucket, directory=self.directory, files=tuple(sorted(found))
        )

    def create(self, context: Context) -> None:
        """Upload every file."""
        self._upload(context, missing=self.files)

    def update(self, context: Context, observed: Resource) -> None:  # noqa: ARG002 - the listing is read again
        """Upload what an interrupted run did not, and delete what the name of the prefix doesn't cover."""
        there = self._listing(context)
        self._upload(context, missing=tuple(item for item in self.files if item not in there))
        wanted = {path for path, _ in self.files}
        strays = [{"Key": self.name + path} for path, _ in there if path not in wanted]
        for start in range(0, len(strays), DELETE_BATCH):
            delete_objects(context, self._address(context), strays[start : start + DELETE_BATCH])

    def delete(self, context: Context) -> None:
        """Nothing of its own: it goes with the bucket."""

    def _address(self, context: Context) -> dict[str, object]:
        return Place(context).in_bucket(self.bucket)

    def _listing(self, context: Context) -> list[tuple[str, int]]:
        address = self._address(context)
        if context.aws.find("s3", "HeadBucket", address) is None:
            return []
        objects = context.aws.pages("s3", "ListObjectsV2", "Contents", {**address, "Prefix": self.name})
        return [(item["Key"].removeprefix(self.name), int(item["Size"])) for item in objects]

    def _upload(self, context: Context, missing: tuple[tuple[str, int], ...]) -> None:
        for path, _ in missing:
            source = self.directory if self.directory.is_file() else self.directory / path
            context.aws.upload(str(source), self.bucket, self.name + path)


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A channel as a job sees it: a name, where the data are, and what identifies their content."""

    name: str
    settings: ChannelSettings
    root: Path
    bucket: str
    prefix: str
    owner: str

    @cached_property
    def data(self) -> ChannelData | None:
        """The data to upload; None when they are in S3 already."""
        if self.settings.is_remote:
            return None
        source = self.root / self.settings.source
        files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
        if not files:
            raise InvalidInputError(
                f"channel '{self.name}': {self.settings.source} has no files",
                state="nothing was sent to AWS",
                remedy="put the data there, or name another source in shapemaker.yml",
            )
        base = source.parent if source.is_file() else source
        relative = [path.relative_to(base).as_posix() for path in files]
        content = digest([[name, _sha256(path)] for name, path in zip(relative, files, strict=True)])
        sizes = tuple((name, path.stat().st_size) for name, path in zip(relative, files, strict=True))
        return ChannelData(
            name=f"{self.prefix}/channels/{short(content)}/",
            owner=self.owner,
            bucket=self.bucket,
            directory=source,
            files=tuple(sorted(sizes)),
        )

    @property
    def uri(self) -> str:
        """Where the job reads."""
        return self.data.uri if self.data else self.settings.source

    def identity(self, aws: Aws) -> object:
        """What names the content: our prefix holds its digest; for data in S3, keys and ETags below their prefix."""
        if self.data:
            return self.data.name
        found = self._listed(aws)
        if not found:
            raise InvalidInputError(
                f"channel '{self.name}': there are no objects below {self.settings.source}",
                state="no job was started",
                remedy="put the data there; for --target local and for pull requests from forks, name some of the "
                f"repository: channels.{self.name}.sample",
            )
        return found

    def _listed(self, aws: Aws) -> list[list[str]]:
        bucket, prefix = split_uri(self.settings.source)
        try:
            objects = list(aws.pages("s3", "ListObjectsV2", "Contents", {"Bucket": bucket, "Prefix": prefix}))
        except AwsCallError as error:
            if error.kind is not Kind.NOT_FOUND:
                raise
            return []
        return [[item["Key"], item["ETag"]] for item in objects]

    def data_source(self) -> dict[str, object]:
        """The `DataSource` member of a training channel."""
        return {
            "S3DataSource": {
                "S3DataType": "S3Prefix",
                "S3Uri": self.uri,
                "S3DataDistributionType": self.settings.distribution,
            }
        }
