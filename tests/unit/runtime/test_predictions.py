"""The queue in front of a model: what goes together, what runs when, and what a hung prediction may cost."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapemaker_runtime.serving.batch import UnsplittableError, split
from shapemaker_runtime.serving.binding import Binding
from shapemaker_runtime.serving.formats import Answer
from shapemaker_runtime.serving.message import Heads, Message, head_of
from shapemaker_runtime.serving.meter import Ledger
from shapemaker_runtime.serving.reply import Reply
from shapemaker_runtime.serving.service import Request, Service
from shapemaker_runtime.serving.settings import Limits

LIMITS = Limits(
    rows=10_000,
    run_seconds=5,
    batch_rows=512,
    batch_seconds=0,
    queue_rows=100_000,
    queue_seconds=30,
    inline=True,
)
Send = Callable[[object], Coroutine[Any, Any, Reply]]


class Doubler:
    """Doubles rows, and remembers how many came at once. The first call waits, so that others queue up behind it."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.running = 0
        self.most = 0

    def predict(self, instances: np.ndarray) -> Any:
        self.running += 1
        self.most = max(self.most, self.running)
        self.sizes.append(len(instances))
        time.sleep(0.05 if len(self.sizes) == 1 else 0)
        self.running -= 1
        if (instances < 0).any():
            raise ValueError("negative")
        return instances.sum(axis=1) * 2


def serve(
    predict: Callable[..., object],
    scenario: Callable[[Send, Service], Coroutine[Any, Any, Any]],
    limits: Limits = LIMITS,
    on_hung: Callable[[], object] = lambda: None,
) -> Any:
    """Run a scenario against a service; `send` takes a JSON document and returns the reply."""

    async def run() -> Any:
        service = Service(Binding.of(predict), limits, Ledger(1).meter(0), on_hung)

        async def send(document: object) -> Reply:
            replied: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
            service.submit(Request(json.dumps(document).encode(), "application/json"), replied.set_result)
            return await replied

        return await scenario(send, service)

    return asyncio.run(run())


def test_requests_that_wait_are_predicted_together_and_each_gets_its_own() -> None:
    model = Doubler()

    async def scenario(send: Send, _service: Service) -> list[Reply]:
        first = asyncio.create_task(send([[1, 2]]))
        await asyncio.sleep(0.01)
        return [*await asyncio.gather(*(send([[n, 0], [n, 1]]) for n in range(20))), await first]

    replies = serve(model.predict, scenario)
    assert [json.loads(reply.body) for reply in replies] == [
        *({"predictions": [2.0 * n, 2.0 * n + 2]} for n in range(20)),
        {"predictions": [6.0]},
    ]
    assert model.sizes == [1, 40]


def test_those_that_are_read_at_once_go_at_once() -> None:
    model = Doubler()

    async def scenario(send: Send, _service: Service) -> None:
        await asyncio.gather(*(send([[n, 0]]) for n in range(8)))

    serve(model.predict, scenario)
    assert model.sizes == [8]


def test_a_member_that_fails_fails_alone() -> None:
    model = Doubler()

    async def scenario(send: Send, _service: Service) -> list[Reply]:
        return await asyncio.gather(*(send([[n, 0]]) for n in (1, -1, 2)))

    assert [reply.status for reply in serve(model.predict, scenario)] == [200, 500, 200]
    assert model.sizes == [3, 1, 1, 1]


@pytest.mark.parametrize("limit", [1, 4])
def test_a_batch_has_an_end(limit: int) -> None:
    model = Doubler()

    async def scenario(send: Send, _service: Service) -> None:
        await asyncio.gather(*(send([[n, 0]]) for n in range(9)))

    serve(model.predict, scenario, Limits(**{**vars(LIMITS), "batch_rows": limit}))
    assert max(model.sizes) == limit
    assert sum(model.sizes) == 9


def test_a_window_waits_for_others() -> None:
    model = Doubler()

    async def scenario(send: Send, _service: Service) -> None:
        first = asyncio.create_task(send([[1, 0]]))
        await asyncio.sleep(0.01)
        await asyncio.gather(first, send([[2, 0]]))

    serve(model.predict, scenario, Limits(**{**vars(LIMITS), "batch_seconds": 0.2}))
    assert model.sizes == [2]


def test_rows_of_another_shape_go_by_themselves() -> None:
    model = Doubler()

    async def scenario(send: Send, _service: Service) -> list[Reply]:
        return list(await asyncio.gather(send([[1, 2]]), send([[1, 2, 3]]), send([[3, 4]])))

    assert [json.loads(reply.body)["predictions"] for reply in serve(model.predict, scenario)] == [[6], [12], [14]]


