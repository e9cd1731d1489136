"""What an image is named after: all that it is made of, and nothing else."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from shapemaker_action.containers import context
from tests.support import repository

if TYPE_CHECKING:
    from shapemaker_action.containers.context import ContextRequest
    from tests.support.repository import Change


def touch(request: ContextRequest) -> ContextRequest:
    for each in request.root.rglob("*"):
        os.utime(each, (1, 1))
    return request


def tighten(request: ContextRequest) -> ContextRequest:
    for each in request.root.rglob("*"):
        each.chmod(0o700 if each.is_dir() else 0o600)
    return request


def rewrite_in_another_order(request: ContextRequest) -> ContextRequest:
    contents = {each: each.read_bytes() for each in request.root.rglob("*") if each.is_file()}
    for each in contents:
        each.unlink()
    for each in sorted(contents, reverse=True):
        each.write_bytes(contents[each])
    return request


def move_the_repository(request: ContextRequest) -> ContextRequest:
    return replace(request, root=request.root.rename(request.root.with_name("elsewhere")))


SAME: dict[str, Change] = {
    "times": touch,
    "modes beyond the executable bit": tighten,
    "order on disk": rewrite_in_another_order,
    "another directory": move_the_repository,
    "channel data": repository.change("modelpkg/data/train/a.csv"),
    "a new request file": repository.change("modelpkg/requests/two.json"),
    "a new data file": repository.change("modelpkg/data/train/b.csv"),
    "compiled files": repository.change("modelpkg/__pycache__/x.pyc"),
    "a commit": repository.change(".git/HEAD"),
    "files that are no part of the model": repository.change("notes/plan.md"),
    "the serving settings": lambda request: replace(request, serve_app="wsgi:app", nginx=True),
    "the engine among real ones": lambda request: replace(request, engine="podman"),
}


@pytest.mark.parametrize("name", SAME)
def test_the_training_image_stays_the_same_whatever_happens_to(name: str, training: ContextRequest) -> None:
    before = context.digest(training)
    assert context.digest(SAME[name](training)) == before


def make_executable(request: ContextRequest) -> ContextRequest:
    (request.root / "modelpkg" / "model.py").chmod(0o744)
    return request


OTHER: dict[str, Change] = {
    "the model": repository.change("modelpkg/model.py"),
    "a file of its package": repository.change("modelpkg/words.txt"),
    "a module among the data": repository.change("modelpkg/data/loader.py"),
    "the executable bit": make_executable,
    "the requirements": repository.change("requirements.txt"),
    "the base image": lambda request: replace(request, base_image="python:3.11"),
    "the Python": lambda request: replace(request, python="3.12"),
    "the packages": lambda request: replace(request, packages=("libgomp1",)),
    "an argument": lambda request: replace(request, args={"A": "1"}),
    "the platform": lambda request: replace(request, platform="linux/arm64"),
    "the entry script": lambda request: replace(request, train_entrypoint="train.py"),
    "the name of the model": lambda request: replace(request, model="modelpkg.model:Other"),
    "an included folder": lambda request: replace(request, include=("notes",)),
    "an excluded file": lambda request: replace(request, exclude=("**/words.txt",)),
    "the target": lambda request: replace(request, target="inference"),
    "going without containers": lambda request: replace(request, engine="process"),
}


@pytest.mark.parametrize("name", OTHER)
def test_another_image_comes_from_changing(name: str, training: ContextRequest) -> None:
    before = context.digest(training)
    assert context.digest(OTHER[name](training)) != before
