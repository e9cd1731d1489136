"""The prediction thread: one run at a time, with a deadline for the run and not for the wait."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import pytest
from shapemaker_runtime.errors import RequestError
from shapemaker_runtime.serving import prediction
from shapemaker_runtime.serving.prediction import Slot

if TYPE_CHECKING:
    from collections.abc import Callable


class Recorder:
    def __init__(self) -> None:
        self.running = 0
        self.most = 0
        self.done: list[int] = []

    def work(self, number: int) -> Callable[[], int]:
        def run() -> int:
            self.running += 1
            self.most = max(self.most, self.running)
            time.sleep(0.02)
            self.running -= 1
            self.done.append(number)
            return number

        return run


def test_runs_follow_one_another_and_waiting_has_no_deadline() -> None:
    recorder = Recorder()

    async def scenario() -> list[int]:
        slot = Slot(deadline=0.5, on_hung=lambda: None)
        return await asyncio.gather(*(slot.run(recorder.work(number)) for number in range(40)))

    assert asyncio.run(scenario()) == list(range(40))
    assert recorder.done == list(range(40))
    assert recorder.most == 1


@pytest.mark.parametrize("error", [ValueError("x"), TimeoutError("x")])
def test_what_the_work_raises_comes_back_and_the_slot_goes_on(error: Exception) -> None:
    def fail() -> None:
        raise error

    async def scenario() -> str:
        slot = Slot(deadline=5, on_hung=lambda: None)
        with pytest.raises(type(error), match="x"):
            await slot.run(fail)
        return await slot.run(lambda: "next")

    assert asyncio.run(scenario()) == "next"


def test_a_model_cannot_end_the_server() -> None:
    def leave() -> None:
        raise SystemExit(3)

    async def scenario() -> None:
        with pytest.raises(RuntimeError, match=r"sys\.exit\(3\)"):
            await Slot(deadline=5, on_hung=lambda: None).run(leave)

    asyncio.run(scenario())


def test_a_run_that_hangs_is_given_up_and_those_behind_it_hear_of_it() -> None:
    release = threading.Event()
    hung: list[bool] = []

    async def scenario() -> list[BaseException | str]:
        slot = Slot(deadline=0.1, on_hung=lambda: hung.append(True))
        runs = [slot.run(lambda: str(release.wait())), slot.run(lambda: "a"), slot.run(lambda: "b")]
        results = await asyncio.gather(*runs, return_exceptions=True)
        late = await asyncio.gather(slot.run(lambda: "c"), return_exceptions=True)
        assert slot.is_hung
        release.set()
        return [*results, *late]

    first, *others = asyncio.run(scenario())
    assert isinstance(first, RequestError)
    assert (first.status, first.message) == (504, "the model took longer than 0.1 seconds")
    assert [other.status for other in others if isinstance(other, RequestError)] == [503, 503, 503]
    assert hung == [True]


def test_a_caller_who_leaves_does_not_let_the_next_one_in_early() -> None:
    recorder = Recorder()

    async def scenario() -> int:
        slot = Slot(deadline=5, on_hung=lambda: None)
        leaver = asyncio.create_task(slot.run(recorder.work(1)))
        await asyncio.sleep(0.01)
        leaver.cancel()
        return await slot.run(recorder.work(2))

    assert asyncio.run(scenario()) == 2
    assert recorder.most == 1


def test_the_queue_has_an_end() -> None:
    release = threading.Event()

    async def scenario() -> list[BaseException | bool]:
        slot = Slot(deadline=5, on_hung=lambda: None)
        runs = [asyncio.create_task(slot.run(release.wait)) for _ in range(prediction.MAX_WAITING + 5)]
        await asyncio.sleep(0)
        release.set()
        return await asyncio.gather(*runs, return_exceptions=True)

    results = asyncio.run(scenario())
    refused = [result for result in results if isinstance(result, RequestError)]
    assert {error.status for error in refused} == {503}
    assert len(results) - len(refused) in (prediction.MAX_WAITING, prediction.MAX_WAITING + 1)
