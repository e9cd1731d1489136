from __future__ import annotations

import errno
import json
import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from shapemaker_action.containers import context, tree
from shapemaker_action.errors import EnvironmentProblemError, InvalidInputError
from tests.support import repository

if TYPE_CHECKING:
    from pathlib import Path

    from shapemaker_action.containers.context import ContextRequest
    from tests.support.repository import Change


def files(request: ContextRequest, to: Path) -> dict[str, str]:
    written = context.write(request, to)
    found = {each.relative_to(to).as_posix(): each.read_text() for each in to.rglob("*") if each.is_file()}
    assert sorted(found) == sorted(written.files)
    return found


def test_a_training_context_holds_what_training_needs_and_nothing_else(
    training: ContextRequest, tmp_path: Path
) -> None:
    assert sorted(files(training, tmp_path / "out")) == [
        "Dockerfile",
        "framework.txt",
        "process.json",
        "program/modelpkg/__init__.py",
        "program/modelpkg/data/__init__.py",
        "program/modelpkg/model.py",
        "program/modelpkg/words.txt",
        "program/runtime.json",
        "requirements.txt",
        "runtime/shapemaker_runtime/__init__.py",
        "runtime/shapemaker_runtime/__main__.py",
        "runtime/shapemaker_runtime/training/job.py",
    ]


def test_an_inference_context_has_the_serving_parts_instead(inference: ContextRequest, tmp_path: Path) -> None:
    request = replace(inference, nginx=True, serve_app="wsgi:app", train_entrypoint="train.py")
    found = files(request, tmp_path / "out")
    assert {"serve.txt", "nginx/nginx.conf", "program/wsgi.py"} <= set(found)
    assert "runtime/shapemaker_runtime/serving/server.py" in found
    assert not [path for path in found if "training" in path or path == "program/train.py"]
    assert json.loads(found["program/runtime.json"]) == {
        "model": "modelpkg.model:Model",
        "train_entrypoint": "",
        "evaluate_entrypoint": "",
        "serve_app": "wsgi:app",
        "nginx": True,
    }


def test_an_accelerator_brings_its_packages_into_each_image(
    training: ContextRequest, inference: ContextRequest, tmp_path: Path
) -> None:
    plain = files(training, tmp_path / "plain"), files(inference, tmp_path / "plain-inference")
    with_onnx = replace(training, accelerate="onnx"), replace(inference, accelerate="onnx")
    train, serve = files(with_onnx[0], tmp_path / "training"), files(with_onnx[1], tmp_path / "inference")
    assert train["requirements.txt"] == plain[0]["requirements.txt"] + "skl2onnx\n"
    assert serve["requirements.txt"] == plain[1]["requirements.txt"]
    assert serve["serve.txt"] == plain[1]["serve.txt"] + "onnxruntime\n"


def test_only_the_training_image_gets_a_compiler(
    training: ContextRequest, inference: ContextRequest, tmp_path: Path
) -> None:
    train = context.write(replace(training, accelerate="compiled"), tmp_path / "training")
    assert train.args["TRAINING_PACKAGES"] == "gcc libc6-dev"
    assert context.digest(replace(inference, accelerate="compiled")) == context.digest(inference)


@pytest.mark.parametrize("accelerate", ["none", "builtin"])
def test_what_needs_no_packages_makes_no_other_image(training: ContextRequest, accelerate: str) -> None:
    assert context.digest(replace(training, accelerate=accelerate)) == context.digest(training)


def test_what_is_written_has_the_digest_that_was_announced(training: ContextRequest, tmp_path: Path) -> None:
    written = context.write(training, tmp_path / "out")
    assert written.digest == context.digest(training)
    assert len(written.digest) == 64
    assert (written.dockerfile, written.target) == ("Dockerfile", "training")
    assert written.args == {"BASE_IMAGE": "python:3.11-slim-bookworm", "PACKAGES": ""}


