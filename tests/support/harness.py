"""The node part of the harness: its packages, its scripts, and what they are given of this machine and this project."""

from __future__ import annotations

import atexit
import fcntl
import functools
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
HARNESS = ROOT / "tests" / "harness"
PATIENCE = 1200.0
PASSED_ON = ("HOME", "LANG", "TMPDIR", "DOCKER_HOST", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


def machine() -> dict[str, str]:
    """The environment of the runner's machine: this one's, with this Python first, and where packages come from."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    keep = {name: value for name, value in os.environ.items() if name in PASSED_ON or name.startswith(("PIP_", "UV_"))}
    return {**keep, "PATH": path}


def tool_cache() -> Path:
    """One tool cache for all tests on this machine, as on a self-hosted runner."""
    cache = os.environ.get("SHAPEMAKER_TEST_CACHE") or Path.home() / ".cache" / "shapemaker-tests"
    return Path(cache) / "tool-cache"


@functools.cache
def exported() -> Path:
    """What a consumer downloads: the archive of HEAD. With SHAPEMAKER_TEST_TREE=work, the work tree's tracked files."""
    folder = Path(tempfile.mkdtemp(prefix="shapemaker-archive-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if os.environ.get("SHAPEMAKER_TEST_TREE") == "work":
        copy_tracked(folder)
    else:
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True)
        subprocess.run(["tar", "--extract", "--directory", str(folder)], input=archive.stdout, check=True)
    return folder


def copy_tracked(folder: Path) -> None:
    """The files that git knows, and new ones that it does not ignore, as they are now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)


def node(script: str, *argv: str, patience: float = PATIENCE) -> Any:
    """The JSON that a script of the harness prints."""
    install()
    command = ["node", "--import", (HARNESS / "hooks.mjs").as_uri(), str(HARNESS / script), *argv]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=patience)
        finally:
            # Whatever it has started goes with it, when it is late or the test is interrupted.
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, stderr.decode()
    return json.loads(stdout)


@functools.cache
def install() -> None:
    """Have the packages of the harness in place, once per lock, whoever asks at the same time."""
    key = hashlib.sha256((HARNESS / "package-lock.json").read_bytes()).hexdigest()
    stamp = HARNESS / "node_modules" / ".installed"
    with Path(tempfile.gettempdir(), f"shapemaker-harness-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.is_file() and stamp.read_text() == key:
            return
        done = subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
            cwd=HARNESS,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        stamp.write_text(key)
