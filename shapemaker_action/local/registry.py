"""The push and pull part of the registry's HTTP API, version 2: what docker, podman and skopeo speak."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from typing import TYPE_CHECKING, BinaryIO

from shapemaker_action.local.body import CHUNK
from shapemaker_action.local.image_store import is_digest
from shapemaker_action.local.wire import ApiError, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from shapemaker_action.local.image_store import ImageStore
    from shapemaker_action.local.wire import Request

_MANIFEST_LIMIT = 4 << 20
_NAME = r"(?P<name>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
_UPLOAD = r"(?P<upload>[0-9a-f]{32})"
_FROM_ECR = {
    # What the API calls a thing, what the registry calls it, and with which status.
    "RepositoryNotFoundException": ("NAME_UNKNOWN", 404),
    "ImageNotFoundException": ("MANIFEST_UNKNOWN", 404),
    "ImageTagAlreadyExistsException": ("TAG_INVALID", 400),
    "LayersNotFoundException": ("MANIFEST_BLOB_UNKNOWN", 404),
    "ReferencedImagesNotFoundException": ("MANIFEST_UNKNOWN", 404),
    "InvalidParameterException": ("MANIFEST_INVALID", 400),
}


class Registry:
    """Answers everything below `/v2/`. Users log in as `AWS` with the password of GetAuthorizationToken."""

    def __init__(self, store: ImageStore, uploads: Path, password: str) -> None:
        self._store = store
        self._uploads = uploads
        self._login = base64.b64encode(f"AWS:{password}".encode())
        uploads.mkdir(parents=True, exist_ok=True)
        for abandoned in uploads.iterdir():
            abandoned.unlink()
        manifest = {"GET": self._get_manifest, "PUT": self._put_manifest, "DELETE": self._delete_manifest}
        upload = {"GET": self._get_upload, "PATCH": self._continue_upload, "PUT": self._finish_upload}
        self._routes: list[tuple[str, str, dict[str, Callable[..., Response]]]] = [
            (r"/v2/?", "Registry", {"GET": self._ping, "HEAD": self._ping}),
            (rf"/v2/{_NAME}/tags/list", "Tags", {"GET": self._list_tags}),
            (rf"/v2/{_NAME}/manifests/(?P<reference>[^/]+)", "Manifest", {"HEAD": self._get_manifest, **manifest}),
            (rf"/v2/{_NAME}/blobs/uploads/?", "Upload", {"POST": self._start_upload}),
            (rf"/v2/{_NAME}/blobs/uploads/{_UPLOAD}", "Upload", {"DELETE": self._cancel_upload, **upload}),
            (rf"/v2/{_NAME}/blobs/(?P<digest>[^/]+)", "Blob", {"GET": self._get_blob, "HEAD": self._get_blob}),
        ]

    def handle(self, request: Request) -> tuple[str, Response]:
        """The name of what was asked, for the request log, and the answer."""
        if not self._is_logged_in(request):
            return "Login", self._refusal()
        for pattern, resource, methods in self._routes:
            match = re.fullmatch(pattern, request.path)
            if match and request.method in methods:
                name = f"{request.method.capitalize()}{resource}"
                try:
                    return name, methods[request.method](request, **match.groupdict())
                except ApiError as error:
                    return name, _error(error)
        return request.method, _error(ApiError("UNSUPPORTED", "The operation is unsupported.", status=404))

    def _is_logged_in(self, request: Request) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "basic" and hmac.compare_digest(given.strip().encode(), self._login)

    def _refusal(self) -> Response:
        challenge = f'Basic realm="http://{self._store.host}/",service="ecr.amazonaws.com"'
        refused = _error(ApiError("UNAUTHORIZED", "Not Authorized", status=401))
        return Response(status=401, headers={**refused.headers, "WWW-Authenticate": challenge}, body=refused.body)

    def _ping(self, _: Request) -> Response:
        return Response(headers=_VERSION, body=b"{}")

    def _list_tags(self, _: Request, name: str) -> Response:
        images = self._store.repository(name).images.values()
        tags = sorted(tag for image in images for tag in image.tags)
        return Response(headers=_JSON, body=json.dumps({"name": name, "tags": tags}).encode())

    def _get_manifest(self, request: Request, name: str, reference: str) -> Response:
        self._store.repository(name)
        manifest = self._store.manifest(name, reference)
        if manifest is None:
            raise ApiError("MANIFEST_UNKNOWN", "Requested image not found", status=404)
        headers = {
            **_VERSION,
            "Content-Type": manifest.media_type,
            "Docker-Content-Digest": manifest.digest,
            "Content-Length": str(len(manifest.content)),
        }
        return Response(headers=headers, body=manifest.content if request.method == "GET" else b"")

    def _put_manifest(self, request: Request, name: str, reference: str) -> Response:
        content = request.read(_MANIFEST_LIMIT)
        if len(content) > _MANIFEST_LIMIT:
            raise ApiError("SIZE_INVALID", "The manifest is larger than 4 MiB.", status=413)
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if is_digest(reference) and reference != digest:
            raise ApiError("DIGEST_INVALID", "Manifest digest does not match its content.")
        media_type = request.headers.get("content-type", "").partition(";")[0].strip()
        with self._store.lock:
            tag = "" if is_digest(reference) else reference
            self._store.put(self._store.repository(name), tag, media_type, content)
        location = f"/v2/{name}/manifests/{digest}"
        return Response(status=201, headers={**_VERSION, "Location": location, "Docker-Content-Digest": digest})

    def _delete_manifest(self, _: Request, name: str, reference: str) -> Response:
        with self._store.lock:
            repository = self._store.repository(name)
            image = repository.find(reference)
            if image is None:
                raise ApiError("MANIFEST_UNKNOWN", "Requested image not found", status=404)
            self._store.remove(repository, image, "" if is_digest(reference) else reference)
        return Response(status=202, headers=_VERSION)

    def _get_blob(self, request: Request, name: str, digest: str) -> Response:
        self._store.repository(name)
        if not self._store.has_blob(digest):
            raise ApiError("BLOB_UNKNOWN", f"The blob {digest} is unknown to the registry.", status=404)
        path = self._store.blob(digest)
        headers = {
            **_VERSION,
            "Content-Type": "application/octet-stream",
            "Docker-Content-Digest": digest,
            "Content-Length": str(path.stat().st_size),
        }
        return Response(headers=headers, body=_chunks(path.open("rb")) if request.method == "GET" else b"")

    def _start_upload(self, request: Request, name: str) -> Response:
        self._store.repository(name)
        mount = request.query.get("mount", "")
        if self._store.has_blob(mount):
            return self._created(name, mount)
        upload = secrets.token_hex(16)
        (self._uploads / upload).touch()
        if "digest" in request.query:
            return self._finish_upload(request, name, upload)
        return self._progress(name, upload)

    def _get_upload(self, _: Request, name: str, upload: str) -> Response:
        self._pending(name, upload)
        return self._progress(name, upload, status=204)

    def _continue_upload(self, request: Request, name: str, upload: str) -> Response:
        path = self._pending(name, upload)
        start = request.headers.get("content-range", "").removeprefix("bytes ").partition("-")[0]
        if start and start != str(path.stat().st_size):
            return self._progress(name, upload, status=416)
        _append(path, request.stream)
        return self._progress(name, upload)

    def _finish_upload(self, request: Request, name: str, upload: str) -> Response:
        path, wanted = self._pending(name, upload), request.query.get("digest", "")
        _append(path, request.stream)
        if not is_digest(wanted) or f"sha256:{_digest(path)}" != wanted:
            path.unlink()
            raise ApiError("DIGEST_INVALID", f"The uploaded content does not have the digest {wanted}.")
        path.replace(self._store.blob(wanted))
        return self._created(name, wanted)

    def _cancel_upload(self, _: Request, name: str, upload: str) -> Response:
        self._pending(name, upload).unlink()
        return Response(status=204, headers=_VERSION)

    def _pending(self, name: str, upload: str) -> Path:
        self._store.repository(name)
        path = self._uploads / upload
        if not path.is_file():
            raise ApiError("BLOB_UPLOAD_UNKNOWN", f"There is no upload {upload}.", status=404)
        return path

    def _progress(self, name: str, upload: str, *, status: int = 202) -> Response:
        last = max(0, (self._uploads / upload).stat().st_size - 1)
        headers = {"Location": f"/v2/{name}/blobs/uploads/{upload}", "Docker-Upload-UUID": upload, "Range": f"0-{last}"}
        return Response(status=status, headers={**_VERSION, **headers})

    @staticmethod
    def _created(name: str, digest: str) -> Response:
        location = f"/v2/{name}/blobs/{digest}"
        return Response(status=201, headers={**_VERSION, "Location": location, "Docker-Content-Digest": digest})


_VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}
_JSON = {**_VERSION, "Content-Type": "application/json"}


def _error(error: ApiError) -> Response:
    code, status = _FROM_ECR.get(error.code, (error.code, error.status))
    body = json.dumps({"errors": [{"code": code, "message": error.message}]}).encode()
    return Response(status=status, headers=_JSON, body=body)


def _append(path: Path, stream: BinaryIO) -> None:
    with path.open("ab") as file:
        while chunk := stream.read(CHUNK):
            file.write(chunk)


def _digest(path: Path) -> str:
    hasher = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK):
            yield chunk
