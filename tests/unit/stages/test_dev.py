from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shapemaker_action.stages import dev
from tests.support.consumer import write

if TYPE_CHECKING:
    from pathlib import Path


def test_only_the_users_own_python_files_make_the_server_start_again(tmp_path: Path) -> None:
    write(tmp_path, {"model.py": "", ".venv/lib/x.py": "", ".git/hooks/y.py": "", "notes.txt": ""})
    os.utime(tmp_path / "model.py", (1000, 1000))
    assert dev.changed_at(tmp_path) == 1000
    os.utime(tmp_path / "model.py", (2000, 2000))
    assert dev.changed_at(tmp_path) == 2000


def test_a_file_that_vanishes_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere.py")
    assert dev.changed_at(tmp_path) == 0
