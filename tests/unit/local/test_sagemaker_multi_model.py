"""What an instance of a multi-model endpoint loads and unloads, beside a container with room for two models."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from shapemaker_action.local.sagemaker.multi_model import (
    Loader,
    LoadError,
    LostError,
    ModelDataError,
    NotReadyError,
    Shelf,
)
from tests.support.http_server import Answer, Request, answering

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOM = 2
SECONDS = 30.0


class Names(Shelf):
    """Has every model but `none`; directories are called like their archives."""

    def bring(self, target: str) -> str:
        if target == "none":
            raise ModelDataError("there is none")
        if target == "full":
            raise OSError("the disk is full")
        return target


@dataclass(kw_only=True)
class Container:
    """Models that are loaded; `broken` cannot be, `slow` only when it may."""

    loaded: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    may_load: threading.Event = field(default_factory=threading.Event)

    def answer(self, request: Request) -> Answer:
        if request.method == "DELETE":
            self.loaded.remove(request.path.removeprefix("/models/"))
            return Answer(document={})
        name = request.document["model_name"]
        self.asked.append(name)
        assert request.document["url"] == f"/opt/ml/models/{name}/model"
        if name == "broken":
            return Answer(document={"error": "broken"}, status=500)
        if name == "slow":
            self.may_load.wait(SECONDS)
        if name in self.loaded:
            return Answer(document={}, status=409)
        if name == "large" or len(self.loaded) == ROOM:
            return Answer(document={"error": "no room"}, status=507)
        self.loaded.append(name)
        return Answer(document={})


@contextmanager
def loader(container: Container) -> Iterator[Loader]:
    with answering(container.answer) as address:
        shelf = Names(world=None, region="", uri="", directory=None)  # type: ignore[arg-type]
        made = Loader(shelf, "127.0.0.1", urlsplit(address).port or 0)
        yield made
        made.close()


def test_a_model_is_loaded_once() -> None:
    container = Container(loaded=["known"])
    with loader(container) as models:
        assert [models.path("a", SECONDS) for _ in range(3)] == ["/models/a/invoke"] * 3
        assert models.path("known", SECONDS) == "/models/known/invoke"
    assert container.asked == ["a", "known"]


def test_who_was_asked_for_longest_ago_makes_room() -> None:
    container = Container()
    with loader(container) as models:
        for name in ("a", "b", "a", "c"):
            models.path(name, SECONDS)
        assert container.loaded == ["a", "c"]
        models.path("b", SECONDS)
        assert container.loaded == ["c", "b"]


def test_a_model_that_fits_nowhere_gets_the_containers_answer() -> None:
    container = Container()
    with loader(container) as models:
        models.path("a", SECONDS)
        with pytest.raises(LoadError) as raised:
            models.path("large", SECONDS)
        assert (raised.value.status, raised.value.body) == (507, b'{"error": "no room"}')
        assert models.path("a", SECONDS), "it comes back"


@pytest.mark.parametrize(("name", "error"), [("broken", LoadError), ("none", ModelDataError)])
def test_a_model_that_failed_is_tried_anew_and_costs_the_others_nothing(name: str, error: type[Exception]) -> None:
    container = Container()
    with loader(container) as models:
        models.path("a", SECONDS)
        for _ in range(2):
            with pytest.raises(error):
                models.path(name, SECONDS)
    assert container.loaded == ["a"]
    assert container.asked.count(name) == (2 if name == "broken" else 0)


def test_any_other_failure_is_tried_anew_too_and_a_closed_one_is_lost() -> None:
    with loader(Container()) as models:
        for _ in range(2):
            with pytest.raises(OSError, match="full"):
                models.path("full", SECONDS)
        assert models.path("a", SECONDS)
        models.close()
        with pytest.raises(LostError):
            models.path("b", SECONDS)


def test_who_waits_too_long_is_told_to_come_again_and_the_model_goes_on_loading() -> None:
    container = Container()
    with loader(container) as models:
        with pytest.raises(NotReadyError):
            models.path("slow", 0.01)
        container.may_load.set()
        assert models.path("slow", SECONDS) == "/models/slow/invoke"
    assert container.asked == ["slow"]
