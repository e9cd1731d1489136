"""A real registry on a loopback port, with a password."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shapemaker_action.containers.engine import RegistryCredentials

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USER = "user"
PASSWORD = "opensesame"
HASH = "$2b$04$F218v16.tx3SqRGOT4Wi6.VS91m3IBze7HoyuK5jdlkto63on5wq2"
START = 30


@contextmanager
def registry(folder: Path, port: int = 0) -> Iterator[RegistryCredentials]:
    """A registry that keeps its data below `folder`; ended by its own process id."""
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "users").write_text(f"{USER}:{HASH}\n")
    config = folder / "config.yml"
    config.write_text(
        f"version: 0.1\n"
        f"storage: {{filesystem: {{rootdirectory: {folder / 'data'}}}}}\n"
        f"auth: {{htpasswd: {{realm: test, path: {folder / 'users'}}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}', secret: x}}\n"
    )
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=log, stderr=log)
    try:
        wait_until_up(port, process)
        yield RegistryCredentials(registry=f"127.0.0.1:{port}", username=USER, password=PASSWORD, insecure=True)
    finally:
        process.terminate()
        process.wait()


def wait_until_up(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until it asks for a password."""
    deadline = time.monotonic() + START
    while not asks_for_a_password(port):
        if time.monotonic() > deadline or process.poll() is not None:
            raise AssertionError("the registry does not come up")
        time.sleep(0.05)


def asks_for_a_password(port: int) -> bool:
    """Whether it answers as a registry does."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=1)
    except urllib.error.HTTPError as error:
        error.close()
        return True
    except OSError:
        return False
    return False


def free_port() -> int:
    """A loopback port that nobody holds now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
