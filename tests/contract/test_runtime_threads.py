"""Threads of libraries: each worker has its share of the cores, and none that began before it was forked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.runtime import Image

if TYPE_CHECKING:
    from pathlib import Path

MODEL = """
import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_info

def of_openmp():
    return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "openmp"]

class Model:
    example = [0.0]
    def load(self, directory):
        rows = np.arange(2000.0).reshape(-1, 1)
        self.model = HistGradientBoostingRegressor(max_iter=5).fit(rows, rows[:, 0])
        self.while_loading = of_openmp()
    def predict(self, instances):
        return {"rows": len(self.model.predict(instances)), "loading": self.while_loading, "now": of_openmp()}
"""
ROWS = json.dumps([[float(row)] for row in range(5000)])


def served(folder: Path, **environ: str) -> dict[str, object]:
    image = Image.make(folder, MODEL)
    image.environ |= {"SHAPEMAKER_SERVE_WORKERS": "1", **environ}
    with image.serving() as server:
        answer = server.invoke(ROWS).json["predictions"]
        assert isinstance(answer, dict)
        return answer


def test_a_model_that_was_loaded_and_warmed_up_before_the_fork_predicts_with_several_threads(tmp_path: Path) -> None:
    assert served(tmp_path, OMP_NUM_THREADS="2") == {"rows": 5000, "loading": [1], "now": [2]}


@pytest.mark.parametrize("server", ["fast", "stock"])
def test_a_worker_has_as_many_as_it_is_told(tmp_path: Path, server: str) -> None:
    answer = served(tmp_path, SHAPEMAKER_SERVE_THREADS="3", SHAPEMAKER_SERVE_SERVER=server)
    assert answer == {"rows": 5000, "loading": [1], "now": [3]}


APP = """
import os
def app(environ, start_response):
    start_response("200 OK", [])
    return [os.environ["OMP_NUM_THREADS"].encode()]
"""


@pytest.mark.parametrize("told", ["", "7"])
def test_an_application_of_the_users_own_has_its_share_from_the_start(tmp_path: Path, told: str) -> None:
    image = Image.make(tmp_path, serve_app="usermodel:app")
    image.write("usermodel.py", APP)
    image.environ |= {"OMP_NUM_THREADS": told} if told else {}
    with image.serving() as server:
        assert server.invoke("{}").body.decode() == told or (not told and server.invoke("{}").body.isdigit())
