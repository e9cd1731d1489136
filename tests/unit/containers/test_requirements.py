from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shapemaker_action.containers.requirements import flatten
from shapemaker_action.errors import InvalidInputError
from tests.support import repository

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_pulled_in_stands_in_its_place(tmp_path: Path) -> None:
    texts = {
        "requirements/prod.txt": "-r base.txt  # shared\nfalcon>=4\n",
        "requirements/base.txt": "--requirement=../core.txt\nnumpy==2.0 \\\n    --hash=sha256:ab\n",
        "core.txt": "--extra-index-url https://index.example/simple\nsix ; python_version < '4'\r\n",
    }
    repository.write(tmp_path, texts)
    assert flatten(tmp_path, "./requirements/prod.txt").decode().splitlines() == [
        "--extra-index-url https://index.example/simple",
        "six ; python_version < '4'",
        "numpy==2.0 \\",
        "    --hash=sha256:ab",
        "falcon>=4",
    ]


def test_no_requirements_are_an_empty_file(tmp_path: Path) -> None:
    assert flatten(tmp_path, "") == b""


@pytest.mark.parametrize(
    "line", ["-c constraints.txt", "-e .", "--editable ./lib", "./wheels/a.whl", "../lib", ".", "file:///opt/a.whl"]
)
def test_a_file_that_the_image_cannot_reach_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    repository.write(tmp_path, {"requirements.txt": f"six\n{line}\n"})
    with pytest.raises(InvalidInputError, match=r"requirements\.txt:2: .* names a file that the image does not have"):
        flatten(tmp_path, "requirements.txt")


def test_files_that_require_each_other_are_refused(tmp_path: Path) -> None:
    repository.write(tmp_path, {"a.txt": "-r b.txt", "b.txt": "-r a.txt"})
    with pytest.raises(InvalidInputError, match=r"b\.txt and a\.txt require each other"):
        flatten(tmp_path, "a.txt")


@pytest.mark.parametrize("line", ["-r missing.txt", "-r ../outside.txt"])
def test_a_file_that_is_missing_or_outside_is_named(tmp_path: Path, line: str) -> None:
    repository.write(tmp_path, {"outside.txt": "six", "repo/requirements.txt": line})
    with pytest.raises(InvalidInputError, match=line.partition(" ")[2]):
        flatten(tmp_path / "repo", "requirements.txt")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInputError, match="no UTF-8 text"):
        flatten(tmp_path, "requirements.txt")
