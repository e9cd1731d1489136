from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from shapemaker_action.local.image_store import DOCKER_LIST, DOCKER_MANIFEST, ImageStore, Repository
from shapemaker_action.local.wire import ApiError

if TYPE_CHECKING:
    from pathlib import Path

HOST = "127.0.0.1:20001"
CONFIG = {"architecture": "amd64", "os": "linux", "config": {"Entrypoint": ["/serve"]}}


def add_blob(store: ImageStore, content: bytes) -> dict[str, object]:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    store.blob(digest).write_bytes(content)
    return {"digest": digest, "size": len(content), "mediaType": "x/y"}


def add_image(store: ImageStore, name: str, tag: str, layer: bytes = b"layer") -> str:
    repository = store.repository(name)
    config, part = add_blob(store, json.dumps(CONFIG).encode()), add_blob(store, layer)
    document = {"schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "config": config, "layers": [part]}
    return store.put(repository, tag, "", json.dumps(document).encode()).digest


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    made = ImageStore(tmp_path, HOST)
    made.create(Repository(name="team/salary", created_at=1.0))
    return made


def test_an_image_uri_is_resolved_by_tag_and_by_digest(store: ImageStore) -> None:
    digest = add_image(store, "team/salary", "v1")
    for image in (f"{HOST}/team/salary:v1", f"{HOST}/team/salary@{digest}"):
        manifest = store.resolve(image)
        assert manifest is not None
        assert (manifest.digest, manifest.media_type) == (digest, DOCKER_MANIFEST)
        assert store.config(manifest) == CONFIG


@pytest.mark.parametrize(
    "image",
    [
        f"{HOST}/team/salary",
        f"{HOST}/team/salary:v2",
        f"{HOST}/team/other:v1",
        f"{HOST}/team/salary@sha256:{'0' * 64}",
        "127.0.0.1:9/team/salary:v1",
        "000000000000.dkr.ecr.eu-west-1.amazonaws.com/team/salary:v1",
        "salary:v1",
        "",
    ],
)
def test_an_image_that_is_not_there_resolves_to_none(store: ImageStore, image: str) -> None:
    add_image(store, "team/salary", "v1")
    assert store.resolve(image) is None


def test_an_index_has_no_configuration(store: ImageStore) -> None:
    digest = add_image(store, "team/salary", "v1")
    entry = {"digest": digest, "size": 1, "mediaType": DOCKER_MANIFEST}
    index = {"schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": [entry]}
    store.put(store.repository("team/salary"), "index", DOCKER_LIST, json.dumps(index).encode())
    manifest = store.resolve(f"{HOST}/team/salary:index")
    assert manifest is not None
    assert store.config(manifest) == {}


def test_a_moved_tag_leaves_its_image_untagged(store: ImageStore) -> None:
    first, second = add_image(store, "team/salary", "v1"), add_image(store, "team/salary", "v1", b"other")
    images = store.repository("team/salary").images
    assert {digest: image.tags for digest, image in images.items()} == {first: [], second: ["v1"]}


def test_what_is_stored_is_found_by_the_next_start_without_unneeded_blobs(store: ImageStore, tmp_path: Path) -> None:
    digest = add_image(store, "team/salary", "v1")
    unneeded = str(add_blob(store, b"unneeded")["digest"])
    again = ImageStore(tmp_path, HOST)
    assert again.repositories() == store.repositories()
    assert again.manifest("team/salary", "v1") == store.manifest("team/salary", digest)
    assert not again.has_blob(unneeded)


@pytest.mark.parametrize("tag", [".hidden", "a/b", "x" * 129, "a b"])
def test_a_tag_has_dockers_alphabet(store: ImageStore, tag: str) -> None:
    with pytest.raises(ApiError, match="InvalidParameterException"):
        add_image(store, "team/salary", tag)
