"""The local registry through docker, podman, skopeo and plain HTTP."""

from __future__ import annotations

import base64
import http.client
import io
import json
import os
import subprocess
import tarfile
import tempfile
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.local_registry import (
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Raw,
    digest_of,
    error_code,
    manifest,
)
from tests.support.local_service import client, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shapemaker_action.local.lifecycle import LocalService


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    with serving(tmp_path_factory.mktemp("local") / "state") as running:
        yield running


@pytest.fixture(scope="module")
def ecr(service: LocalService) -> Any:
    return client(service, "ecr")


@pytest.fixture
def name(request: pytest.FixtureRequest, ecr: Any) -> str:
    """A repository of the test's own."""
    created = f"{request.node.originalname.replace('_', '-')[:60]}-{uuid.uuid4().hex[:8]}"
    ecr.create_repository(repositoryName=created)
    return str(created)


@pytest.fixture(scope="module")
def raw(service: LocalService, ecr: Any) -> Raw:
    return Raw(service, ecr)


# The registry by hand


def test_the_registry_asks_for_the_password_of_the_authorization_token(service: LocalService, ecr: Any) -> None:
    data = ecr.get_authorization_token()["authorizationData"][0]
    assert data["proxyEndpoint"] == f"http://127.0.0.1:{service.port}"
    assert base64.b64decode(data["authorizationToken"]).startswith(b"AWS:")
    connection = http.client.HTTPConnection("127.0.0.1", service.port)
    wrong = base64.b64encode(b"AWS:wrong").decode()
    for headers in ({}, {"Authorization": f"Basic {wrong}"}, {"Authorization": "Bearer x"}):
        connection.request("GET", "/v2/", headers=headers)
        response = connection.getresponse()
        response.read()
        assert response.status == 401
        assert response.headers["WWW-Authenticate"].startswith("Basic realm=")
    connection.close()


def test_a_layer_may_come_in_pieces(raw: Raw, name: str) -> None:
    pieces = [b"a" * 100_000, b"b" * 50, b"c" * 7]
    location = raw.ask("POST", f"/v2/{name}/blobs/uploads/")[1]["location"]
    assert raw.ask("PATCH", location, pieces[0])[1]["range"] == "0-99999"
    assert raw.ask("PATCH", location, b"?", Content_Range="5-5")[0] == 416
    assert raw.ask("GET", location)[1]["range"] == "0-99999"
    assert raw.ask("PATCH", location, iter([pieces[1]]), Content_Range="100000-100049")[0] == 202
    digest = digest_of(b"".join(pieces))
    assert raw.ask("PUT", f"{location}?digest={digest}", pieces[2])[0] == 201
    status, headers, body = raw.ask("GET", f"/v2/{name}/blobs/{digest}")
    assert (status, headers["docker-content-digest"], body) == (200, digest, b"".join(pieces))
    assert raw.ask("HEAD", f"/v2/{name}/blobs/{digest}")[1]["content-length"] == "100057"


def test_content_that_is_not_what_its_digest_says_is_refused(raw: Raw, name: str) -> None:
    wrong = digest_of(b"other")
    status, _, body = raw.ask("POST", f"/v2/{name}/blobs/uploads/?digest={wrong}", b"this")
    assert (status, error_code(body)) == (400, "DIGEST_INVALID")
    assert raw.ask("HEAD", f"/v2/{name}/blobs/{wrong}")[0] == 404
    content = manifest(raw, name)
    status, _, body = raw.ask("PUT", f"/v2/{name}/manifests/{wrong}", content, Content_Type=DOCKER_MANIFEST)
    assert (status, error_code(body)) == (400, "DIGEST_INVALID")


@pytest.mark.parametrize("digest", ["", "sha256:../../../etc/passwd", "sha512:00", f"sha256:{'A' * 64}"])
def test_a_digest_is_never_a_path(raw: Raw, name: str, digest: str) -> None:
    assert raw.ask("POST", f"/v2/{name}/blobs/uploads/?digest={digest}", b"this")[0] == 400
    assert raw.ask("GET", f"/v2/{name}/blobs/{digest.replace('/', '%2F') or '%2E%2E'}")[0] == 404
    assert raw.ask("PATCH", f"/v2/{name}/blobs/uploads/..", b"x")[0] == 404


def test_an_abandoned_upload_is_gone(raw: Raw, name: str) -> None:
    location = raw.ask("POST", f"/v2/{name}/blobs/uploads/")[1]["location"]
    assert raw.ask("DELETE", location)[0] == 204
    status, _, body = raw.ask("PATCH", location, b"x")
    assert (status, error_code(body)) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_layer_of_another_repository_is_mounted(ecr: Any, raw: Raw, name: str) -> None:
    digest = raw.upload(name, b"shared layer")
    ecr.create_repository(repositoryName="mounting")
    assert raw.ask("POST", f"/v2/mounting/blobs/uploads/?mount={digest}&from={name}")[0] == 201
    assert raw.ask("POST", f"/v2/mounting/blobs/uploads/?mount={digest_of(b'?')}&from={name}")[0] == 202


