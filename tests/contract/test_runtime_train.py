"""`train` as SageMaker starts it: a process, a directory tree, signals and exit codes."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from textwrap import dedent

import pytest

from tests.support.runtime import Image, wait_until

ROOT = Path(__file__).parents[2]

MODEL = """
import os, signal, sys, time
from pathlib import Path

class Model:
    def train(self, train: Path, *, degree: int = 1, rate: float = 0.5, fail: str = "") -> dict:
        self.text = f"{degree!r} {rate!r} {(train / 'data.csv').read_text()}"
        if fail:
            raise ValueError(fail)
        return {"rmse": 1.25, "r2": 1e-07}

    def save(self, directory: Path) -> None:
        (directory / "model.txt").write_text(self.text)
"""

ENDLESS = """
import sys, time
from pathlib import Path

class Model:
    steps = 0

    def train(self, checkpoints: Path):
        try:
            while True:
                self.steps += 1
                (checkpoints / "step").write_text(str(self.steps))
                time.sleep(0.01)
        finally:
            print("cleaned up")

    def save(self, directory: Path):
        (directory / "steps").write_text(str(self.steps))
"""


def image(folder: Path, source: str = MODEL, **settings: object) -> Image:
    made = Image.make(folder, dedent(source), **settings)
    made.put("input/data/train/data.csv", "abc")
    made.put("input/config/inputdataconfig.json", {"train": {"TrainingInputMode": "File"}})
    return made


def hyperparameters(made: Image, **values: str) -> None:
    made.put("input/config/hyperparameters.json", values)


def failure(made: Image) -> str:
    content = (made.ml / "output" / "failure").read_bytes()
    assert len(content) <= 1024
    return content.decode()


def test_a_model_is_trained_saved_and_measured(tmp_path: Path) -> None:
    made = image(tmp_path)
    hyperparameters(made, degree="3", _tuning_objective_metric="rmse", sagemaker_job_name='"x"')
    done = made.run("train")
    assert done.returncode == 0, done.stderr
    assert (made.ml / "model" / "model.txt").read_text() == "3 0.5 abc"
    assert done.stdout.splitlines() == ["rmse=1.25", "r2=1e-07"]
    assert (made.ml / "output" / "data").is_dir()
    assert (made.ml / "checkpoints").is_dir()
    assert not (made.ml / "output" / "failure").exists()
    assert sorted(path.name for path in (made.ml / "input").rglob("*") if path.is_file()) == [
        "data.csv",
        "hyperparameters.json",
        "inputdataconfig.json",
    ]


def test_a_minimal_tree_is_enough_and_needs_no_variables(tmp_path: Path) -> None:
    made = Image.make(
        tmp_path, MODEL.replace("train: Path, *, ", "*, ").replace("(train / 'data.csv').read_text()", "0")
    )
    assert made.run("train").returncode == 0


def test_the_sample_trains_on_read_only_data(tmp_path: Path) -> None:
    made = Image(ROOT, tmp_path)
    made.environ["SHAPEMAKER_PROGRAM"] = str(tmp_path / "program")
    (tmp_path / "program").mkdir()
    (tmp_path / "program" / "modelpkg").symlink_to(ROOT / "modelpkg")
    (tmp_path / "program" / "runtime.json").write_text('{"model": "modelpkg.model:Model"}')
    made.put("input/data/train/salaries.csv", (ROOT / "modelpkg/data/train/salaries.csv").read_bytes())
    (tmp_path / "input/data/train").chmod(0o555)
    hyperparameters(made, degree="2")
    done = made.run("train")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("rmse=1794.")


def test_code_that_fails_says_why_and_where(tmp_path: Path) -> None:
    made = image(tmp_path)
    hyperparameters(made, fail="the data are bad")
    done = made.run("train")
    assert done.returncode == 1
    assert failure(made).splitlines()[:2] == [
        "ValueError: the data are bad",
        "at usermodel.py:9 in train: raise ValueError(fail)",
    ]
    assert "Traceback (most recent call last)" in done.stderr
    assert not list((made.ml / "model").iterdir())


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nowhere", "ModuleNotFoundError: No module named 'nowhere'"),
        ("def broken(:", "SyntaxError: invalid syntax (usermodel.py:1)"),
        ("class Model:\n    def __init__(self): 1 / 0", "ZeroDivisionError: division by zero"),
        (MODEL.replace('"model.txt").write_text(self.text)', '"a/b").write_text("")'), "FileNotFoundError"),
        (MODEL.replace('(directory / "model.txt").write_text(self.text)', "pass"), "Model.save wrote nothing into"),
        (MODEL.replace("write_text(self.text)", "symlink_to('/etc/passwd')"), "Model.save wrote a link, model.txt"),
        (MODEL.replace("1e-07}", "'high'}"), "Model.train returned r2=high, which is no number"),
        (
            MODEL.replace("if fail:", "sys.exit(0)\n        if fail:"),
            "the code called sys.exit(0)",
        ),
    ],
    ids=range(8),
)
def test_every_way_to_fail_ends_as_a_failed_job(tmp_path: Path, source: str, reason: str) -> None:
    made = image(tmp_path, source)
    assert made.run("train").returncode == 1
    assert reason in failure(made)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"degre": "1"}, "hyperparameter degre is unknown; did you mean degree?"),
        ({"degree": "high"}, "hyperparameter degree: expected int, got 'high'"),
    ],
)
def test_hyperparameters_that_do_not_fit_stop_the_job_before_it_costs(
    tmp_path: Path, values: dict[str, str], reason: str
) -> None:
    made = image(tmp_path)
    hyperparameters(made, **values)
    done = made.run("train")
    assert done.returncode == 2
    assert failure(made).startswith(reason)
    assert "Traceback" not in done.stderr


def test_a_missing_channel_is_named(tmp_path: Path) -> None:
    made = image(tmp_path)
    made.put("input/config/inputdataconfig.json", {"training": {}})
    assert made.run("train").returncode == 2
    assert failure(made).startswith("channel training is not taken; did you mean train?; channel train is missing")


def test_a_class_without_save_is_refused_before_training(tmp_path: Path) -> None:
    made = image(tmp_path, MODEL.replace("def save", "def safe"))
    assert made.run("train").returncode == 2
    assert failure(made) == "usermodel:Model lacks save()"


def test_only_the_first_host_saves(tmp_path: Path) -> None:
    made = image(tmp_path)
    made.put("input/config/resourceconfig.json", {"current_host": "algo-2", "hosts": ["algo-1", "algo-2"]})
    done = made.run("train")
    assert done.returncode == 0, done.stderr
    assert not list((made.ml / "model").iterdir())
    assert "rmse=1.25" in done.stdout


def stopped(made: Image) -> tuple[int, str]:
    """Start, wait for the first step, send SIGTERM."""
    process = made.start("train", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    wait_until((made.ml / "checkpoints" / "step").exists)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    return process.returncode, output


def test_a_stopped_job_saves_what_there_is(tmp_path: Path) -> None:
    made = Image.make(tmp_path, ENDLESS)
    assert stopped(made) == (143, "cleaned up\n")
    assert int((made.ml / "model" / "steps").read_text()) >= 1
    assert not (made.ml / "output" / "failure").exists()


def test_a_model_that_can_stop_is_asked_to(tmp_path: Path) -> None:
    source = ENDLESS.replace("while True", "while not self.is_stopped").replace(
        "steps = 0", "steps = 0; is_stopped = False"
    )
    made = Image.make(tmp_path, source + "\n    def stop(self):\n        self.is_stopped = True; print('asked')\n")
    assert stopped(made) == (143, "asked\ncleaned up\n")
    assert (made.ml / "model" / "steps").exists()


def test_a_stopped_job_that_has_nothing_to_save_says_so(tmp_path: Path) -> None:
    made = Image.make(tmp_path, ENDLESS.replace("(directory /", "raise RuntimeError('not fitted') #"))
    assert stopped(made)[0] == 143
    assert failure(made).startswith("RuntimeError: not fitted")


def test_saving_is_not_cut_short(tmp_path: Path) -> None:
    source = """
    import os, signal
    class Model:
        def train(self): pass
        def save(self, directory):
            os.kill(os.getpid(), signal.SIGTERM)
            (directory / "model").write_text("whole")
    """
    made = Image.make(tmp_path, dedent(source))
    assert made.run("train").returncode == 0
    assert (made.ml / "model" / "model").read_text() == "whole"


def test_checkpoints_of_an_earlier_start_are_found(tmp_path: Path) -> None:
    source = MODEL.replace("train: Path,", "train: Path, checkpoints: Path, output: Path,").replace(
        "if fail:", "print(sorted(p.name for p in checkpoints.iterdir()), output.is_dir())\n        if fail:"
    )
    made = image(tmp_path, source)
    made.put("checkpoints/step-7", "")
    assert "['step-7'] True" in made.run("train").stdout


SCRIPT = """
import argparse, os, pathlib, sys
import helper
parser = argparse.ArgumentParser()
parser.add_argument("--learning-rate", type=float)
arguments = parser.parse_args()
model = pathlib.Path(os.environ["SM_MODEL_DIR"])
model.mkdir(exist_ok=True)
text = f"{arguments.learning_rate} {helper.NAME} {os.getcwd()} {os.environ['SM_CHANNEL_TRAIN']} {os.environ['SM_HPS']}"
(model / "model.txt").write_text(text)
print("loss=0.5")
"""


def script_image(folder: Path, source: str) -> Image:
    made = image(folder, "", train_entrypoint="scripts/train.py")
    made.write("scripts/train.py", dedent(source))
    made.write("helper.py", "NAME = 'helper'")
    return made


def test_a_script_of_the_users_own_trains_with_arguments_and_variables(tmp_path: Path) -> None:
    made = script_image(tmp_path, SCRIPT)
    made.put("input/config/hyperparameters.json", {"learning-rate": "0.5"})
    done = made.run("train")
    assert done.returncode == 0, done.stderr
    expected = f"0.5 helper {made.program} {made.ml}/input/data/train " + json.dumps({"learning-rate": "0.5"})
    assert (made.ml / "model" / "model.txt").read_text() == expected
    assert done.stdout == "loss=0.5\n"


def test_a_script_that_fails_gives_its_code_and_its_last_words(tmp_path: Path) -> None:
    made = script_image(
        tmp_path, "import sys\nsys.stderr.write('x' * 100_000 + '\\n')\ndef f():\n    raise KeyError('age')\nf()"
    )
    done = made.run("train")
    assert done.returncode == 1
    assert done.stderr.count("x") >= 100_000
    assert failure(made).startswith("scripts/train.py, exit code 1: KeyError: 'age'\n")
    assert "line 4, in f" in failure(made)


@pytest.mark.parametrize(
    ("ending", "code", "reason"),
    [
        ("sys.exit(7)", 7, "scripts/train.py ended with exit code 7 and wrote nothing to stderr"),
        ("os.kill(os.getpid(), 9)", 137, "scripts/train.py ended with exit code 137"),
    ],
)
def test_the_exit_code_of_a_script_is_that_of_the_job(tmp_path: Path, ending: str, code: int, reason: str) -> None:
    made = script_image(tmp_path, f"import os, sys\n{ending}")
    assert made.run("train").returncode == code
    assert failure(made).startswith(reason)


def test_a_failure_file_of_the_scripts_own_stays(tmp_path: Path) -> None:
    made = script_image(
        tmp_path,
        "import pathlib, sys, os\nsys.exit(pathlib.Path(os.environ['SM_OUTPUT_DIR'], 'failure').write_text('mine'))",
    )
    assert made.run("train").returncode == 4
    assert failure(made) == "mine"


def test_a_script_gets_the_signal(tmp_path: Path) -> None:
    source = """
    import os, pathlib, signal, sys, time
    def leave(*_):
        print("saved")
        sys.exit(0)
    signal.signal(signal.SIGTERM, leave)
    pathlib.Path(os.environ["SM_CHECKPOINT_DIR"], "step").write_text("1")
    time.sleep(60)
    """
    assert stopped(script_image(tmp_path, source)) == (0, "saved\n")


def test_a_script_that_is_not_there_is_named(tmp_path: Path) -> None:
    made = image(tmp_path, "", train_entrypoint="trian.py")
    assert made.run("train").returncode == 2
    assert "trian.py does not exist" in failure(made)


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ((), 2, "usage: train | evaluate | serve"),
        (("train", "now"), 2, "train takes no arguments, got: now"),
        (("no-such-command",), 127, "no-such-command: not found. usage"),
        (("/etc",), 126, "/etc: Permission denied"),
    ],
)
def test_what_cannot_be_started_is_told_how(tmp_path: Path, command: tuple[str, ...], code: int, message: str) -> None:
    done = Image.make(tmp_path).run(*command)
    assert done.returncode == code
    assert done.stderr.startswith(message)


def test_any_other_argument_is_a_command(tmp_path: Path) -> None:
    done = Image.make(tmp_path).run("sh", "-c", "echo in; exit 5")
    assert (done.returncode, done.stdout) == (5, "in\n")
