"""A small client of the registry HTTP API: what the engines' own commands don't tell, and all that processes need."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from shapemaker_action.errors import AccessError, EnvironmentProblemError, ImageContractError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shapemaker_action.containers.engine import RegistryCredentials
    from shapemaker_action.naming import Json

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"

_ANY_MANIFEST = (
    f"{DOCKER_MANIFEST}, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"
)
_TIMEOUT = 120.0
_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Reference:
    """`registry/repository:tag` or `registry/repository@sha256:…` in its parts."""

    registry: str
    repository: str
    name: str
    """The tag, or the digest with its `sha256:`."""

    @classmethod
    def parse(cls, image: str) -> Reference:
        """`latest` stands for a missing tag."""
        registry, _, path = image.partition("/")
        if "@" in path:
            repository, _, name = path.partition("@")
            return cls(registry=registry, repository=repository.partition(":")[0], name=name)
        repository, _, name = path.partition(":")
        return cls(registry=registry, repository=repository, name=name or "latest")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A manifest as the registry keeps it."""

    digest: str
    media_type: str
    body: bytes

    @property
    def document(self) -> dict[str, Json]:
        """The parsed body."""
        parsed = json.loads(self.body)
        if not isinstance(parsed, dict):
            raise ImageContractError("the registry's manifest is no JSON object", remedy="push the image again")
        return parsed


