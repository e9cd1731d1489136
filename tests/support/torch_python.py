"""A Python that has torch, and beside it what serves a model: PyPI's torch for Linux is several gigabytes."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CANDIDATES = (sys.executable, "/usr/bin/python3")
REMEDY = (
    f"torch cannot be imported by {' or '.join(CANDIDATES)}; "
    "on Debian or Ubuntu: apt-get install --no-install-recommends python3-torch"
)


def make(folder: Path) -> str:
    """The interpreter, in an environment of its own unless it is the one that runs the tests."""
    base = find()
    if base == sys.executable:
        return base
    subprocess.run([base, "-m", "venv", "--system-site-packages", "--without-pip", folder], check=True)
    python = str(folder / "bin" / "python")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python)
    needed = ROOT / "templates" / "dockerfiles" / "torch" / "serve.txt"
    subprocess.run([*pip, "install", "--quiet", "--requirement", needed], check=True)
    return python


@functools.cache
def find() -> str:
    """The first Python that has it; an `AssertionError` with the remedy if none does."""
    able = [each for each in CANDIDATES if Path(each).exists() and _imports_torch(each)]
    assert able, REMEDY
    return able[0]


def _imports_torch(python: str) -> bool:
    return subprocess.run([python, "-c", "import torch"], capture_output=True, check=False).returncode == 0
