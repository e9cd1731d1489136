"""The configuration fits the model class, the data and AWS's rules: shapemaker says so, without network or account."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(shutil.which("shapemaker") is None, reason="shapemaker is not installed here; the workflow has it")
def test_the_configuration_is_valid() -> None:
    done = subprocess.run(["shapemaker", "validate"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