def test_a_model_that_gives_no_answer_for_each_row_is_asked_one_by_one_from_then_on() -> None:
    sizes: list[int] = []

    def predict(instances: np.ndarray) -> dict[str, float]:
        sizes.append(len(instances))
        return {"mean": float(instances.mean())}

    async def scenario(send: Send, _service: Service) -> list[Reply]:
        replies = await asyncio.gather(*(send([[n]]) for n in range(3)))
        return [*replies, *await asyncio.gather(*(send([[n]]) for n in range(3)))]

    found = [json.loads(reply.body) for reply in serve(predict, scenario)]
    assert found == [{"predictions": {"mean": float(n)}} for n in (0, 1, 2, 0, 1, 2)]
    assert sizes == [3, 1, 1, 1, 1, 1, 1]


def test_only_one_prediction_runs_at_a_time() -> None:
    model = Doubler()

    async def scenario(send: Send, _service: Service) -> None:
        await asyncio.gather(*(send([[0] * n]) for n in range(1, 9)))

    serve(model.predict, scenario)
    assert model.most == 1


def test_a_hung_prediction_gets_504_and_takes_nobody_along() -> None:
    release = threading.Event()
    hung: list[bool] = []

    def predict(number: int) -> int:
        if number < 0:
            release.wait(10)
        return number

    async def scenario(send: Send, _service: Service) -> list[Reply]:
        stuck = asyncio.create_task(send({"number": -1}))
        await asyncio.sleep(0.05)
        others = await asyncio.gather(*(send({"number": n}) for n in range(3)))
        replies = [await stuck, *others, await send({"number": 7})]
        release.set()
        await asyncio.sleep(0.05)
        return replies

    limits = Limits(**{**vars(LIMITS), "run_seconds": 0.3})
    replies = serve(predict, scenario, limits, lambda: hung.append(True))
    assert [reply.status for reply in replies] == [504, 200, 200, 200, 200]
    assert json.loads(replies[0].body) == {"error": "the model took longer than 0.3 seconds"}
    assert hung == [True]


def test_a_batch_with_a_member_that_hangs_is_tried_one_by_one() -> None:
    release = threading.Event()

    def predict(instances: np.ndarray) -> Any:
        if (instances < 0).any():
            release.wait(10)
        return instances.sum(axis=1)

    async def scenario(send: Send, _service: Service) -> list[Reply]:
        replies = await asyncio.gather(*(send([[n]]) for n in (1, -1, 2)))
        release.set()
        await asyncio.sleep(0.05)
        return replies

    limits = Limits(**{**vars(LIMITS), "run_seconds": 0.4})
    assert [reply.status for reply in serve(predict, scenario, limits)] == [200, 504, 200]


def test_waiting_counts_for_no_deadline() -> None:
    def predict(number: int) -> int:
        time.sleep(0.02)
        return number

    async def scenario(send: Send, _service: Service) -> list[Reply]:
        return await asyncio.gather(*(send({"number": n}) for n in range(40)))

    replies = serve(predict, scenario, Limits(**{**vars(LIMITS), "run_seconds": 0.3}))
    assert {reply.status for reply in replies} == {200}


@pytest.mark.parametrize("limit", [{"queue_rows": 6}, {"queue_seconds": 0.05}])
def test_a_queue_without_hope_is_refused_at_once(limit: dict[str, float]) -> None:
    def predict(number: int) -> int:
        time.sleep(0.05)
        return number

    async def scenario(send: Send, _service: Service) -> list[Reply]:
        await send({"number": 0})
        return await asyncio.gather(*(send({"number": n}) for n in range(40)))

    replies = serve(predict, scenario, Limits(**{**vars(LIMITS), **limit}))
    assert {reply.status for reply in replies} == {200, 503}
    refused = next(reply for reply in replies if reply.status == 503)
    assert refused.headers[0][0] == "Retry-After"
    assert int(refused.headers[0][1]) >= 1


def test_a_large_request_is_no_queue() -> None:
    async def scenario(send: Send, _service: Service) -> Reply:
        return await send([[1.0]] * 100)

    assert serve(Doubler().predict, scenario, Limits(**{**vars(LIMITS), "queue_rows": 10})).status == 200


def test_a_status_without_a_name_is_sent() -> None:
    message = Message(b"POST", b"/invocations", {}, b"", "1.1", keep_alive=True)
    assert head_of(Reply(499, "", b"x"), message, keep_alive=True).startswith(b"HTTP/1.1 499 Unnamed\r\n")


