"""Bodies that are read beside the event loop."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, ClassVar

from shapemaker_runtime.serving.binding import Binding
from shapemaker_runtime.serving.meter import Ledger
from shapemaker_runtime.serving.service import Request, Service
from shapemaker_runtime.serving.settings import Limits

if TYPE_CHECKING:
    from shapemaker_runtime.serving.reply import Reply

LIMITS = Limits(
    rows=1000, run_seconds=1, batch_rows=64, batch_seconds=0, queue_rows=1000, queue_seconds=30, inline=False
)


class Slow:
    decoders: ClassVar = {"image/x-slow": "decode"}

    def decode(self, body: bytes) -> list[list[float]]:
        time.sleep(0.05)
        return [[float(len(body))]]

    def predict(self, rows: Any) -> Any:
        return rows


def test_a_decoder_has_its_time_from_when_it_begins() -> None:
    hung: list[int] = []

    async def run() -> list[Reply]:
        service = Service(Binding.of(Slow().predict, Slow()), LIMITS, Ledger(1).meter(0), lambda: hung.append(1))
        replies: list[asyncio.Future[Reply]] = [asyncio.get_running_loop().create_future() for _ in range(120)]
        for each in replies:
            service.submit(Request(b"1", "image/x-slow"), each.set_result)
        return await asyncio.wait_for(asyncio.gather(*replies), 60)

    assert {reply.status for reply in asyncio.run(run())} == {200}
    assert hung == []
