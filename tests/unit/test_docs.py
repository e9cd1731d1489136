from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXCERPT = ROOT / "shapemaker_action" / "config" / "service_excerpt.json"


def test_the_generated_blocks_of_the_readme_are_up_to_date() -> None:
    command = [sys.executable, str(ROOT / ".ci" / "generate_docs.py"), "--check"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"run: python .ci/generate_docs.py {done.stderr}"


def test_the_excerpt_of_the_service_descriptions_is_that_of_the_locked_botocore() -> None:
    command = [sys.executable, str(ROOT / ".ci" / "generate_excerpt.py"), "--check"]
    assert subprocess.run(command, check=False).returncode == 0, "run: python .ci/generate_excerpt.py"
    assert f"\nbotocore=={json.loads(EXCERPT.read_text())['botocore']} " in (ROOT / "tool.lock").read_text()