def test_manifests_are_served_as_they_were_given(raw: Raw, name: str) -> None:
    status, headers, _, content = raw.put_image(name, "oci", media_type=OCI_MANIFEST)
    assert (status, headers["docker-content-digest"]) == (201, digest_of(content))
    for reference in ("oci", digest_of(content)):
        status, headers, body = raw.ask("GET", f"/v2/{name}/manifests/{reference}")
        assert (status, headers["content-type"], body) == (200, OCI_MANIFEST, content)
        assert raw.ask("HEAD", f"/v2/{name}/manifests/{reference}")[1]["content-length"] == str(len(content))
    assert json.loads(raw.ask("GET", f"/v2/{name}/tags/list")[2]) == {"name": name, "tags": ["oci"]}


def test_an_index_needs_its_images(ecr: Any, raw: Raw, name: str) -> None:
    content = raw.put_image(name, "single", media_type=OCI_MANIFEST)[3]
    entry = {"digest": digest_of(content), "size": len(content), "mediaType": OCI_MANIFEST}
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
    path = f"/v2/{name}/manifests/index"
    assert raw.ask("PUT", path, json.dumps(index).encode(), Content_Type=OCI_INDEX)[0] == 201
    entry["digest"] = digest_of(b"nowhere")
    assert raw.ask("PUT", path, json.dumps(index).encode(), Content_Type=OCI_INDEX)[0] == 404
    detail = ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": "index"}])["imageDetails"][0]
    assert detail["imageManifestMediaType"] == OCI_INDEX


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"config": {"digest": "../x", "size": 1}, "layers": []}'])
def test_what_is_no_manifest_is_refused(raw: Raw, name: str, content: bytes) -> None:
    status, _, body = raw.ask("PUT", f"/v2/{name}/manifests/t", content, Content_Type=DOCKER_MANIFEST)
    assert (status, error_code(body)) == (400, "MANIFEST_INVALID")


def test_an_immutable_tag_takes_the_same_image_again_and_no_other(ecr: Any, raw: Raw, name: str) -> None:
    ecr.put_image_tag_mutability(repositoryName=name, imageTagMutability="IMMUTABLE")
    assert [raw.put_image(name, "t")[0] for _ in range(2)] == [201, 201]
    status, _, body, _ = raw.put_image(name, "t", seed="other")
    assert (status, error_code(body)) == (400, "TAG_INVALID")
    assert "cannot be overwritten because the tag is immutable" in json.loads(body)["errors"][0]["message"]


def test_a_repository_has_to_be_created_before_a_push(raw: Raw) -> None:
    for method, path in (
        ("POST", "/v2/nowhere/blobs/uploads/"),
        ("GET", "/v2/nowhere/tags/list"),
        ("GET", "/v2/nowhere/manifests/t"),
        ("GET", f"/v2/nowhere/blobs/{digest_of(b'')}"),
    ):
        status, _, body = raw.ask(method, path)
        assert (status, error_code(body)) == (404, "NAME_UNKNOWN")


def test_a_deleted_manifest_is_unknown(raw: Raw, name: str) -> None:
    content = raw.put_image(name, "t")[3]
    assert raw.ask("DELETE", f"/v2/{name}/manifests/{digest_of(content)}")[0] == 202
    status, _, body = raw.ask("GET", f"/v2/{name}/manifests/t")
    assert (status, error_code(body)) == (404, "MANIFEST_UNKNOWN")


