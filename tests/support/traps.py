"""A directory in which nothing may be imported: modules that tell when they are, and variables that lead there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MODULES = (
    "argparse",
    "boto3",
    "botocore",
    "encodings_trap",
    "hashlib",
    "json",
    "jsonschema",
    "pip",
    "shapemaker_action",
    "sitecustomize",
    "subprocess",
    "tempfile",
    "typing",
    "usercustomize",
    "uv",
    "yaml",
)
TRAP = """\
with open({marker!r}, "a") as marker:  # without an import, which might be a trap itself
    marker.write(__name__ + "\\n")
raise SystemExit("trapped: " + __name__)
"""


@dataclass(frozen=True, kw_only=True)
class Traps:
    """`environ` is what a careless job would have set; `marker` names every module that was imported after all."""

    folder: Path
    marker: Path
    environ: dict[str, str]

    def assert_untouched(self) -> None:
        assert not self.marker.exists(), f"imported from the workspace: {self.marker.read_text()}"


def set_traps(folder: Path, outside: Path) -> Traps:
    """Lay the traps into an existing folder, a repository's root mostly; `outside` is for what must not lie there."""
    outside.mkdir(parents=True, exist_ok=True)
    marker = outside / "trapped.txt"
    text = TRAP.format(marker=str(marker))
    for name in MODULES:
        (folder / f"{name}.py").write_text(text)
    (folder / "pip.conf").write_text("[global]\nindex-url = http://127.0.0.1:9/trap\nno-index = true\n")
    startup = folder / "startup_trap.py"
    startup.write_text(text)
    environ = {
        "PYTHONPATH": f"{folder}{os.pathsep}.",
        "PYTHONSTARTUP": str(startup),
        "PYTHONHOME": "",
        "PYTHONUSERBASE": str(folder),
        "PYTHONINSPECT": "",
        "PYTHONSAFEPATH": "",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PIP_TARGET": str(folder / "target"),
        "PIP_REQUIREMENT": str(folder / "none.txt"),
        "PIP_USER": "1",
        "PIP_REQUIRE_VIRTUALENV": "1",
        "UV_SYSTEM_PYTHON": "1",
        "UV_PYTHON": "3.8",
        "UV_EXCLUDE_NEWER": "2001-01-01",
    }
    return Traps(folder=folder, marker=marker, environ=environ)
