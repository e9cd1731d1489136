from __future__ import annotations

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from shapemaker_action.containers.engine import RegistryCredentials
from shapemaker_action.containers.registry import DOCKER_MANIFEST, Reference, Registry, prove
from shapemaker_action.errors import AccessError, EnvironmentProblemError, ImageContractError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Answers = dict[str, tuple[int, dict[str, str], bytes]]


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Server:
    """Answers by path, and keeps what it was asked with which headers."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.asked: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                outer.asked.append((self.path, dict(self.headers)))
                status, headers, body = outer.answers.get(self.path, (404, {}, b"missing"))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_HEAD = answer  # noqa: N815 - http.server's names

            def log_message(self, *_: object) -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def credentials(self) -> RegistryCredentials:
        host, port = self.http.server_address[:2]
        return RegistryCredentials(registry=f"{host!s}:{port}", username="AWS", password="secret", insecure=True)

    @property
    def registry(self) -> Registry:
        return Registry(self.credentials, "salary")


@contextmanager
def serving(answers: Answers) -> Iterator[Server]:
    server = Server(answers)
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
        thread.join()


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("host:5000/a/b:tag", ("host:5000", "a/b", "tag")),
        ("host/a@sha256:01", ("host", "a", "sha256:01")),
        ("host:1/a:tag@sha256:01", ("host:1", "a", "sha256:01")),
        ("host/a", ("host", "a", "latest")),
    ],
)
def test_an_image_has_three_parts(image: str, expected: tuple[str, str, str]) -> None:
    found = Reference.parse(image)
    assert (found.registry, found.repository, found.name) == expected


def test_a_redirect_does_not_take_the_password_along() -> None:
    content = b"layer"
    with (
        serving({"/bucket/x": (200, {}, content)}) as bucket,
        serving({f"/v2/salary/blobs/{digest(content)}": (307, {}, b"")}) as server,
    ):
        [(path, (_, headers, _))] = server.answers.items()
        headers["Location"] = f"http://{bucket.credentials.registry}/bucket/x"
        assert server.registry.blob(digest(content)) == content
        assert server.asked[0][1]["Authorization"].startswith("Basic ")
        assert path == server.asked[0][0]
        assert "Authorization" not in bucket.asked[0][1]


def test_content_of_another_digest_is_not_accepted(tmp_path: Path) -> None:
    name = digest(b"wanted")
    with (
        serving({f"/v2/salary/blobs/{name}": (200, {}, b"other")}) as server,
        pytest.raises(EnvironmentProblemError, match="sent other content for"),
    ):
        server.registry.download(name, tmp_path / "blob")
    manifest = {"/v2/salary/manifests/1": (200, {"Docker-Content-Digest": name}, b"{}")}
    with serving(manifest) as server, pytest.raises(EnvironmentProblemError, match="under the name"):
        server.registry.manifest("1")


def test_what_is_not_there_is_none() -> None:
    with serving({}) as server:
        assert server.registry.manifest("1") is None
        assert server.registry.describe("1") is None
        assert not server.registry.has_blob("sha256:0")


@pytest.mark.parametrize(("status", "kind"), [(401, AccessError), (403, AccessError), (500, EnvironmentProblemError)])
def test_a_refusal_says_what_was_asked_and_what_the_registry_said(status: int, kind: type[Exception]) -> None:
    answers: Answers = {"/v2/salary/manifests/1": (status, {}, b"the reason")}
    with serving(answers) as server, pytest.raises(kind, match=rf"answered {status} to GET manifests/1") as caught:
        server.registry.manifest("1")
    assert caught.value.details == ("the reason",)  # type: ignore[attr-defined]


def test_a_registry_that_is_gone_is_an_error_of_this_machine() -> None:
    with serving({}) as server:
        credentials = server.credentials
    with pytest.raises(EnvironmentProblemError, match="cannot be reached"):
        Registry(credentials, "salary").manifest("1")


def image(config: Mapping[str, object], media_type: str = DOCKER_MANIFEST) -> Answers:
    settings = json.dumps(config).encode()
    manifest = {"config": {"digest": digest(settings)}, "layers": [{"digest": "sha256:a", "size": 3}]}
    return {
        "/v2/salary/manifests/1": (200, {"Content-Type": media_type}, json.dumps(manifest).encode()),
        f"/v2/salary/blobs/{digest(settings)}": (200, {}, settings),
    }


def test_an_image_is_described_by_what_is_stored() -> None:
    config = {
        "os": "linux",
        "architecture": "amd64",
        "config": {"Labels": {"a": "b"}, "Entrypoint": ["x"], "Env": ["A=1"]},
    }
    with serving(image(config)) as server:
        found = server.registry.describe("1")
    assert found is not None
    assert (found.platform, found.size, found.layers) == ("linux/amd64", 3, ("sha256:a",))
    assert (found.labels, found.entrypoint, found.environment) == ({"a": "b"}, ("x",), ("A=1",))


def test_an_image_without_settings_is_described_too() -> None:
    with serving(image({"os": "linux", "architecture": "arm64", "config": {"Labels": None, "Entrypoint": None}})) as it:
        found = it.registry.describe("1")
    assert found is not None
    assert (found.labels, found.entrypoint) == ({}, ())


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (image({"os": "linux", "architecture": "amd64"}, "application/vnd.oci.image.manifest.v1+json"), "SageMaker"),
        (
            image(
                {"os": "linux", "architecture": "arm64", "config": {"Labels": {"shapemaker.platform": "linux/amd64"}}}
            ),
            "is for linux/arm64, but linux/amd64 was wanted",
        ),
        ({"/v2/salary/manifests/1": (200, {}, b"[]")}, "no JSON object"),
        ({"/v2/salary/manifests/1": (200, {}, b'{"manifests": []}')}, "several platforms"),
    ],
)
def test_an_image_that_sagemaker_would_refuse_is_refused_here(answers: Answers, message: str) -> None:
    with serving(answers) as server, pytest.raises(ImageContractError, match=message):
        prove(server.credentials, f"{server.credentials.registry}/salary:1")


def test_a_push_that_left_nothing_is_noticed() -> None:
    with serving({}) as server, pytest.raises(EnvironmentProblemError, match="is not in the registry after its push"):
        prove(server.credentials, f"{server.credentials.registry}/salary:1")