def test_equal_parts_of_both_contexts_are_equal_to_the_last_bit(
    training: ContextRequest, inference: ContextRequest, tmp_path: Path
) -> None:
    os.utime(training.root / "modelpkg" / "model.py", (5, 5))
    context.write(training, tmp_path / "one")
    os.utime(training.root / "modelpkg" / "model.py", (99, 99))
    (training.root / "modelpkg" / "model.py").chmod(0o640)
    context.write(inference, tmp_path / "two")

    def look(folder: Path) -> dict[str, tuple[int, float, bytes]]:
        places = [folder, *folder.rglob("*")]
        return {
            each.relative_to(folder).as_posix(): (
                each.stat().st_mode,
                each.stat().st_mtime,
                each.read_bytes() if each.is_file() else b"",
            )
            for each in places
        }

    assert look(tmp_path / "one" / "program") == look(tmp_path / "two" / "program")


def test_include_beats_the_setting_apart_of_data(training: ContextRequest, tmp_path: Path) -> None:
    request = replace(training, include=("modelpkg/data/train/a.csv", "notes/*.md"))
    assert {"program/modelpkg/data/train/a.csv", "program/notes/plan.md"} <= set(files(request, tmp_path / "out"))


def test_exclude_and_dockerignore_drop_files_everywhere(training: ContextRequest, tmp_path: Path) -> None:
    repository.write(training.root, {".dockerignore": "**/words.txt\nnotes/*\n!notes/keep.md\n", "notes/keep.md": "k"})
    request = replace(training, include=("notes",), exclude=("modelpkg/data",))
    found = set(files(request, tmp_path / "out"))
    assert "program/notes/keep.md" in found
    assert not {"program/notes/plan.md", "program/modelpkg/words.txt", "program/modelpkg/data/__init__.py"} & found


def test_a_channel_that_is_the_package_itself_cannot_take_the_code_away(
    training: ContextRequest, tmp_path: Path
) -> None:
    found = files(replace(training, data=("modelpkg", ".", "/elsewhere", "s3://bucket/x")), tmp_path / "out")
    assert "program/modelpkg/model.py" in found


def test_a_model_may_be_a_single_module(training: ContextRequest, tmp_path: Path) -> None:
    found = files(replace(training, model="wsgi:Model"), tmp_path / "out")
    assert {path for path in found if path.startswith("program/")} == {"program/wsgi.py", "program/runtime.json"}


def test_links_inside_the_repository_become_what_they_point_to(training: ContextRequest, tmp_path: Path) -> None:
    (training.root / "modelpkg" / "linked.md").symlink_to("../notes/plan.md")
    (training.root / "modelpkg" / "folder").symlink_to(training.root / "notes")
    found = files(training, tmp_path / "out")
    assert found["program/modelpkg/linked.md"] == found["program/modelpkg/folder/plan.md"] == "# plan\n"
    assert not [each for each in (tmp_path / "out").rglob("*") if each.is_symlink()]


def link(target: str, name: str = "modelpkg/bad") -> Change:
    def apply(request: ContextRequest) -> ContextRequest:
        (request.root / name).symlink_to(target)
        return request

    return apply


def pipe(request: ContextRequest) -> ContextRequest:
    os.mkfifo(request.root / "modelpkg" / "bad")
    return request


