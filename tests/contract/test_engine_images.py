"""The law of container engines, as far as images go: built, pushed, proven and pulled, each with the real thing."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from shapemaker_action.containers.registry import DOCKER_MANIFEST, PLATFORM_LABEL, Reference, Registry
from shapemaker_action.containers.select import choose
from shapemaker_action.errors import AccessError, EnvironmentProblemError, ImageBuildError, InvalidInputError
from tests.support import law_image
from tests.support.law import CALLER, LABEL, SECRET, forget
from tests.support.registry_server import free_port, registry

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.law import Law


def test_a_pushed_image_is_a_docker_manifest_for_the_wanted_platform(law: Law) -> None:
    for image, digest in zip((law.training, law.inference), law.digests, strict=True):
        found = law.remote(image).describe(Reference.parse(image).name)
        assert found is not None
        assert (found.digest, found.media_type, found.platform) == (digest, DOCKER_MANIFEST, "linux/amd64")
        assert found.labels["law"] == "yes"
        assert found.labels[PLATFORM_LABEL] == "linux/amd64"
        assert found.size > 0
        assert found.entrypoint[1:] == ("-u", "-m", "shapemaker_runtime")


def test_both_images_share_their_equal_layers(law: Law) -> None:
    training, inference = (
        law.remote(each).describe(Reference.parse(each).name) for each in (law.training, law.inference)
    )
    assert training is not None
    assert inference is not None
    shared = set(training.layers) & set(inference.layers)
    # Program and runtime at least; with a Dockerfile that builds one on the other, all of them.
    assert len(shared) >= 2


def test_building_the_same_context_again_gives_the_same_image(law: Law, tmp_path: Path) -> None:
    digests = set()
    for turn in ("first", "second"):
        written = law_image.write(tmp_path / turn, "training", law.engine, dockerfile=law_image.EMPTY)
        image = f"{law.credentials.registry}/{LABEL}/{law.engine.name}-again:{turn}"
        law_image.build(law.engine, written, image)
        digests.add(law.engine.push(image, law.credentials, lambda _: None))
    forget(law.engine, *(f"{image.rpartition(':')[0]}:{turn}" for turn in ("first", "second")))
    assert len(digests) == 1


def test_secrets_stay_neither_in_layers_nor_in_the_history(law: Law) -> None:
    remote = law.remote(law.training)
    manifest = remote.manifest("training")
    assert manifest is not None
    document = json.loads(manifest.body)
    assert SECRET.encode() not in remote.blob(document["config"]["digest"])
    own = [layer["digest"] for layer in document["layers"]][-6:]
    for layer in own:
        content = remote.blob(layer)
        assert SECRET.encode() not in (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)


def test_nothing_of_the_callers_credentials_is_left_in_the_home_directory(law: Law) -> None:
    home = law.folder / "home"
    kept = [each for each in home.rglob("*") if each.is_file()] if home.exists() else []
    assert not [
        each for each in kept if law.credentials.password.encode() in each.read_bytes() or "config.json" in each.name
    ]


def test_an_image_can_be_pulled_by_tag_and_by_digest_into_an_empty_store(law: Law, tmp_path: Path) -> None:
    by_digest = f"{law.training.rpartition(':')[0]}@{law.digests[0]}"
    forget(law.engine, law.training, law.inference)
    engine = choose(law.engine.name, {**law.environ, "SHAPEMAKER_HOME": str(tmp_path)})
    for image in (law.training, by_digest, law.inference, law.inference):
        engine.pull(image, law.credentials)
        container = engine.start(replace(law.spec("from modelpkg import model; print(model.NAME)"), image=image))
        assert list(container.logs()) == ["model"]
        container.remove()


def test_an_image_that_nobody_pushed_cannot_be_pulled(law: Law) -> None:
    with pytest.raises(EnvironmentProblemError, match="nothing"):
        law.engine.pull(f"{law.credentials.registry}/{LABEL}/nothing:x", law.credentials)


def test_a_wrong_password_is_an_error_of_access(law: Law, tmp_path: Path) -> None:
    wrong = replace(law.credentials, password="wrong")
    with pytest.raises(AccessError):
        law.engine.push(law.training, wrong, lambda _: None)
    other = choose(law.engine.name, {**law.environ, "SHAPEMAKER_HOME": str(tmp_path)})
    with pytest.raises(AccessError):
        other.pull(f"{law.credentials.registry}/{LABEL}/nothing:x", wrong)


def test_a_registry_that_is_down_is_an_error_of_this_machine_and_a_second_push_succeeds(
    law: Law, tmp_path: Path
) -> None:
    port = free_port()
    image = f"127.0.0.1:{port}/{LABEL}/down:{law.engine.name}"
    written = law_image.write(tmp_path, "training", law.engine, dockerfile=law_image.EMPTY)
    law_image.build(law.engine, written, image)
    with registry(tmp_path / "registry", port) as there:
        pass
    with pytest.raises(EnvironmentProblemError) as caught:
        law.engine.push(image, there, lambda _: None)
    assert "run the same command again" in caught.value.remedy
    with registry(tmp_path / "registry", port) as there:
        digest = law.engine.push(image, there, lambda _: None)
        found = Registry(there, f"{LABEL}/down").manifest(law.engine.name)
    assert found is not None
    assert found.digest == digest
    forget(law.engine, image)


def test_a_requirement_that_does_not_exist_is_named(law: Law, tmp_path: Path) -> None:
    written = law_image.write(tmp_path, "training", law.engine, "--no-index\nno-such-package==1\n")
    with pytest.raises(ImageBuildError, match="the requirement no-such-package==1 cannot be found") as caught:
        law_image.build(law.engine, written, "127.0.0.1:1/never:x")
    assert any("No matching distribution" in line for line in caught.value.details)


def test_a_live_credential_as_a_build_argument_is_refused(law: Law, tmp_path: Path) -> None:
    written = law_image.write(tmp_path, "training", law.engine)
    leaking = replace(written, args={**written.args, "HARMLESS": CALLER["AWS_SECRET_ACCESS_KEY"]})
    with pytest.raises(InvalidInputError, match="HARMLESS has the value of the variable AWS_SECRET_ACCESS_KEY"):
        law_image.build(law.engine, leaking, "127.0.0.1:1/never:x")
