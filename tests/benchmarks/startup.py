"""What a start costs, beside what everybody knows: python3 -m tests.benchmarks.startup [--rounds N] [--python PATH].

The Python should be a plain one: `python3 -c pass` runs what lies in its site-packages, and the entry point does not.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.timing import Times, measure, milliseconds, show

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
REFUSAL = b'{"__type": "AccessDeniedException", "message": "refused"}'
PARSE = """
import sys
sys.path[:0] = [{site!r}, {root!r}]
from shapemaker_action.config import document
with open("shapemaker.yml", "rb") as file:
    document.parse(file.read(), "shapemaker.yml")
"""


class _Refusing(BaseHTTPRequestHandler):
    """An AWS that says no to the first request, which is as far as a start goes."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(400)
        self.send_header("Content-Length", str(len(REFUSAL)))
        self.end_headers()
        self.wfile.write(REFUSAL)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Print the tables; nothing is judged here."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--python", default=shutil.which("python3") or sys.executable)
    options.add_argument("--cold", action="store_true", help="also install: with uv and with pip, from the index")
    given = options.parse_args()
    python = subprocess.run(
        [given.python, "-c", "import sys; print(sys.executable)"], check=True, capture_output=True, text=True
    ).stdout.strip()
    with tempfile.TemporaryDirectory() as scratch:
        warm(python, given.rounds, Path(scratch) / "cache")
        if given.cold:
            cold(python, Path(scratch))


def environment(cache: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "AWS_", "RUNNER_"))}
    return {**kept, "SHAPEMAKER_TOOL_CACHE": str(cache)}


def warm(python: str, rounds: int, cache: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environ = {
        **environment(cache),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
    }
    ours = [python, "-IS", str(ROOT / "entrypoint")]
    commands = {"python3 -c pass": [python, "-c", "pass"], "validate": [*ours, "validate"]}
    commands |= {"status, to AWS's first answer": [*ours, "status"]}
    aws = Path(sys.executable).with_name("aws")
    if aws.is_file():
        commands["aws --version"] = [sys.executable, str(aws), "--version"]
    for command in commands.values():
        subprocess.run(command, check=False, cwd=ROOT, env=environ, capture_output=True)
    site = next(path for path in (cache / "shapemaker").iterdir() if not path.suffix)
    commands["python3 -IS -c pass"] = [python, "-IS", "-c", "pass"]
    commands["python3 -IS that parses the file"] = [python, "-IS", "-c", PARSE.format(site=str(site), root=str(ROOT))]
    times = measure(commands, rounds, cwd=ROOT, env=environ)
    server.shutdown()
    bare, isolated = times["python3 -c pass"], times["python3 -IS -c pass"]
    parsing = times["python3 -IS that parses the file"]
    rows = [_row(name, each, bare) for name, each in times.items()]
    allowed = Times(
        3 * bare.wall + parsing.wall - isolated.wall, 3 * bare.processor + parsing.processor - isolated.processor
    )
    rows.append(_row("aim for validate: 3 x python3 -c pass, and parsing the file", allowed, bare))
    show(f"Warm start ({rounds} rounds, medians)", rows, ("", "wall", "processor", "of python3 -c pass"))


def _row(name: str, times: Times, bare: Times) -> tuple[str, ...]:
    ratio = f"{times.wall / bare.wall:.1f} / {times.processor / bare.processor:.1f}"
    return name, f"{times.wall:.1f} ms", f"{times.processor:.1f} ms", ratio


def cold(python: str, scratch: Path) -> None:
    """Each installer alone: downloads into a cache of its own, which is empty, and then installs out of that one."""
    program = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    rows = []
    for name, programs in {"uv": {"uv": program}, "pip": {}}.items():
        tools = scratch / f"{name}-only"
        tools.mkdir()
        for each, path in {**_INHERITED, **programs}.items():
            (tools / each).symlink_to(path)
        environ = {**_uncached(environment(scratch), name, scratch), "PATH": str(tools)}
        for what in ("downloading", "from its own cache"):
            cache = scratch / f"{name} {what}"
            took = _first_run(python, {**environ, "SHAPEMAKER_TOOL_CACHE": str(cache)})
            # What is installed says by whom: after a failure the entry point would have taken the other.
            by = {each.read_text().strip() for each in cache.glob("*/*/*.dist-info/INSTALLER")}
            rows.append((f"{', '.join(by)}, {what}", took))
    show("First run, installing", rows, ("", "wall"))


_INHERITED = {name: path for name in ("git", "env") if (path := shutil.which(name))}


def _uncached(environ: Mapping[str, str], name: str, scratch: Path) -> dict[str, str]:
    """uv is tried first only where nobody has configured pip; its own settings (UV_DEFAULT_INDEX, …) stay."""
    kept = {key: value for key, value in environ.items() if name == "pip" or not key.startswith("PIP_")}
    own = {"PIP_CACHE_DIR": str(scratch / "pip-cache")} if name == "pip" else {"PIP_CONFIG_FILE": os.devnull}
    return {**kept, **own, "UV_CACHE_DIR": str(scratch / "uv-cache")}


def _first_run(python: str, environ: Mapping[str, str]) -> str:
    """How long it took; not at all when it failed."""
    began = time.perf_counter()
    command = [python, "-IS", str(ROOT / "entrypoint"), "validate"]
    done = subprocess.run(command, check=False, cwd=ROOT, env=environ, capture_output=True)
    took = (time.perf_counter() - began) * 1000
    return milliseconds(took) if done.returncode == 0 else f"failed: {done.stderr.decode()[-400:]}"


if __name__ == "__main__":
    main()
