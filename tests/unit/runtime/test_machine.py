"""What the container may use, by what the kernel says of it: both versions of cgroups, GPUs, places of workers."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from shapemaker_runtime.serving import machine, slots
from shapemaker_runtime.serving.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

MB = 1 << 20


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return folder


TWO = {
    "memory.max": f"{64 * MB}\n",
    "memory.current": f"{40 * MB}\n",
    "memory.stat": f"anon 1\ninactive_file {8 * MB}\n",
}
ONE = {
    "memory/memory.limit_in_bytes": f"{64 * MB}\n",
    "memory/memory.usage_in_bytes": f"{40 * MB}\n",
    "memory/memory.stat": f"cache 1\ninactive_file {4 * MB}\nactive_file {4 * MB}\n",
}


@pytest.mark.parametrize("files", [TWO, ONE], ids=["v2", "v1"])
def test_memory_is_the_containers_and_its_file_cache_is_free(tmp_path: Path, files: dict[str, str]) -> None:
    cgroups = write(tmp_path, files)
    assert machine.memory(cgroups) == 64 * MB
    assert machine.free_memory(cgroups) == 32 * MB


@pytest.mark.parametrize("files", [{}, {"memory.max": "max"}, {"memory/memory.limit_in_bytes": "9223372036854771712"}])
def test_without_a_limit_memory_is_the_machines(tmp_path: Path, files: dict[str, str]) -> None:
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert machine.memory(write(tmp_path, files)) == physical
    assert 0 < machine.free_memory(tmp_path) < physical


@pytest.mark.parametrize(
    "files",
    [{"cpu.max": "100000 100000"}, {"cpu/cpu.cfs_quota_us": "150000", "cpu/cpu.cfs_period_us": "100000"}],
    ids=["v2", "v1"],
)
def test_a_quota_limits_the_cores(tmp_path: Path, files: dict[str, str]) -> None:
    assert machine.cores(write(tmp_path, files)) == 1


@pytest.mark.parametrize("files", [{}, {"cpu.max": "max 100000"}, {"cpu/cpu.cfs_quota_us": "-1"}])
def test_without_a_quota_the_cores_are_those_of_the_set(tmp_path: Path, files: dict[str, str]) -> None:
    assert machine.cores(write(tmp_path, files)) == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("environ", "count"),
    [
        ({}, 2),
        ({"CUDA_VISIBLE_DEVICES": ""}, 0),
        ({"CUDA_VISIBLE_DEVICES": "1"}, 1),
        ({"CUDA_VISIBLE_DEVICES": "0,-1,1"}, 1),
        ({"CUDA_VISIBLE_DEVICES": "0,1,2,3"}, 2),
    ],
)
def test_gpus_are_counted_without_asking_them(tmp_path: Path, environ: dict[str, str], count: int) -> None:
    write(tmp_path, dict.fromkeys(("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null"), ""))
    assert machine.gpus(environ, tmp_path) == count


def test_a_new_worker_takes_the_place_of_the_one_that_is_gone() -> None:
    arbiter = SimpleNamespace(WORKERS={})
    for pid in range(3):
        arbiter.WORKERS[pid] = SimpleNamespace()
        slots.assign(arbiter, arbiter.WORKERS[pid])
    del arbiter.WORKERS[1]
    new = SimpleNamespace()
    slots.assign(arbiter, new)
    assert ([each.slot for each in arbiter.WORKERS.values()], new.slot) == ([0, 2], 1)


@pytest.mark.parametrize(
    ("environ", "megabytes", "seconds"),
    [
        ({}, 25, 60),
        ({"SAGEMAKER_BATCH": "true"}, 25, 600),
        ({"SAGEMAKER_BATCH": "true", "SAGEMAKER_MAX_PAYLOAD_IN_MB": "100"}, 100, 600),
        ({"SAGEMAKER_BATCH": "true", "SAGEMAKER_MAX_PAYLOAD_IN_MB": "6"}, 25, 600),
        ({"SAGEMAKER_BATCH": "true", "SAGEMAKER_MAX_PAYLOAD_IN_MB": "0"}, 4096, 600),
        ({"SAGEMAKER_MAX_PAYLOAD_IN_MB": "100", "SHAPEMAKER_SERVE_MAX_BODY_MB": "50"}, 50, 60),
    ],
)
def test_batch_transform_may_send_what_its_job_says(environ: dict[str, str], megabytes: int, seconds: int) -> None:
    settings = Settings.from_environ(environ)
    assert (settings.max_body, settings.limits.run_seconds) == (megabytes * MB, seconds)


def test_many_models_have_one_worker() -> None:
    settings = Settings.from_environ({"SAGEMAKER_MULTI_MODEL": "true", "SHAPEMAKER_SERVE_WORKERS": "4"})
    assert (settings.is_multi_model, settings.workers, settings.loaded().workers) == (True, 1, 1)
