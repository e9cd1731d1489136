"""What the local registry keeps: repositories with their images and settings as JSON, blobs by their digest."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import re
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from shapemaker_action.local.wire import ApiError
from shapemaker_action.local.world import ACCOUNT, Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
SINGLE = (DOCKER_MANIFEST, OCI_MANIFEST)
MANY = (DOCKER_LIST, OCI_INDEX)

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


def is_digest(reference: str) -> bool:
    """Whether a manifest reference is a digest rather than a tag."""
    return _DIGEST.fullmatch(reference) is not None


@dataclass(kw_only=True)
class Image:
    """One manifest of a repository and the tags that point to it."""

    digest: str
    media_type: str
    artifact_type: str
    """Media type of the image configuration; empty for a list of manifests."""
    size: int
    """Bytes of layers and configuration, as compressed in the registry."""
    pushed_at: float
    tags: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class Repository:
    """A repository with its settings in ECR's own words."""

    name: str
    created_at: float
    tag_mutability: str = "MUTABLE"
    exclusions: list[dict[str, str]] = field(default_factory=list)
    scan_on_push: bool = False
    encryption: dict[str, str] = field(default_factory=lambda: {"encryptionType": "AES256"})
    tags: dict[str, str] = field(default_factory=dict)
    policy: str = ""
    lifecycle: str = ""
    images: dict[str, Image] = field(default_factory=dict)
    """By digest, in the order of their first push."""

    def find(self, reference: str) -> Image | None:
        """By tag or digest."""
        if is_digest(reference):
            return self.images.get(reference)
        return next((image for image in self.images.values() if reference in image.tags), None)

    def is_immutable(self, tag: str) -> bool:
        """Whether a tag that exists has to stay on its image."""
        excluded = any(fnmatch.fnmatchcase(tag, rule["filter"]) for rule in self.exclusions)
        return self.tag_mutability.startswith("IMMUTABLE") != excluded


