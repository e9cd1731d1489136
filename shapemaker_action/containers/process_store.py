"""Images of the process engine on this machine: blobs by digest, names that point to manifests, unpacked layers."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import tarfile
import tempfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from shapemaker_action import naming
from shapemaker_action.containers import tree
from shapemaker_action.containers.registry import DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST
from shapemaker_action.errors import EnvironmentProblemError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_FASTEST = 1
_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A part of an image: the digest of its bytes, of its uncompressed bytes, and its size."""

    digest: str
    diff_id: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Image:
    """What starting an image needs to know."""

    manifest: str
    layers: tuple[str, ...]
    entrypoint: tuple[str, ...]
    environment: Mapping[str, str]
    labels: Mapping[str, str]


class Store:
    """A directory that any number of processes may read and write: files appear complete or not at all."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def blob(self, digest: str) -> Path:
        """Where the bytes are, or would be."""
        return self.root / "blobs" / digest.replace(":", "-")

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """A directory to work in on the same disk; gone afterwards."""
        self.root.mkdir(parents=True, exist_ok=True)
        with tree.disk(self.root), tempfile.TemporaryDirectory(prefix="draft-", dir=self.root) as folder:
            yield Path(folder)

    def put(self, content: bytes) -> str:
        """Keep bytes under their digest."""
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        with self.draft() as folder:
            place = folder / "blob"
            place.write_bytes(content)
            self.adopt(place, digest)
        return digest

    def adopt(self, content: Path, digest: str) -> None:
        """Take over a file of this disk whose digest is known."""
        target = self.blob(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        content.replace(target)

    def put_layer(self, folder: Path) -> Layer:
        """Pack a directory so that equal files give equal bytes."""
        with self.draft() as draft:
            place = draft / "layer"
            diff_id = _pack(folder, place)
            layer = Layer(digest=f"sha256:{_sha256(place)}", diff_id=diff_id, size=place.stat().st_size)
            self.adopt(place, layer.digest)
        return layer

    def put_image(self, name: str, layers: Iterable[Layer], config: Mapping[str, object]) -> str:
        """Make an image and name it; the digest of its manifest."""
        layers = tuple(layers)
        document = {**config, "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]}}
        content = naming.canonical(document)
        manifest = {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": {"mediaType": DOCKER_CONFIG, "size": len(content), "digest": self.put(content)},
            "layers": [{"mediaType": DOCKER_LAYER, "size": layer.size, "digest": layer.digest} for layer in layers],
        }
        digest = self.put(naming.canonical(manifest))
        self.name(name, digest)
        return digest

    def name(self, name: str, manifest: str) -> None:
        """Let an image name mean this manifest from now on."""
        place = self._name(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        write_json(place, {"image": name, "manifest": manifest})

    def find(self, name: str) -> str:
        """The manifest's digest behind a name; empty when it is not here."""
        place = self._name(name)
        digest = name.partition("@")[2] or (str(read_json(place)["manifest"]) if place.is_file() else "")
        return digest if digest and self.blob(digest).is_file() else ""

    def manifest(self, digest: str) -> bytes:
        """A manifest's bytes."""
        return self.blob(digest).read_bytes()

    def image(self, digest: str) -> Image:
        """The image behind a manifest's digest."""
        manifest = json.loads(self.manifest(digest))
        config = json.loads(self.blob(manifest["config"]["digest"]).read_bytes())["config"]
        return Image(
            manifest=digest,
            layers=tuple(layer["digest"] for layer in manifest["layers"]),
            entrypoint=tuple(config["Entrypoint"]),
            environment=dict(each.split("=", 1) for each in config["Env"]),
            labels=config["Labels"],
        )

    def unpacked(self, layer: str) -> Path:
        """The directory of a layer's files, shared by all containers: nobody may write there."""
        place = self.root / "layers" / layer.replace(":", "-")
        if not place.is_dir():
            with self.draft() as draft:
                _unpack(self.blob(layer), draft / "files")
                move(draft / "files", place)
        return place

    def _name(self, name: str) -> Path:
        return self.root / "names" / f"{naming.digest(name)}.json"


def move(draft: Path, place: Path) -> None:
    """Put a finished directory in place; the same content from another process is as good."""
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        draft.replace(place)
    except OSError:
        if not place.is_dir():
            raise
        shutil.rmtree(draft)


def write_json(place: Path, document: object) -> None:
    """Write a file that others may be reading; only the owner may."""
    draft = place.with_name(f".{place.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(document), "utf-8")
    draft.replace(place)


def read_json(place: Path) -> dict[str, naming.Json]:
    """What `write_json` wrote."""
    document = json.loads(place.read_text("utf-8"))
    if not isinstance(document, dict):
        raise TypeError(f"BUG: {place} holds no object")
    return document


def _pack(folder: Path, place: Path) -> str:
    """A tar.gz without owners, times or umasks; the digest of the tar."""
    plain = place.with_name("plain")
    with tarfile.open(plain, "w", format=tarfile.GNU_FORMAT) as archive:
        for each in sorted(folder.rglob("*")):
            _add(archive, each, each.relative_to(folder).as_posix())
    with (
        plain.open("rb") as source,
        place.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=_FASTEST, mtime=0) as packed,
    ):
        shutil.copyfileobj(source, packed, _CHUNK)
    return f"sha256:{_sha256(plain)}"


def _add(archive: tarfile.TarFile, source: Path, name: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.mtime = tree.MOMENT
    if source.is_dir():
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(entry)
        return
    entry.size = source.stat().st_size
    entry.mode = 0o755 if os.access(source, os.X_OK) else 0o644
    with source.open("rb") as stream:
        archive.addfile(entry, stream)


def _unpack(blob: Path, folder: Path) -> None:
    """Only files and folders, only below `folder`: a layer comes over the network."""
    folder.mkdir()
    try:
        with tarfile.open(blob, "r:gz") as archive:
            for entry in archive:
                _extract(archive, entry, folder)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise EnvironmentProblemError(f"the layer {blob.name} is damaged: {error}", remedy="build again") from None


def _extract(archive: tarfile.TarFile, entry: tarfile.TarInfo, folder: Path) -> None:
    path = PurePosixPath(entry.name)
    if path.is_absolute() or ".." in path.parts or not (entry.isfile() or entry.isdir()):
        raise EnvironmentProblemError(
            f"a layer holds {entry.name!a}, which is no plain file or folder inside it",
            remedy="build the image again with the process engine",
        )
    place = folder / path
    if entry.isdir():
        place.mkdir(parents=True, exist_ok=True)
        return
    content = archive.extractfile(entry)
    if content is None:
        raise AssertionError("BUG: a file without content")
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as stream:
        shutil.copyfileobj(content, stream, _CHUNK)
    place.chmod(0o755 if entry.mode & 0o100 else 0o644)


def _sha256(place: Path) -> str:
    content = hashlib.sha256()
    with place.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            content.update(chunk)
    return content.hexdigest()
