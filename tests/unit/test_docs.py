from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_generated_blocks_of_the_readme_are_up_to_date() -> None:
    command = [sys.executable, str(ROOT / ".ci" / "generate_docs.py"), "--check"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"run: python .ci/generate_docs.py {done.stderr}"
