"""Channels: names that SageMaker takes, and data that are there."""

from __future__ import annotations

import re

from shapemaker_action import lazy
from shapemaker_action.config import aws_facts, paths
from shapemaker_action.config.build_rules import similar
from shapemaker_action.config.node import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shapemaker_action.config.node import KeyPath
    from shapemaker_action.config.project import ChannelSettings, Project
    from shapemaker_action.config.source import Source
    from shapemaker_action.diagnostics import Diagnostic

_NAME = lazy.pattern(r"[A-Za-z0-9._-]{1,64}")
_RESERVED = frozenset({"checkpoints", "output"})
_TRAINING_LIMIT = 20
_PROCESSING_LIMIT = 9
"""A processing job takes ten inputs; one is the model."""

_S3 = lazy.pattern(r"s3://(?P<bucket>[^/]*)(?P<slash>/?)(?P<key>.*)", re.DOTALL)
_S3_LENGTH = 1024


def check(project: Project, source: Source) -> Iterator[Diagnostic]:
    """The channels of training and evaluation."""
    yield from _channels(("train", "channels"), project.train.channels, _TRAINING_LIMIT, source)
    yield from _channels(("evaluate", "channels"), project.evaluate.channels, _PROCESSING_LIMIT, source)


def _channels(
    path: KeyPath, channels: Mapping[str, ChannelSettings], limit: int, source: Source
) -> Iterator[Diagnostic]:
    if len(channels) > limit:
        yield source.key_error(path, f"has {len(channels)} channels; SageMaker takes at most {limit}")
    for name, channel in channels.items():
        place = (*path, name)
        if not _NAME.fullmatch(name):
            yield source.key_error(
                place, "expected a name of at most 64 letters, digits, dots, hyphens and underscores"
            )
        elif name in _RESERVED and path[0] == "train":
            yield source.key_error(
                place,
                f"{quoted(name)} is a parameter of train() with a meaning of its own",
                "give the channel another name",
            )
        if source.is_sound(*place):
            deep = (*place, "source") if source.is_written(*place, "source") else place
            yield from _source(deep, channel.source, source)
            yield from _sample((*place, "sample"), channel, source)


def _source(path: KeyPath, text: str, source: Source) -> Iterator[Diagnostic]:
    if not text:
        yield source.error(path, "the channel has no source", "write a folder of the repository or an s3:// prefix")
    elif text.lower().startswith("s3:"):
        fault = s3_fault(text)
        if fault:
            yield source.error(path, f"{quoted(text)} {fault}", "write s3://BUCKET/PREFIX/")
    elif text.lower().startswith(("http://", "https://")):
        yield source.error(
            path,
            f"{quoted(text)} is a web address; SageMaker reads S3 only",
            "copy the data to s3:// or into the repository",
        )
    else:
        yield from _local(path, text, source)


def _sample(path: KeyPath, channel: ChannelSettings, source: Source) -> Iterator[Diagnostic]:
    if not channel.sample:
        return
    if channel.is_remote:
        yield from _local(path, channel.sample, source)
    else:
        yield source.error(path, "stands for data in S3, but the source is in the repository", "leave it out")


def _local(path: KeyPath, text: str, source: Source) -> Iterator[Diagnostic]:
    fault = paths.fault(source.directory, text)
    if fault:
        yield source.error(path, f"{quoted(text)} {fault}")
    elif paths.is_folder(source.directory, text):
        if not paths.has_files(source.directory / text):
            yield source.error(path, f"the folder {quoted(text)} has no files")
    elif not paths.is_file(source.directory, text):
        yield source.error(
            path,
            f"there is no file or folder {quoted(text)} in the repository",
            similar(source.directory, text) or "data that are too large for it go to s3://",
        )


def s3_fault(uri: str) -> str:
    """Why this is no usable S3 prefix, as a phrase after it; empty for a good one."""
    match = _S3.fullmatch(uri)
    if match is None:
        return "does not begin with s3:// in small letters"
    if aws_facts.bucket_fault(match["bucket"]):
        named = f": {quoted(match['bucket'])} {aws_facts.bucket_fault(match['bucket'])}" if match["bucket"] else ""
        return f"names no bucket{named}"
    if not match["key"]:
        return "is a whole bucket; a prefix in it is wanted"
    if len(uri) > _S3_LENGTH:
        return f"is longer than {_S3_LENGTH} characters"
    if re.search(r"(^|/)\.{1,2}(/|$)|//", match["key"]) or match["key"].startswith("/"):
        return "has an empty, . or .. part, which S3 takes literally"
    return ""
