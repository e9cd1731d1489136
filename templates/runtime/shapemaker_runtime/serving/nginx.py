"""nginx in front of gunicorn: two processes that live and die together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from shapemaker_runtime.errors import SetupError, Terminated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_runtime.serving.settings import Settings

_STOP_SECONDS = 27
"""A little more than gunicorn's own grace, a little less than SageMaker's 30 seconds."""

_Process = subprocess.Popen

_CHANGE_USER = 1 << 0 | 1 << 6 | 1 << 7
"""The capabilities CAP_CHOWN, CAP_SETGID and CAP_SETUID."""


def supervise(settings: Settings, environ: Mapping[str, str]) -> int:
    """Run both until SIGTERM (0, once open requests are answered) or until either ends (1)."""
    with tempfile.TemporaryDirectory(prefix="shapemaker-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # nginx's workers have a user of their own, and the socket is in here
        configuration = folder / "nginx.conf"
        configuration.write_text(_render(_template(environ), folder, settings), encoding="utf-8")
        gunicorn = _start(
            [sys.executable, "-m", "shapemaker_runtime", "serve"],
            {**environ, "SHAPEMAKER_SERVE_SOCKET": str(folder / "gunicorn.sock")},
        )
        nginx = _start(["nginx", "-p", name, "-e", "stderr", "-c", str(configuration), *_as_whom()], environ)
        try:
            ended = _first_to_end({nginx.pid: nginx, gunicorn.pid: gunicorn})
        except (Terminated, KeyboardInterrupt):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            code = 0
        else:
            sys.stderr.write(f"{'nginx' if ended is nginx else 'gunicorn'} ended, and the container ends with it\n")
            code = 1
        deadline = time.monotonic() + _STOP_SECONDS
        _stop(nginx, signal.SIGQUIT, deadline)  # it answers open requests first, for which gunicorn is needed
        _stop(gunicorn, signal.SIGTERM, deadline)
        return code


def _template(environ: Mapping[str, str]) -> str:
    # The image says where; otherwise it lies where the build context has it.
    beside = Path(__file__).resolve().parents[3] / "nginx" / "nginx.conf"
    place = Path(environ.get("SHAPEMAKER_NGINX_CONF") or beside)
    if not place.is_file():
        raise SetupError(f"{place} does not exist, so this image was built without nginx")
    return place.read_text(encoding="utf-8")


def _as_whom() -> list[str]:
    """As root nginx gives its workers another user; without the right to, there is no other, nor any right to lose."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    rights = int(status.partition("CapEff:")[2].split()[0], 16)
    is_powerless = os.geteuid() == 0 and rights & _CHANGE_USER != _CHANGE_USER
    return ["-g", "user root;"] if is_powerless else []


def _render(template: str, folder: Path, settings: Settings) -> str:
    values = {
        "@folder@": str(folder),
        "@port@": str(settings.port),
        "@max_body@": str(settings.max_body),
        "@timeout@": f"{settings.limits.run_seconds:g}",
    }
    for name, value in values.items():
        template = template.replace(name, value)
    return template


def _start(command: list[str], environ: Mapping[str, str]) -> _Process[bytes]:
    try:
        # Each in a process group of its own, by which those that a killed master leaves behind can be found.
        return subprocess.Popen(command, env=environ, start_new_session=True)
    except FileNotFoundError:
        raise SetupError(f"{command[0]} is not in this image; add it to build.packages in shapemaker.yml") from None


def _first_to_end(processes: Mapping[int, _Process[bytes]]) -> _Process[bytes]:
    while True:
        pid, status = os.wait()
        # As a container's first process we also inherit, and bury, what others left behind.
        if pid in processes:
            processes[pid].returncode = os.waitstatus_to_exitcode(status)
            return processes[pid]


def _stop(process: _Process[bytes], how: signal.Signals, deadline: float) -> None:
    if process.returncode is None:
        process.send_signal(how)
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, deadline - time.monotonic()))
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