class ImageStore:
    """All repositories of the local account; one name space for all regions, as they share one registry host.

    Errors are `ApiError`s with ECR's codes and messages.
    """

    def __init__(self, directory: Path, host: str) -> None:
        self.host = host
        """`127.0.0.1:PORT`, the registry part of every image URI."""
        self.lock = threading.RLock()
        self._blobs = directory / "blobs"
        self._folder = directory / "repositories"
        self._blobs.mkdir(parents=True, exist_ok=True)
        self._folder.mkdir(exist_ok=True)
        self._repositories = {repository.name: repository for repository in self._load()}
        self._sweep()

    def repositories(self) -> list[Repository]:
        """All of them, by name."""
        with self.lock:
            return [self._repositories[name] for name in sorted(self._repositories)]

    def repository(self, name: str) -> Repository:
        """Raises `RepositoryNotFoundException`."""
        with self.lock:
            if name not in self._repositories:
                raise ApiError(
                    "RepositoryNotFoundException",
                    f"The repository with name '{name}' does not exist in the registry with id '{ACCOUNT}'",
                )
            return self._repositories[name]

    def create(self, repository: Repository) -> None:
        """Raises `RepositoryAlreadyExistsException`."""
        with self.lock:
            if repository.name in self._repositories:
                raise ApiError(
                    "RepositoryAlreadyExistsException",
                    f"The repository with name '{repository.name}' already exists in the registry with id '{ACCOUNT}'",
                )
            self._repositories[repository.name] = repository
            self.save(repository)

    def delete(self, name: str) -> None:
        """Its blobs go with the next start: another push may be relying on them right now."""
        with self.lock:
            del self._repositories[name]
            self._path(name).unlink()

    def save(self, repository: Repository) -> None:
        """Make a change of the repository last."""
        with self.lock:
            fresh = self._path(repository.name).with_suffix(".new")
            fresh.write_text(json.dumps(asdict(repository)), encoding="utf-8")
            fresh.replace(self._path(repository.name))

    def put(self, repository: Repository, tag: str, media_type: str, content: bytes) -> Image:
        """Store a manifest; a tag moves to it unless it is immutable. An empty tag stores it by digest alone.

        Without a media type the manifest's own counts.
        """
        if tag and not _TAG.fullmatch(tag):
            raise ApiError("InvalidParameterException", f"Invalid parameter at 'imageTag': '{tag}'")
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        with self.lock:
            image = repository.images.get(digest) or self._described(repository, digest, media_type, content)
            holder = repository.find(tag) if tag else None
            if holder and holder.digest != digest:
                if repository.is_immutable(tag):
                    raise _immutable(repository, tag)
                holder.tags.remove(tag)
            if tag and tag not in image.tags:
                image.tags.append(tag)
            if digest not in repository.images:
                self.blob(digest).write_bytes(content)
                repository.images[digest] = image
            self.save(repository)
            return image

    def remove(self, repository: Repository, image: Image, tag: str = "") -> None:
        """Take a tag off an image, and the image away with its last tag or when no tag is given."""
        with self.lock:
            image.tags = [kept for kept in image.tags if kept != tag] if tag else []
            if not image.tags:
                del repository.images[image.digest]
            self.save(repository)

    def blob(self, digest: str) -> Path:
        """Where a blob is, or is to be: layers, configurations and manifests alike."""
        return self._blobs / digest.removeprefix("sha256:")

    def has_blob(self, digest: str) -> bool:
        """Whether the blob is there. All repositories share them, so a push skips what any other has brought."""
        return is_digest(digest) and self.blob(digest).is_file()

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """See `world.Images`."""
        with self.lock:
            found = self._repositories[repository].find(reference) if repository in self._repositories else None
            if found is None:
                return None
            content = self.blob(found.digest).read_bytes()
            return Manifest(digest=found.digest, media_type=found.media_type, content=content)

    def resolve(self, image: str) -> Manifest | None:
        """See `world.Images`."""
        host, _, path = image.partition("/")
        name, at, reference = path.partition("@")
        if not at:
            name, _, reference = path.partition(":")
        return self.manifest(name, reference or "latest") if host == self.host else None

    def config(self, manifest: Manifest) -> dict[str, Any]:
        """See `world.Images`."""
        if manifest.media_type not in SINGLE:
            return {}
        digest = json.loads(manifest.content)["config"]["digest"]
        return dict(json.loads(self.blob(digest).read_bytes()))

    def _described(self, repository: Repository, digest: str, media_type: str, content: bytes) -> Image:
        document = _parse(media_type, content)
        media_type = media_type or document["mediaType"]
        if media_type in MANY:
            self._require_images(repository, document)
            return Image(digest=digest, media_type=media_type, artifact_type="", size=0, pushed_at=time.time())
        parts = [document["config"], *document["layers"]]
        # A layer with URLs is fetched from there; registries do not hold it.
        missing = [part["digest"] for part in parts if not part.get("urls") and not self.has_blob(part["digest"])]
        if missing:
            raise ApiError(
                "LayersNotFoundException",
                f"The following layers with digest(s) {', '.join(missing)} do not exist in the repository with name"
                f" '{repository.name}' in registry with id '{ACCOUNT}'",
            )
        return Image(
            digest=digest,
            media_type=media_type,
            artifact_type=document["config"].get("mediaType", ""),
            size=sum(int(part["size"]) for part in parts),
            pushed_at=time.time(),
        )

    @staticmethod
    def _require_images(repository: Repository, document: dict[str, Any]) -> None:
        missing = [entry["digest"] for entry in document["manifests"] if entry["digest"] not in repository.images]
        if missing:
            raise ApiError(
                "ReferencedImagesNotFoundException",
                f"The images with digest(s) {', '.join(missing)} do not exist in the repository with name"
                f" '{repository.name}' in registry with id '{ACCOUNT}'",
            )

    def _path(self, name: str) -> Path:
        return self._folder / f"{quote(name, safe='')}.json"

    def _load(self) -> Iterator[Repository]:
        for path in sorted(self._folder.glob("*.json")):
            document = json.loads(path.read_text(encoding="utf-8"))
            images = {digest: Image(**image) for digest, image in document.pop("images").items()}
            yield Repository(**document, images=images)

    def _sweep(self) -> None:
        """Delete blobs that no manifest names. At the start nobody is in the middle of a push."""
        wanted = {blob for repository in self.repositories() for blob in self._needed(repository)}
        for path in self._blobs.iterdir():
            if path.name not in wanted:
                path.unlink()

    def _needed(self, repository: Repository) -> Iterator[str]:
        for image in repository.images.values():
            yield self.blob(image.digest).name
            if image.media_type in SINGLE:
                document = json.loads(self.blob(image.digest).read_bytes())
                for part in [document["config"], *document["layers"]]:
                    yield self.blob(part["digest"]).name


def _parse(media_type: str, content: bytes) -> dict[str, Any]:
    """The manifest, once it is known to have what the rest of this module reads."""
    try:
        document = json.loads(content)
        declared = document.get("mediaType", media_type)
        fits = declared == (media_type or declared) and declared in (*SINGLE, *MANY)
        parts = document["manifests"] if declared in MANY else [document["config"], *document["layers"]]
        valid = fits and all(is_digest(part["digest"]) and part["size"] >= 0 for part in parts)
    except (ValueError, KeyError, TypeError, AttributeError):
        valid, document = False, {}
    if not valid:
        raise ApiError(
            "InvalidParameterException",
            "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'",
        )
    return dict(document)


def _immutable(repository: Repository, tag: str) -> ApiError:
    return ApiError(
        "ImageTagAlreadyExistsException",
        f"The image tag '{tag}' already exists in the '{repository.name}' repository"
        " and cannot be overwritten because the tag is immutable.",
    )
