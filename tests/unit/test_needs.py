"""What happens to a test whose programs this machine does not have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
NEEDY = "tests/contract/test_runtime_nginx.py::test_the_model_answers_through_nginx"


def outcome(folder: Path, **environ: str) -> tuple[int, str]:
    """Exit code and output of pytest where PATH leads nowhere."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", NEEDY],
        cwd=ROOT,
        env={
            **{key: value for key, value in os.environ.items() if key != "REQUIRE_ALL"},
            "PATH": str(folder),
            **environ,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_it_is_skipped_with_a_sentence(tmp_path: Path) -> None:
    code, output = outcome(tmp_path)
    assert (code, "nginx is not installed here" in output, "1 skipped" in output) == (0, True, True), output


def test_it_fails_where_everything_is_required(tmp_path: Path) -> None:
    code, output = outcome(tmp_path, REQUIRE_ALL="1")
    assert (code, "skipped, but REQUIRE_ALL is set" in output) == (1, True), output
