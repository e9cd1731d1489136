from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shapemaker_action.containers import buildkit
from shapemaker_action.containers.engine import ImageBuild
from shapemaker_action.errors import EnvironmentProblemError, InvalidInputError
from tests.support.program import program

if TYPE_CHECKING:
    from pathlib import Path

WITH_BUILDX = 'case "$1" in buildx) echo "github.com/docker/buildx v0.17.1 abc";; *) exit 1;; esac'
OLD_BUILDX = 'case "$1" in buildx) echo "github.com/docker/buildx v0.9.1 abc";; *) exit 1;; esac'
NEW_WITHOUT = 'case "$1" in --version) echo "Docker version 28.2.2, build e6534b4";; *) exit 1;; esac'
OLD_WITHOUT = 'case "$1" in --version) echo "Docker version 20.10.24+dfsg1, build 297e128";; *) exit 1;; esac'


def image_build(folder: Path, **more: object) -> ImageBuild:
    given = {"context": folder, "dockerfile": "Dockerfile", "target": "training", "image": "r/x:1"}
    return ImageBuild(**{**given, "platform": "linux/amd64", **more})  # type: ignore[arg-type]


def test_a_client_that_lost_buildkit_is_passed_over_for_one_that_has_it(tmp_path: Path) -> None:
    path = program(tmp_path / "new", "docker", NEW_WITHOUT) + ":" + program(tmp_path / "old", "docker", OLD_WITHOUT)
    found = buildkit.find({"PATH": path})
    assert (found.client, found.kind) == (f"{tmp_path}/old/docker", "classic")
    assert found.environment == {"DOCKER_BUILDKIT": "1"}
    assert found.argv(image_build(tmp_path), containerd=False)[1:] == ["build", "--progress=plain", "--tag", "r/x:1"]


def test_buildx_makes_one_docker_manifest_without_attestations(tmp_path: Path) -> None:
    found = buildkit.find({"PATH": program(tmp_path, "docker", WITH_BUILDX)})
    argv = found.argv(image_build(tmp_path), containerd=False)
    assert argv[1:3] == ["buildx", "build"]
    assert {"--provenance=false", "--sbom=false"} <= set(argv)
    assert argv[-2:] == ["--output", "type=docker"]
    assert found.argv(image_build(tmp_path), containerd=True)[-1] == "type=image,name=r/x:1,oci-mediatypes=false"


def test_an_old_buildx_is_not_asked_to_leave_out_what_it_does_not_know(tmp_path: Path) -> None:
    found = buildkit.find({"PATH": program(tmp_path, "docker", OLD_BUILDX)})
    assert not [word for word in found.argv(image_build(tmp_path), containerd=False) if "provenance" in word]


@pytest.mark.parametrize("script", [NEW_WITHOUT, "exit 127"])
def test_without_any_builder_every_client_that_was_tried_is_listed(tmp_path: Path, script: str) -> None:
    with pytest.raises(EnvironmentProblemError, match="no docker client on PATH can build with BuildKit") as caught:
        buildkit.find({"PATH": program(tmp_path, "docker", script)})
    assert "docker-buildx-plugin" in caught.value.remedy
    assert caught.value.details[0].startswith(f"{tmp_path}/docker: ")


def test_options_carry_everything_the_build_asks_for(tmp_path: Path) -> None:
    secret = tmp_path / "a,b.pem"
    secret.touch()
    build = image_build(tmp_path, args={"A": "1 2"}, labels={"l": "v"}, secrets={"ca": secret})
    assert buildkit.options(build, {"SHAPEMAKER_BUILD_NETWORK": "host"}) == [
        *("--platform", "linux/amd64", "--file", f"{tmp_path}/Dockerfile", "--target", "training"),
        *("--network", "host", "--build-arg", "A=1 2", "--label", "l=v"),
        *("--secret", f'id=ca,"src={secret}"', str(tmp_path)),
    ]


def test_the_last_stage_and_the_default_network_need_no_option(tmp_path: Path) -> None:
    words = buildkit.options(image_build(tmp_path, target=""), {"SHAPEMAKER_BUILD_NETWORK": ""})
    assert words == ["--platform", "linux/amd64", "--file", f"{tmp_path}/Dockerfile", str(tmp_path)]


def test_a_secret_without_its_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="the build secret netrc is not at"):
        buildkit.options(image_build(tmp_path, secrets={"netrc": tmp_path / "none"}), {})