def test_heads_are_left_alone_while_none_comes_twice() -> None:
    heads = Heads()

    def ask(number: int) -> bytes:
        head = b"POST /invocations HTTP/1.1\r\nX-Number: %d\r\n\r\n" % number
        if not heads.rests and heads.find(head) is None:
            heads.keep(head, Message(b"POST", b"/invocations", {}, b"", "1.1", keep_alive=True))
        return head

    for number in range(1000):
        ask(number % 300)
        ask(7)
    resting = [heads.rests > 0]
    for number in range(1000):
        ask(1000 + number)
    resting.append(heads.rests > 0)
    for _ in range(heads.rests):
        heads.tick()
    assert [*resting, heads.rests > 0] == [False, True, False]
    ask(7)
    assert heads.find(ask(7)) is not None


def test_an_answer_that_cannot_be_sent_costs_nobody_else_theirs() -> None:
    model = Doubler()
    sent: list[Reply] = []

    def fail(_reply: Reply) -> None:
        raise OSError("nobody there")

    async def scenario(send: Send, service: Service) -> None:
        first = asyncio.create_task(send([[1, 2]]))
        await asyncio.sleep(0.01)
        for done in (sent.append, fail, sent.append):
            service.submit(Request(b"[[1, 2]]", "application/json"), done)
        await send([[1, 2]])
        await first

    serve(model.predict, scenario)
    assert [reply.status for reply in sent] == [200, 200]


def test_a_model_cannot_end_the_server() -> None:
    def predict(number: int) -> int:
        raise SystemExit(number)

    async def scenario(send: Send, _service: Service) -> list[Reply]:
        return [await send({"number": 3}), await send({"number": 3})]

    assert [reply.status for reply in serve(predict, scenario)] == [500, 500]


def test_a_model_that_is_quick_for_long_needs_no_thread_until_it_is_slow() -> None:
    threads: list[str] = []

    def predict(number: int) -> int:
        threads.append(threading.current_thread().name)
        time.sleep(0.06 if number < 0 else 0)
        return number

    async def scenario(send: Send, _service: Service) -> None:
        for number in [*range(2000), -1, 1]:
            await send({"number": number})

    serve(predict, scenario)
    assert threads[0] == "predict"
    assert threads[-1] == "predict"
    assert threads[-2] in {"MainThread", "predict"}


def test_who_comes_in_company_is_predicted_in_the_thread_wherever_it_was_before() -> None:
    threads: list[str] = []

    def predict(instances: np.ndarray) -> Any:
        threads.append(threading.current_thread().name)
        time.sleep(200e-6)
        return instances.sum(axis=1)

    async def scenario(send: Send, _service: Service) -> None:
        async def client(requests: int) -> None:
            for _ in range(requests):
                await send([[1, 2]])

        await client(300)
        await asyncio.gather(*(client(100) for _ in range(6)))

    serve(predict, scenario)
    assert threads[-1] == "predict"
    assert len(threads) < 900, "those in company go together"


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_batched_equals_unbatched(sizes: list[int], random: Any) -> None:
    weights = np.array([0.5, -2.0, 3.25])
    documents = [[[random.uniform(-9, 9) for _ in range(3)] for _ in range(size)] for size in sizes]

    def predict(instances: np.ndarray) -> Any:
        return (instances * weights).sum(axis=1)

    async def scenario(send: Send, _service: Service) -> list[Reply]:
        return await asyncio.gather(*(send(document) for document in documents))

    together = serve(predict, scenario)
    alone = serve(predict, scenario, Limits(**{**vars(LIMITS), "batch_rows": 1}))
    assert together == alone


@pytest.mark.parametrize("value", [[1, 2], (1, 2, 3, 4), {"a": 1}, "abc", 3, np.float64(3), np.zeros(2)])
def test_an_answer_of_another_length_cannot_be_split(value: object) -> None:
    with pytest.raises(UnsplittableError):
        split(Answer("predictions", value), [1, 2])


def test_metrics_are_summed_over_workers() -> None:
    ledger = Ledger(2)
    for number in (0, 1):
        meter = ledger.meter(number)
        meter.ran(3, 0.004)
        meter.answered(200, 0.02, 5)
    text = ledger.text()
    assert "shapemaker_request_seconds_count 2" in text
    assert 'shapemaker_batch_rows_bucket{le="4"} 2' in text
    assert "shapemaker_batch_rows_sum 6" in text
    assert 'shapemaker_responses_total{status="2xx"} 2' in text
    assert "shapemaker_queued_rows 10" in text
