"""What many models cost: python3 -m tests.benchmarks.monorepo [--models N] [--rounds N] [--python PATH]."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.timing import measure, milliseconds, show
from tests.support import monorepo

ROOT = Path(__file__).resolve().parents[2]
PER_MODEL = 10
"""Milliseconds that one more model may cost."""


def main() -> None:
    """Print the table; nothing is judged here."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--models", type=int, default=200)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--python", default=shutil.which("python3") or sys.executable)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        repository = monorepo.make(Path(scratch), *(f"models/m{number:03}" for number in range(given.models)))
        for number in range(0, given.models, 20):
            repository.write(f"models/m{number:03}/modelpkg/model.py", f"{monorepo.MODEL}\n")
        repository.commit()
        ours = [given.python, "-IS", str(ROOT / "entrypoint")]
        many = ["--directory", scratch, "--config", "models/*/shapemaker.yml"]
        commands = {
            "validate, one model": [*ours, "validate", "--directory", f"{scratch}/models/m001"],
            f"validate, {given.models} models": [*ours, "validate", *many],
            f"plan, a twentieth of {given.models} models changed": [*ours, "plan", *many, "--changed-since", "HEAD~1"],
        }
        environ = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
        for command in commands.values():
            subprocess.run(command, check=True, env=environ, capture_output=True)
        times = measure(commands, given.rounds, env=environ)
    allowed = 2 * times["validate, one model"].wall + PER_MODEL * given.models
    rows = [(name, milliseconds(each.wall), milliseconds(each.processor)) for name, each in times.items()]
    show(
        f"{given.models} models ({given.rounds} rounds, medians)",
        [*rows, (f"2 x one model + {PER_MODEL} ms a model", milliseconds(allowed), "")],
        ("", "wall", "processor"),
    )


if __name__ == "__main__":
    main()
