from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / ".github" / "pictures"


def test_the_pictures_show_what_the_reporters_write_today() -> None:
    command = [sys.executable, str(ROOT / ".ci" / "render_pictures.py"), "--check"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"run: python .ci/render_pictures.py {done.stderr}"


@pytest.mark.parametrize("name", ["summary", "comment"])
def test_a_picture_is_plain_svg_that_github_shows(name: str) -> None:
    tree = ET.fromstring((PICTURES / f"{name}.svg").read_text(encoding="utf-8"))  # noqa: S314 - our own file
    tags = {element.tag.rpartition("}")[2] for element in tree.iter()}
    assert tags <= {"svg", "rect", "line", "polyline", "text"}
    words = " ".join(element.text or "" for element in tree.iter() if element.tag.endswith("text"))
    assert "rmse" in words
