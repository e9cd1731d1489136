"""Models of torch itself, on the CPU: trained, loaded on their device, forked, and predicted in batches and threads."""

from __future__ import annotations

import io
import json
import re
import struct
import subprocess
from typing import Any

import numpy as np
import pytest

from tests.support import torch_python
from tests.support.runtime import Image, in_background

MODEL = """
import json, os, sys, threading
from pathlib import Path
import torch
from torch import nn

LARGE = 1_000_000  # torch divides so much work among its threads

KINDS = {
    "2-d": lambda answer: answer,
    "1-d": lambda answer: answer[:, 0],
    "0-d": lambda answer: answer.sum(),
    "half": lambda answer: answer.half(),
    "bfloat16": lambda answer: answer.bfloat16(),
    "double": lambda answer: answer.double(),
    "integers": lambda answer: (answer * 1000).long(),
    "booleans": lambda answer: answer > 0,
    "without a gradient": lambda answer: answer.detach(),
    "a parameter": lambda answer: nn.Parameter(answer),
    "a view that negates": lambda answer: torch.complex(answer, answer).conj().imag,
    "a list of rows": lambda answer: list(answer),
    "a list of numbers": lambda answer: list(answer[:, 0]),
    "by name": lambda answer: {"first": answer[:, 0], "all": answer.bfloat16()},
}

def network():
    return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))

def work():
    return int((torch.arange(LARGE) * 2).sum())

def thread():
    return threading.current_thread().name

def threads():
    return {"allowed": torch.get_num_threads(), "alive": len(os.listdir("/proc/self/task"))}

class Model:
    example = [0.0, 0.0]

    def train(self, train: Path, *, steps: int = 100) -> dict:
        torch.manual_seed(0)
        rows = torch.tensor([[float(cell) for cell in line.split(",")] for line in (train / "rows.csv").open()])
        self.net = network()
        optimizer = torch.optim.Adam(self.net.parameters(), lr=0.05)
        losses = []
        for _ in range(steps):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(self.net(rows[:, :2]), rows[:, 2:])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return {"first": losses[0], "last": losses[-1]}

    def save(self, directory: Path):
        torch.save(self.net.state_dict(), directory / "net.pt")

    def load(self, directory, device):
        self.device = torch.device(device)
        self.net = network().to(self.device)
        self.net.load_state_dict(torch.load(directory / "net.pt", map_location=self.device))
        self.worked, self.loading = work(), threads()
        print("loads on", device, flush=True)
        if "EAGER" in os.environ:
            torch.set_num_threads(2)
            work()

    def predict(self, rows, kind: str = os.environ.get("KIND", "2-d")):
        if kind == "quick":
            return rows
        rows = torch.as_tensor(rows, dtype=torch.float32, device=self.device)
        print("predicts", len(rows), "on", rows.device, "in", os.getpid(), flush=True)
        if kind == "threads":
            return {"worked": [self.worked, work()], "loading": self.loading, "now": threads(), "in": thread()}
        return KINDS[kind](self.net(rows))

if __name__ == "__main__":  # what torch itself says, with nothing of the runtime around it
    model = Model()
    model.load(Path(sys.argv[1]), "cpu")
    answers = {kind: model.predict(json.loads(sys.argv[2]), kind) for kind in KINDS}
    print(json.dumps(answers, default=torch.Tensor.tolist))
"""
"""Its `predict` answers in any way that torch offers; run by itself, it says what torch answers."""

ROWS = [[0.1 * number, 1 - 0.2 * number] for number in range(7)]
SERVERS = pytest.mark.parametrize("server", ["fast", "stock"])


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    return torch_python.make(tmp_path_factory.mktemp("torch") / "environment")


@pytest.fixture(scope="session")
def trained(python: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Image, str]:
    """What a training job leaves, and what it has printed."""
    image = Image.make(tmp_path_factory.mktemp("trained"), MODEL)
    image.python = python
    image.put("input/data/train/rows.csv", "".join(f"{a},{b},{a + b},{a * b}\n" for a, b in ROWS))
    image.put("input/config/inputdataconfig.json", {"train": {"TrainingInputMode": "File"}})
    image.put("input/config/hyperparameters.json", {"steps": "50"})
    done = image.run("train")
    assert done.returncode == 0, done.stderr
    return image, done.stdout