BAD: dict[str, tuple[Change, str]] = {
    "an absolute link out": (link("/etc/hostname"), r"modelpkg/bad leads out of the repository"),
    "a relative link out": (link("../../templates"), r"modelpkg/bad leads out of the repository"),
    "a link to nothing": (link("nothing"), r"the link modelpkg/bad points nowhere"),
    "a link to itself": (link("bad"), r"modelpkg/bad cannot be followed"),
    "a link to its own folder": (link("."), r"points to a folder that it is in"),
    "a link to the folder above": (link("..", "modelpkg/data/bad"), r"points to a folder that it is in"),
    "a pipe": (pipe, r"modelpkg/bad is neither a file nor a folder"),
    "a model package that isn't there": (
        lambda request: replace(request, model="nopkg.model:Model"),
        r"has neither nopkg/ nor nopkg.py",
    ),
    "an entry script that isn't there": (
        lambda request: replace(request, train_entrypoint="missing.py"),
        r"missing.py is not in the repository",
    ),
    "an entry script outside": (
        lambda request: replace(request, train_entrypoint="../templates/nginx/nginx.conf"),
        r"leads out of the repository",
    ),
    "an included glob without a match": (
        lambda request: replace(request, include=("nothing/*.txt",)),
        r"build.include: 'nothing/\*.txt' matches nothing",
    ),
    "an included absolute path": (lambda request: replace(request, include=("/etc",)), r"matches nothing"),
    "a model that is excluded": (
        lambda request: replace(request, exclude=("modelpkg",)),
        r"nothing of modelpkg is left",
    ),
    "a malformed exclusion": (lambda request: replace(request, exclude=("[",)), r"build.exclude:1: '\['"),
    "a malformed .dockerignore": (repository.change(".dockerignore", "a\n["), r"\.dockerignore:2: '\['"),
    "a runtime.json of the user's own": (
        lambda request: repository.change("runtime.json")(replace(request, include=("runtime.json",))),
        r"runtime.json at the root",
    ),
    "requirements that aren't there": (lambda request: replace(request, requirements="no.txt"), r"no.txt is not in"),
    "an unknown framework": (lambda request: replace(request, framework="tin"), r"there is no framework 'tin'"),
    "a credential among the arguments": (
        lambda request: replace(request, args={"NPM_TOKEN": "x"}),
        r"the build argument NPM_TOKEN is named like a credential",
    ),
    "a root that isn't there": (lambda request: replace(request, root=request.root / "no"), r"is no directory"),
    "a Dockerfile that isn't there": (
        lambda request: replace(request, dockerfile="No"),
        r"No is not in the repository",
    ),
    "a Dockerfile that is a folder": (lambda request: replace(request, dockerfile="notes"), r"notes is no Dockerfile"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named_before_anything_is_written(name: str, training: ContextRequest, tmp_path: Path) -> None:
    spoil, message = BAD[name]
    request = spoil(training)
    with pytest.raises(InvalidInputError, match=message):
        context.digest(request)
    with pytest.raises(InvalidInputError, match=message):
        context.write(request, tmp_path / "deep" / "out")
    assert not list((tmp_path / "deep").glob("*")) if (tmp_path / "deep").exists() else True


def test_what_is_excluded_does_no_harm(training: ContextRequest, tmp_path: Path) -> None:
    (training.root / "modelpkg" / "bad").symlink_to("/etc/hostname")
    os.mkfifo(training.root / "modelpkg" / "pipe")
    files(replace(training, exclude=("modelpkg/bad", "**/pipe")), tmp_path / "out")


def test_a_directory_in_use_is_not_overwritten(training: ContextRequest, tmp_path: Path) -> None:
    repository.write(tmp_path / "out", {"mine.txt": "mine"})
    with pytest.raises(EnvironmentProblemError, match="cannot be put at"):
        context.write(training, tmp_path / "out")
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["mine.txt"]
    assert not list(tmp_path.glob(".out-*"))


OWN = {
    "docker/Own.Dockerfile": "FROM scratch AS build\nFROM python:3.11 AS inference\n",
    ".dockerignore": "notes\ndocker\n*.log\n",
    "a.log": "",
}


@pytest.fixture
def own(training: ContextRequest) -> ContextRequest:
    repository.write(training.root, OWN)
    return replace(training, dockerfile="docker/Own.Dockerfile")


def test_with_the_users_own_dockerfile_the_context_is_the_repository(own: ContextRequest, tmp_path: Path) -> None:
    found = set(files(own, tmp_path / "out"))
    assert {"docker/Own.Dockerfile", "modelpkg/data/train/a.csv", "train.py", "requirements.txt"} <= found
    unwanted = (".git/HEAD", "notes/plan.md", "a.log", ".dockerignore", "modelpkg/__pycache__/model.cpython-311.pyc")
    assert not found & set(unwanted)


def test_the_stage_of_the_target_is_built_where_there_is_one_of_its_name(own: ContextRequest, tmp_path: Path) -> None:
    training = context.write(own, tmp_path / "training")
    inference = context.write(replace(own, target="inference"), tmp_path / "inference")
    assert (training.target, inference.target) == ("", "inference")
    assert training.dockerfile == "docker/Own.Dockerfile"
    assert training.args == {}


def test_an_ignore_file_of_the_dockerfile_goes_before_the_general_one(own: ContextRequest, tmp_path: Path) -> None:
    repository.write(own.root, {"docker/Own.Dockerfile.dockerignore": "modelpkg\n"})
    found = set(files(own, tmp_path / "out"))
    assert "notes/plan.md" in found
    assert not [path for path in found if path.startswith("modelpkg")]


def test_the_users_arguments_and_packages_reach_the_users_dockerfile(own: ContextRequest, tmp_path: Path) -> None:
    request = replace(own, base_image="x:1", packages=("a", "b"), args={"Z": "1"})
    assert context.write(request, tmp_path / "out").args == {"BASE_IMAGE": "x:1", "PACKAGES": "a b", "Z": "1"}


def test_nginx_comes_to_containers_and_not_to_plain_processes(inference: ContextRequest, tmp_path: Path) -> None:
    request = replace(inference, nginx=True)
    assert "nginx/nginx.conf" in files(request, tmp_path / "one")
    without = files(replace(request, engine="process"), tmp_path / "two")
    assert "nginx/nginx.conf" not in without
    assert not json.loads(without["program/runtime.json"])["nginx"]


@pytest.fixture
def ejected(training: ContextRequest) -> ContextRequest:
    repository.write(training.root / "ours", repository.TEMPLATES)
    repository.write(training.root / "ours", {"dockerfiles/tiny/framework.txt": "six\n"})
    return replace(training, own_templates="ours")


def test_templates_of_the_repository_win_over_ours(
    training: ContextRequest, ejected: ContextRequest, tmp_path: Path
) -> None:
    assert files(ejected, tmp_path / "out")["framework.txt"] == "six\n"
    assert context.digest(ejected) != context.digest(training)


def test_a_part_that_the_repository_does_not_have_is_ours(ejected: ContextRequest, tmp_path: Path) -> None:
    shutil.rmtree(ejected.root / "ours" / "runtime")
    assert "runtime/shapemaker_runtime/__main__.py" in files(ejected, tmp_path / "out")


def test_a_template_with_a_missing_file_is_refused(ejected: ContextRequest) -> None:
    (ejected.root / "ours" / "dockerfiles" / "tiny" / "framework.txt").unlink()
    with pytest.raises(InvalidInputError, match=r"the template lacks .*framework\.txt"):
        context.digest(ejected)


def test_a_link_in_a_template_must_stay_inside_too(ejected: ContextRequest, tmp_path: Path) -> None:
    place = ejected.root / "ours" / "dockerfiles" / "tiny"
    (place / "framework.txt").unlink()
    (place / "framework.txt").symlink_to("serve.txt")
    assert files(ejected, tmp_path / "out")["framework.txt"] == "falcon\n"
    (place / "framework.txt").unlink()
    (place / "framework.txt").symlink_to("/etc/hostname")
    with pytest.raises(InvalidInputError, match="leads out of the repository"):
        context.digest(ejected)


def test_a_disk_that_is_too_small_is_said_before_anything_is_written(training: ContextRequest, tmp_path: Path) -> None:
    os.truncate(training.root / "modelpkg" / "words.txt", 8 << 40)
    with pytest.raises(EnvironmentProblemError, match=r"the disk under .* is full: .* MB are needed") as caught:
        context.write(training, tmp_path / "out")
    assert "free some space" in caught.value.remedy
    assert not (tmp_path / "out").exists()


def test_a_disk_that_fills_up_on_the_way_is_said_too(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblemError, match=r"the disk under .* is full"), tree.disk(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(PermissionError), tree.disk(tmp_path):
        raise PermissionError(errno.EACCES, "another error stays what it is")
