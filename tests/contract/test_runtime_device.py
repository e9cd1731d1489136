"""Models that ask for a device: one process for each GPU, the CPU where there is none."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from tests.support.runtime import Image, wait_until

if TYPE_CHECKING:
    from pathlib import Path

MODEL = """
import os
class Model:
    example = [0]
    def load(self, directory, device):
        self.device = device
        print("loads on", device, "in", os.getpid(), flush=True)
    def predict(self, instances):
        return [[len(self.device)] for _ in instances]
"""


def test_without_a_gpu_the_model_is_loaded_once_on_the_cpu_and_shared(tmp_path: Path) -> None:
    image = Image.make(tmp_path, MODEL)
    image.environ |= {"SHAPEMAKER_SERVE_WORKERS": "2", "SHAPEMAKER_SERVE_GPUS": "0"}
    with image.serving() as server:
        assert server.invoke("[[1], [2]]").json == {"predictions": [[3], [3]]}
        assert server.log.count("loads on cpu in") == 1


def test_each_gpu_has_a_process_and_a_new_one_takes_the_device_of_the_one_before(tmp_path: Path) -> None:
    image = Image.make(tmp_path, MODEL)
    image.environ["SHAPEMAKER_SERVE_GPUS"] = "2"
    with image.serving() as server:
        wait_until(lambda: server.log.count("loads on") == 2)
        first, second = server.workers()
        for pid, device in ((first, "cuda:0"), (second, "cuda:1")):
            assert f"loads on {device} in {pid}" in server.log
        os.kill(second, signal.SIGKILL)
        wait_until(lambda: server.log.count("loads on cuda:1 in") == 2)
        assert server.invoke("[[1]]").json == {"predictions": [[6]]}


def test_a_model_that_cannot_be_loaded_on_its_gpu_ends_the_container(tmp_path: Path) -> None:
    image = Image.make(tmp_path, MODEL.replace("self.device = device", "raise RuntimeError('out of memory')"))
    image.environ["SHAPEMAKER_SERVE_GPUS"] = "1"
    with image.serving(until_ping=False) as server:
        assert server.process.wait(60) != 0
        assert "out of memory" in server.log