@dataclass(frozen=True, kw_only=True)
class RemoteImage:
    """What a registry says about an image of one platform. Sizes in bytes, layers compressed."""

    digest: str
    media_type: str
    platform: str
    """`linux/amd64`"""
    size: int
    layers: tuple[str, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()


class _Unredirected(urllib.request.HTTPRedirectHandler):
    """Blobs are often served by redirect to another host, which must not get our password."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None:
            request.remove_header("Authorization")
        return request


class Registry:
    """One repository of a registry, reached with `docker login`'s credentials."""

    def __init__(self, credentials: RegistryCredentials, repository: str) -> None:
        scheme = "http" if credentials.insecure else "https"
        self._root = f"{scheme}://{credentials.registry}"
        self._repository = repository
        pair = f"{credentials.username}:{credentials.password}".encode()
        self._authorization = f"Basic {base64.b64encode(pair).decode()}" if credentials.username else ""
        # A proxy could not reach the loopback address of this machine.
        direct = [urllib.request.ProxyHandler({})] if credentials.insecure else []
        self._opener = urllib.request.build_opener(_Unredirected, *direct)

    def manifest(self, name: str) -> Manifest | None:
        """The manifest under a tag or digest, in the type that is stored; None if there is none."""
        with self._send("GET", f"manifests/{name}", {"Accept": _ANY_MANIFEST}, missing=True) as answer:
            if answer.status == http.HTTPStatus.NOT_FOUND:
                return None
            body = answer.read()
            computed = f"sha256:{hashlib.sha256(body).hexdigest()}"
            told = answer.headers.get("Docker-Content-Digest", computed)
            media_type = answer.headers.get_content_type()
        if told != computed:
            raise EnvironmentProblemError(
                f"the registry {self._root} sent a manifest {computed} under the name {told}", remedy="try again"
            )
        return Manifest(digest=computed, media_type=media_type, body=body)

    def describe(self, name: str) -> RemoteImage | None:
        """The image under a tag or digest; `ImageContractError` if it is not one for a single platform."""
        manifest = self.manifest(name)
        if manifest is None:
            return None
        document = manifest.document
        config = _mapping(document.get("config"))
        if not config:
            raise ImageContractError(
                f"{self._repository}:{name} is {manifest.media_type}, which lists images for several platforms",
                remedy="SageMaker takes one image of one platform: build with --provenance=false --sbom=false",
            )
        layers = [_mapping(each) for each in _list(document.get("layers"))]
        image = _mapping(json.loads(self.blob(str(config.get("digest")))))
        settings = _mapping(image.get("config"))
        return RemoteImage(
            digest=manifest.digest,
            media_type=manifest.media_type,
            platform=f"{image.get('os')}/{image.get('architecture')}",
            size=sum(int(str(each.get("size", 0))) for each in layers),
            layers=tuple(str(each.get("digest")) for each in layers),
            labels={key: str(value) for key, value in _mapping(settings.get("Labels")).items()},
            entrypoint=tuple(str(each) for each in _list(settings.get("Entrypoint"))),
            environment=tuple(str(each) for each in _list(settings.get("Env"))),
        )

    def blob(self, digest: str) -> bytes:
        """A small blob, checked against its digest."""
        with self._send("GET", f"blobs/{digest}", {}) as answer:
            content = answer.read()
        self._check(digest, hashlib.sha256(content).hexdigest())
        return bytes(content)

    def download(self, digest: str, to: Path) -> None:
        """A blob of any size into a file, checked against its digest."""
        content = hashlib.sha256()
        with self._send("GET", f"blobs/{digest}", {}) as answer, to.open("wb") as stream:
            while chunk := answer.read(_CHUNK):
                content.update(chunk)
                stream.write(chunk)
        self._check(digest, content.hexdigest())

    def has_blob(self, digest: str) -> bool:
        """Whether an upload can be spared."""
        with self._send("HEAD", f"blobs/{digest}", {}, missing=True) as answer:
            return bool(answer.status == http.HTTPStatus.OK)

    def upload(self, digest: str, content: Path) -> None:
        """Send a blob in one piece."""
        with self._send("POST", "blobs/uploads/", {"Content-Length": "0"}) as answer:
            location = urllib.parse.urljoin(answer.url, answer.headers["Location"])
        mark = "&" if "?" in location else "?"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(content.stat().st_size)}
        with content.open("rb") as stream:
            address = f"{location}{mark}digest={urllib.parse.quote(digest)}"
            self._send("PUT", address, headers, body=stream).close()

    def put_manifest(self, name: str, body: bytes, media_type: str = DOCKER_MANIFEST) -> str:
        """Make an image of uploaded blobs; the manifest's digest."""
        headers = {"Content-Type": media_type, "Content-Length": str(len(body))}
        self._send("PUT", f"manifests/{name}", headers, body=body).close()
        return f"sha256:{hashlib.sha256(body).hexdigest()}"

    def _check(self, digest: str, computed: str) -> None:
        if digest != f"sha256:{computed}":
            raise EnvironmentProblemError(
                f"the registry {self._root} sent other content for {digest}", remedy="run the same command again"
            )

    def _send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        body: bytes | IO[bytes] | None = None,
        missing: bool = False,
    ) -> http.client.HTTPResponse:
        """The answer to one request; a status of 404 is an answer too when `missing` is allowed."""
        address = path if "://" in path else f"{self._root}/v2/{self._repository}/{path}"
        request = urllib.request.Request(address, data=body, method=method, headers=dict(headers))  # noqa: S310
        if self._authorization:
            request.add_header("Authorization", self._authorization)
        try:
            answer: http.client.HTTPResponse = self._opener.open(request, timeout=_TIMEOUT)
        except urllib.error.HTTPError as error:
            if missing and error.code == http.HTTPStatus.NOT_FOUND:
                return error  # type: ignore[return-value]
            raise self._refused(method, path, error) from None
        except (OSError, http.client.HTTPException) as error:
            raise EnvironmentProblemError(
                f"the registry {self._root} cannot be reached: {getattr(error, 'reason', error)}",
                remedy="run the same command again; layers that arrived are not sent twice",
            ) from None
        return answer

    def _refused(self, method: str, path: str, error: urllib.error.HTTPError) -> AccessError | EnvironmentProblemError:
        text = error.read(2048).decode("utf-8", "replace").strip()
        what = f"the registry {self._root} answered {error.code} to {method} {path.partition('?')[0]}"
        if error.code in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN):
            return AccessError(what, remedy="give the identity access to the repository", details=(text,))
        return EnvironmentProblemError(what, remedy="run the same command again", details=(text,))


def _mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def prove(credentials: RegistryCredentials, image: str) -> RemoteImage:
    """The pushed image, after checking that SageMaker takes it; raises `ImageContractError` if not."""
    reference = Reference.parse(image)
    found = Registry(credentials, reference.repository).describe(reference.name)
    if found is None:
        raise EnvironmentProblemError(
            f"{image} is not in the registry after its push", remedy="run the same command again"
        )
    if found.media_type != DOCKER_MANIFEST:
        raise ImageContractError(
            f"the manifest of {image} has the type {found.media_type}; SageMaker hosting takes only {DOCKER_MANIFEST}",
            remedy="build with buildx --provenance=false and oci-mediatypes=false, or with podman --format docker",
        )
    wanted = found.labels.get(PLATFORM_LABEL, found.platform)
    if found.platform != wanted:
        raise ImageContractError(
            f"{image} is for {found.platform}, but {wanted} was wanted",
            remedy="let FROM in the Dockerfile name an image of that platform",
        )
    return found


PLATFORM_LABEL = "shapemaker.platform"
"""Label of every image we build: the platform that was asked for."""
