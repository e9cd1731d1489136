"""The base image of the templates where it cannot be pulled: a Debian with Python, imported under the same name.

Usage: python tests/support/base_image.py docker|podman [IMAGE]
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

IMAGE = "python:3.11-slim-bookworm"
SUITE = "bookworm"
PACKAGES = ("ca-certificates", "python3", "python3-pip", "python3-venv")
COMMENT = "stands in for the image of that name"


def ensure(engine: str, image: str = IMAGE) -> None:
    """Have the image in the engine's store: as it is there, pulled, or made here. Any number of calls do it once."""
    if call(engine, "image", "inspect", image) or call(engine, "pull", image):
        return
    tar = root_tar()
    run(engine, "import", "--message", COMMENT, "--change", 'CMD ["python3"]', str(tar), image)


def root_tar() -> Path:
    """The root file system, made once per machine."""
    cache = Path(os.environ.get("SHAPEMAKER_TEST_CACHE") or Path.home() / ".cache" / "shapemaker-tests")
    tar = cache / f"{SUITE}-{'-'.join(sorted(PACKAGES))}.tar"
    if not tar.exists():
        cache.mkdir(parents=True, exist_ok=True)
        draft = tar.with_name(f"draft-{os.getpid()}.tar")
        try:
            run("mmdebstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(draft))
            draft.replace(tar)
        finally:
            draft.unlink(missing_ok=True)
    return tar


def call(*argv: str) -> bool:
    """Whether a command that may fail goes well."""
    return subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def run(*argv: str) -> None:
    """A command that must go well."""
    if shutil.which(argv[0]) is None:
        sys.exit(f"{argv[0]} is missing; on Debian and Ubuntu: apt-get install {argv[0]}")
    subprocess.run(argv, stdout=sys.stderr, check=True)


if __name__ == "__main__":
    ensure(*sys.argv[1:])
