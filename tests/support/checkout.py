"""A checkout in miniature: the real entrypoint, with one made-up package to install and a command line that tells."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
WHEEL = "demo-1.0-py3-none-any.whl"
METADATA = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
WHEEL_METADATA = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
COMMAND_LINE = """
import json, os, sys
import demo
def main(argv=None):
    told = {"argv": argv, "path": sys.path, "demo": demo.__file__, "cwd": os.getcwd(), "flags": list(sys.flags)}
    print(json.dumps(told))
    return 7
"""


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """Where it lies, and the variables with which its one package is found and cached."""

    folder: Path
    cache: Path
    environ: Mapping[str, str]

    @property
    def entrypoint(self) -> Path:
        return self.folder / "entrypoint"

    def start(
        self, *argv: str, via: tuple[str, ...] = (), cwd: Path | None = None, **environ: str
    ) -> subprocess.Popen[str]:
        """Start it in the background, in a process group of its own."""
        return subprocess.Popen(
            [*via, str(self.entrypoint), *argv],
            cwd=cwd,
            env={**self.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(
        self, *argv: str, via: tuple[str, ...] = (), cwd: Path | None = None, **environ: str
    ) -> tuple[int, str, str]:
        """Exit code, stdout and stderr."""
        process = self.start(*argv, via=via, cwd=cwd, **environ)
        stdout, stderr = process.communicate()
        return process.returncode, stdout, stderr

    def told(self, *argv: str, via: tuple[str, ...] = (), cwd: Path | None = None, **environ: str) -> dict[str, Any]:
        """What the command line saw; it must have been reached."""
        code, stdout, stderr = self.run(*argv, via=via, cwd=cwd, **environ)
        assert code == 7, stderr
        told: dict[str, Any] = json.loads(stdout)
        return told

    def cached(self) -> list[str]:
        """What is in the cache, but for the empty files that serve as locks, and for bytecode."""
        folder = self.cache / "shapemaker"
        return (
            sorted(path.name for path in folder.iterdir() if path.suffix not in (".bytecode", ".lock"))
            if folder.exists()
            else []
        )


def make_checkout(folder: Path) -> Checkout:
    """Write a checkout, a wheel to install and a folder to install into below `folder`."""
    checkout, wheels = folder / "a check-out", folder / "wheels"
    (checkout / "shapemaker_action").mkdir(parents=True)
    wheels.mkdir()
    shutil.copy2(ROOT / "entrypoint", checkout)
    shutil.copy2(ROOT / "shapemaker_action" / "installer.py", checkout / "shapemaker_action")
    (checkout / "shapemaker_action" / "__init__.py").touch()
    (checkout / "shapemaker_action" / "cli.py").write_text(COMMAND_LINE)
    (checkout / "tool.lock").write_text(f"demo==1.0 \\\n    --hash=sha256:{write_wheel(wheels)}\n")
    cache = folder / "cache"
    keep = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
    environ = {
        **keep,
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(folder / "home"),
        "SHAPEMAKER_TOOL_CACHE": str(cache),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
    }
    return Checkout(folder=checkout, cache=cache, environ=environ)


def write_wheel(folder: Path) -> str:
    """Write the smallest wheel there is; returns its sha256."""
    files = {"demo.py": "", "demo-1.0.dist-info/METADATA": METADATA, "demo-1.0.dist-info/WHEEL": WHEEL_METADATA}
    record = "".join(f"{name},,\n" for name in [*files, "demo-1.0.dist-info/RECORD"])
    with zipfile.ZipFile(folder / WHEEL, "w") as wheel:
        for name, text in {**files, "demo-1.0.dist-info/RECORD": record}.items():
            wheel.writestr(name, text)
    return hashlib.sha256((folder / WHEEL).read_bytes()).hexdigest()
