"""`evaluate` as a processing job starts it: a model's archive and channels in, a report out."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.runtime import Image

if TYPE_CHECKING:
    from pathlib import Path

MODEL = """
from pathlib import Path
import numpy as np

class Model:
    def load(self, directory: Path) -> None:
        self.bias = float((directory / "bias.txt").read_text())

    def evaluate(self, test: Path, extra: Path | None = None) -> dict:
        values = [float(line) for line in (test / "values.txt").read_text().split()]
        return {"rmse": np.float32(self.bias + sum(values)), "count": len(values)}
"""


def image(folder: Path, source: str = MODEL, **settings: object) -> Image:
    made = Image.make(folder, dedent(source), **settings)
    made.put("processing/model/model.tar.gz", model_data())
    made.put("processing/input/test/values.txt", "1 2")
    made.put("processing/input/test/more/values.txt", "3")
    return made


def model_data(*members: tarfile.TarInfo) -> bytes:
    bias = tarfile.TarInfo("bias.txt")
    bias.size = 3
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        archive.addfile(bias, io.BytesIO(b"0.5"))
        for member in members:
            archive.addfile(member)
    return stream.getvalue()


def report(made: Image) -> Any:
    return json.loads((made.ml / "processing/output/report.json").read_text())


def message(made: Image) -> str:
    content = (made.ml / "output" / "message").read_bytes()
    assert len(content) <= 1024
    return content.decode()


def test_the_report_says_what_was_measured_on_what(tmp_path: Path) -> None:
    made = image(tmp_path)
    done = made.run("evaluate")
    assert done.returncode == 0, done.stderr
    digest = hashlib.sha256((made.ml / "processing/model/model.tar.gz").read_bytes()).hexdigest()
    assert report(made) == {
        "metrics": {"rmse": 3.5, "count": 2.0},
        "model_data_digest": f"sha256:{digest}",
        "channels": {"test": 2},
    }
    assert [path.name for path in (made.ml / "processing/output").iterdir()] == ["report.json"]


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        ("{'rmse': float('nan')}", "the metric rmse is nan"),
        ("{'rmse': float('inf')}", "the metric rmse is inf"),
        ("{'rmse': '0.91'}", "rmse=0.91, which is no number"),
        ("{'rmse': True}", "rmse=True, which is no number"),
        ("{'rmse': [1]}", "rmse=[1], which is no number"),
        ("{}", "the evaluation gave no metrics"),
        ("None", "must return a mapping of names to numbers, got NoneType"),
        ("1 / 0", "ZeroDivisionError: division by zero\nat usermodel.py:11 in evaluate: return 1 / 0"),
    ],
)
def test_no_usable_metrics_no_report(tmp_path: Path, returned: str, reason: str) -> None:
    made = image(
        tmp_path, MODEL.replace('{"rmse": np.float32(self.bias + sum(values)), "count": len(values)}', returned)
    )
    assert made.run("evaluate").returncode == 1
    assert reason in message(made)
    assert not list((made.ml / "processing/output").iterdir())


def link() -> tarfile.TarInfo:
    info = tarfile.TarInfo("link")
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return info


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (model_data(link()), "the member 'link' is neither a file nor a directory"),
        (model_data(tarfile.TarInfo("../up")), "the member '../up' leads out of the archive"),
        (model_data()[:-20], "model.tar.gz cannot be unpacked"),
    ],
    ids=["link", "up", "truncated"],
)
def test_an_archive_that_cannot_be_trusted_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    made = image(tmp_path)
    made.put("processing/model/model.tar.gz", content)
    assert made.run("evaluate").returncode == 2
    assert message(made).startswith(reason)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    made = image(tmp_path)
    (made.ml / "processing/input/test").rename(made.ml / "processing/input/tests")
    assert made.run("evaluate").returncode == 2
    assert message(made).startswith("channel tests is not taken; did you mean test?; channel test is missing")
    (made.ml / "processing/model/model.tar.gz").unlink()
    assert made.run("evaluate").returncode == 2
    assert "model.tar.gz does not exist" in message(made)


SCRIPT = """
import json, os, pathlib
bias = float(pathlib.Path(os.environ["SM_MODEL_DIR"], "bias.txt").read_text())
values = pathlib.Path(os.environ["SM_CHANNEL_TEST"], "values.txt").read_text()
text = json.dumps({"metrics": {"rmse": bias}, "values": values})
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "report.json").write_text(text)
"""


def test_a_script_of_the_users_own_evaluates(tmp_path: Path) -> None:
    made = image(tmp_path, "", evaluate_entrypoint="check.py")
    made.write("check.py", SCRIPT)
    done = made.run("evaluate")
    assert done.returncode == 0, done.stderr
    assert report(made)["metrics"] == {"rmse": 0.5}
    assert report(made)["channels"] == {"test": 2}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("json.dumps", "str", "report.json is not JSON: line 1 column 2"),
        ('{"rmse": bias}', '{"rmse": float("nan")}', "report.json is not JSON: line 1 column 22: NaN"),
        ('"metrics"', '"metric"', 'report.json must be an object with "metrics"'),
        ("report.json", "report.txt", "the evaluation script wrote no "),
        ("import json", "import jsn", "check.py, exit code 1: ModuleNotFoundError: No module named 'jsn'"),
    ],
)
def test_a_script_without_a_report_is_a_failed_job(tmp_path: Path, old: str, new: str, reason: str) -> None:
    made = image(tmp_path, "", evaluate_entrypoint="check.py")
    made.write("check.py", SCRIPT.replace(old, new))
    assert made.run("evaluate").returncode == 1
    assert reason in message(made)