@pytest.fixture(scope="session")
def answers(trained: tuple[Image, str]) -> Any:
    """Of torch alone to `ROWS`, by kind."""
    image, _ = trained
    command = [image.python, str(image.program / "usermodel.py"), str(image.ml / "model"), json.dumps(ROWS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def image(trained: tuple[Image, str]) -> Image:
    made, _ = trained
    return Image(made.program, made.ml, {}, made.python)


def single(value: Any) -> Any:
    """With numbers as single floats: a double that stands for one may be written shorter, as 0.1."""
    if isinstance(value, dict):
        return {name: single(each) for name, each in value.items()}
    if isinstance(value, list):
        return [single(each) for each in value]
    return struct.unpack("f", struct.pack("f", value))[0] if isinstance(value, float) else value


def batches(log: str) -> list[int]:
    return [int(size) for size in re.findall(r"predicts (\d+) on cpu", log)]


def test_a_model_is_trained_and_saved(trained: tuple[Image, str]) -> None:
    image, printed = trained
    losses = dict(line.split("=") for line in printed.splitlines())
    assert float(losses["last"]) < float(losses["first"])
    assert (image.ml / "model" / "net.pt").is_file()


@SERVERS
def test_answers_are_those_of_torch_whatever_kind_of_tensor_they_are(image: Image, answers: Any, server: str) -> None:
    image.environ |= {"SHAPEMAKER_SERVE_WORKERS": "2", "SHAPEMAKER_SERVE_SERVER": server}
    with image.serving() as serving:
        for kind, answer in answers.items():
            reply = serving.invoke(json.dumps({"rows": ROWS, "kind": kind}))
            assert (kind, single(reply.json)) == (kind, single({"output": answer})), serving.log
        assert single(serving.invoke(json.dumps(ROWS)).json) == single({"predictions": answers["2-d"]})
        assert serving.log.count("loads on cpu") == 1


def test_answers_are_arrays_and_tables_too(image: Image, answers: Any) -> None:
    with image.serving() as serving:
        for kind in ("2-d", "half", "bfloat16", "a parameter", "a list of rows"):
            asked = json.dumps({"rows": ROWS, "kind": kind})
            array = np.load(io.BytesIO(serving.invoke(asked, Accept="application/x-npy").body))
            assert (kind, array.dtype, array.tolist()) == (kind, np.float32, answers[kind])
            lines = serving.invoke(asked, Accept="text/csv").body.decode().splitlines()
            assert [[float(cell) for cell in line.split(",")] for line in lines] == answers[kind]


@pytest.mark.parametrize(("server", "kind"), [("fast", "2-d"), ("fast", "a list of rows"), ("stock", "bfloat16")])
def test_concurrent_requests_are_one_batch_on_the_device(image: Image, answers: Any, server: str, kind: str) -> None:
    image.environ |= {"SHAPEMAKER_SERVE_WORKERS": "1", "SHAPEMAKER_SERVE_SERVER": server, "KIND": kind}
    image.environ["SHAPEMAKER_SERVE_BATCH_WINDOW_MS"] = "500"
    with image.serving() as serving:
        asked = [in_background(serving.invoke, json.dumps([row])) for row in ROWS]
        for each, answer in zip(asked, answers[kind], strict=True):
            assert each.result().json == {"predictions": [pytest.approx(answer, rel=1e-2)]}
        sizes = batches(serving.log)
        assert max(sizes) > 1, sizes
        assert sum(sizes) == len(ROWS) + 1  # and the example, at the start


@SERVERS
def test_threads_begin_after_the_fork_and_share_the_work(image: Image, server: str) -> None:
    image.environ |= {"SHAPEMAKER_SERVE_WORKERS": "1", "SHAPEMAKER_SERVE_SERVER": server}
    image.environ["OMP_NUM_THREADS"] = "2"
    with image.serving() as serving:
        for _ in range(3):
            answer = serving.invoke(json.dumps({"rows": ROWS, "kind": "threads"})).json["output"]
            assert answer["worked"] == [999_999_000_000] * 2
            assert answer["loading"] == {"allowed": 1, "alive": 1}
            assert (answer["in"], answer["now"]["allowed"]) == ("predict", 2)


@pytest.mark.parametrize("eager", [False, True])
def test_a_model_that_is_quick_predicts_on_the_event_loop_unless_it_began_threads(image: Image, *, eager: bool) -> None:
    image.environ |= {"SHAPEMAKER_SERVE_WORKERS": "1", "SHAPEMAKER_SERVE_THREADS": "2"}
    image.environ |= {"EAGER": "1"} if eager else {}
    with image.serving() as serving:
        for each in ("quick",) * 500 + ("threads",) * 3:
            answer = serving.invoke(json.dumps({"rows": [[0, 0]], "kind": each})).json["output"]
        assert answer["worked"] == [999_999_000_000] * 2
        assert answer["in"] == "predict" or not eager