def test_layers_can_be_pushed_all_at_once(raw: Raw, name: str) -> None:
    contents = [os.urandom(3_000_000) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        digests = list(pool.map(lambda content: raw.upload(name, content), contents))
        answers = list(pool.map(lambda digest: raw.ask("GET", f"/v2/{name}/blobs/{digest}")[2], digests))
    assert answers == contents


def test_images_stay_and_unneeded_layers_go_with_a_restart(tmp_path: Path) -> None:
    for started in range(2):
        with serving(tmp_path / "state") as running:
            ecr = client(running, "ecr")
            raw = Raw(running, ecr)
            if not started:
                ecr.create_repository(repositoryName="stays")
                kept = raw.put_image("stays", "t")[3]
                unneeded = raw.upload("stays", b"unneeded")
            assert raw.ask("GET", "/v2/stays/manifests/t")[2] == kept
            assert raw.ask("HEAD", f"/v2/stays/blobs/{digest_of(b'layer')}")[0] == 200
            assert raw.ask("HEAD", f"/v2/stays/blobs/{unneeded}")[0] == (404 if started else 200)


# Real clients


def run(*command: object, environ: dict[str, str] | None = None, stdin: bytes = b"", code: int = 0) -> str:
    """Output and errors of a command that must end with this code."""
    done = subprocess.run(
        [str(word) for word in command],
        env=os.environ | (environ or {}),
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert done.returncode == code, done.stdout.decode()
    return done.stdout.decode()


def file_system(size: int) -> bytes:
    """A tar of one file with content that no other image has."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        member = tarfile.TarInfo("content")
        member.size = size
        tar.addfile(member, io.BytesIO(os.urandom(size)))
    return packed.getvalue()


def password(ecr: Any) -> str:
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return base64.b64decode(token).decode().partition(":")[2]


@pytest.fixture
def image(service: LocalService, name: str, tmp_path: Path, ecr: Any) -> Iterator[tuple[str, dict[str, str]]]:
    """An image of docker's own store under a name of the local registry, and an environment that is logged in."""
    environ = {"DOCKER_CONFIG": str(tmp_path / "docker")}
    tag = f"127.0.0.1:{service.port}/{name}:t"
    run("docker", "import", "-", tag, environ=environ, stdin=file_system(5_000_000))
    login = ("docker", "login", "--username", "AWS", "--password-stdin", f"127.0.0.1:{service.port}")
    run(*login, environ=environ, stdin=password(ecr).encode())
    yield tag, environ
    run("docker", "image", "rm", tag)


@pytest.mark.needs("docker")
def test_docker_pushes_and_pulls(image: tuple[str, dict[str, str]], ecr: Any, name: str) -> None:
    tag, environ = image
    assert "digest: sha256:" in run("docker", "push", tag, environ=environ)
    detail = ecr.describe_images(repositoryName=name)["imageDetails"][0]
    assert (detail["imageTags"], detail["imageManifestMediaType"]) == (["t"], DOCKER_MANIFEST)
    run("docker", "image", "rm", tag)
    assert detail["imageDigest"] in run("docker", "pull", tag, environ=environ)


@pytest.mark.needs("docker")
def test_docker_says_what_ecr_says(image: tuple[str, dict[str, str]], ecr: Any, name: str) -> None:
    tag, environ = image
    ecr.put_image_tag_mutability(repositoryName=name, imageTagMutability="IMMUTABLE")
    for _ in range(2):
        run("docker", "push", tag, environ=environ)
    run("docker", "import", "-", tag, stdin=file_system(10))
    assert "the tag is immutable" in run("docker", "push", tag, environ=environ, code=1)
    ecr.delete_repository(repositoryName=name, force=True)
    assert "name unknown: The repository with name" in run("docker", "push", tag, environ=environ, code=1)
    anonymous = {"DOCKER_CONFIG": f"{environ['DOCKER_CONFIG']}-none"}
    assert "no basic auth credentials" in run("docker", "push", tag, environ=anonymous, code=1)


@pytest.mark.needs("docker", "skopeo")
def test_skopeo_copies_docker_and_oci_images(image: tuple[str, dict[str, str]], ecr: Any, name: str) -> None:
    tag, _ = image
    target = f"docker://{tag.removesuffix(':t')}"
    login = ("--dest-tls-verify=false", "--dest-creds", f"AWS:{password(ecr)}")
    for form, media_type in (("v2s2", DOCKER_MANIFEST), ("oci", OCI_MANIFEST)):
        run("skopeo", "copy", "--format", form, *login, f"docker-daemon:{tag}", f"{target}:{form}")
        detail = ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": form}])["imageDetails"][0]
        assert detail["imageManifestMediaType"] == media_type
    read = ("--tls-verify=false", "--creds", f"AWS:{password(ecr)}")
    assert json.loads(run("skopeo", "list-tags", *read, target))["Tags"] == ["oci", "v2s2"]


@pytest.fixture
def podman() -> Iterator[tuple[object, ...]]:
    """podman with a store of its own: what else this machine's podman holds is not the test's."""
    # pytest's own temporary directories have longer names than podman takes.
    with tempfile.TemporaryDirectory(prefix="podman") as store:
        yield ("podman", "--root", f"{store}/root", "--runroot", f"{store}/run", "--storage-driver", "vfs")


@pytest.mark.needs("podman")
def test_podman_pushes_and_pulls(service: LocalService, ecr: Any, name: str, podman: tuple[object, ...]) -> None:
    tag = f"127.0.0.1:{service.port}/{name}:t"
    login = ("--tls-verify=false", "--creds", f"AWS:{password(ecr)}")
    run(*podman, "import", "-", tag, stdin=file_system(100_000))
    run(*podman, "push", *login, "--format", "v2s2", tag)
    run(*podman, "rmi", tag)
    run(*podman, "pull", *login, tag)
    assert ecr.describe_images(repositoryName=name)["imageDetails"][0]["imageManifestMediaType"] == DOCKER_MANIFEST
