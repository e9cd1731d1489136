"""Models of a multi-model endpoint, where loading, unloading and asking meet."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from shapemaker_runtime.errors import RequestError
from shapemaker_runtime.program import Program
from shapemaker_runtime.serving.binding import Binding
from shapemaker_runtime.serving.meter import Ledger
from shapemaker_runtime.serving.multi_model import Models, Register, Shelf
from shapemaker_runtime.serving.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


class SlowShelf(Shelf):
    """Takes until it is told to go on."""

    began = threading.Event()
    may_end = threading.Event()

    def take(self, _place: Path) -> Binding:
        self.began.set()
        assert self.may_end.wait(30)
        return Binding.of(lambda age: age)


def test_a_model_that_is_unloaded_while_it_loads_again_is_gone(tmp_path: Path) -> None:
    shelf = SlowShelf(program=Program(tmp_path), root=tmp_path, environ={}, device="cpu", reserve=0)
    register = Register()
    register.write({"a": str(tmp_path)})  # by the worker before

    async def scenario() -> None:
        models = Models(shelf, register, Settings.from_environ({}).limits, Ledger(1).meter(0))
        asked = [asyncio.create_task(models.service("a")) for _ in range(2)]
        await asyncio.get_running_loop().run_in_executor(None, shelf.began.wait, 30)
        models.unload("a")
        shelf.may_end.set()
        for each in await asyncio.gather(*asked, return_exceptions=True):
            assert isinstance(each, RequestError), each
            assert each.status == 404
        await models.load("a", str(tmp_path))
        await models.service("a")

    asyncio.run(scenario())
