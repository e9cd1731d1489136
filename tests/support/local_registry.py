"""The local registry by hand: requests as docker makes them, and small images to push with them."""

from __future__ import annotations

import hashlib
import http.client
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shapemaker_action.local.lifecycle import LocalService

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"


class Raw:
    """The registry by hand."""

    def __init__(self, service: LocalService, ecr: Any) -> None:
        self._port = service.port
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        self._headers = {"Authorization": f"Basic {token}"}

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        chunked = body is not None and not isinstance(body, bytes)
        connection.request(method, path, body=body, headers=self._headers | named, encode_chunked=chunked)
        response = connection.getresponse()
        answer = response.status, {key.lower(): value for key, value in response.getheaders()}, response.read()
        connection.close()
        return answer

    def upload(self, name: str, content: bytes) -> str:
        digest = digest_of(content)
        status, _, _ = self.ask("POST", f"/v2/{name}/blobs/uploads/?digest={digest}", content)
        assert status == 201
        return digest

    def put_image(self, name: str, reference: str, *, media_type: str = DOCKER_MANIFEST, seed: str = "") -> Any:
        content = manifest(self, name, media_type, seed)
        return (*self.ask("PUT", f"/v2/{name}/manifests/{reference}", content, Content_Type=media_type), content)


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def manifest(raw: Raw, name: str, media_type: str = DOCKER_MANIFEST, seed: str = "") -> bytes:
    config, layer = json.dumps({"architecture": "amd64", "os": "linux", "seed": seed}).encode(), b"layer"
    parts = [{"digest": raw.upload(name, part), "size": len(part), "mediaType": "x/y"} for part in (config, layer)]
    document = {"schemaVersion": 2, "mediaType": media_type, "config": parts[0], "layers": parts[1:]}
    return json.dumps(document).encode()


def error_code(body: bytes) -> str:
    return str(json.loads(body)["errors"][0]["code"])
