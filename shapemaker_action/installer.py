"""Install the hash-locked dependencies once per lock, or say why that cannot be.

As `entrypoint`, which calls it, this runs on the standard library alone and parses under Python 3.8.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LOCK = Path(__file__).resolve().parents[1] / "tool.lock"
ENVIRONMENT_PROBLEM = 11
"""`ExitCode.ENVIRONMENT`, repeated because an old Python cannot import errors.py."""

SOURCES = r"""
    PIP_(CACHE_DIR|CERT|CLIENT_CERT|CONFIG_FILE|DEFAULT_TIMEOUT|EXTRA_INDEX_URL|FIND_LINKS|INDEX_URL|KEYRING_PROVIDER
        |NO_INDEX|PROXY|RETRIES|TIMEOUT|TRUSTED_HOST)
    | UV_(CACHE_DIR|CONFIG_FILE|DEFAULT_INDEX|EXTRA_INDEX_URL|FIND_LINKS|HTTP_TIMEOUT|INDEX(_\w+)?|INSECURE_HOST
        |KEYRING_PROVIDER|NATIVE_TLS|NO_INDEX|OFFLINE|SYSTEM_CERTS)
    """
"""The settings of pip and uv that say where packages come from: they stay, since hashes decide what is accepted."""

SECRETS = ("ACTIONS_", "AWS_", "SHAPEMAKER_INPUT_")
"""What variables with credentials begin with."""

FORCED = {"PIP_REQUIRE_VIRTUALENV": "0", "PIP_USER": "0"}
"""Settings that people keep in a pip.conf and that cannot go with `--target`."""


class NotInstalledError(Exception):
    """The dependencies cannot be had: `str()` says why, `remedy` what to do."""

    def __init__(self, message: str, remedy: str, details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.details = details


def install(roots: Sequence[Path], key: str, environ: Mapping[str, str]) -> Path:
    """Install into the first of the cache folders that can be written; where none can, report it and end."""
    try:
        require_platform(os.name, sys.version_info[:3])
        return fill(first_writable(roots), key, environ)
    except NotInstalledError as error:
        report(error)
        raise SystemExit(ENVIRONMENT_PROBLEM) from None


def require_platform(system: str, version: tuple[int, ...]) -> None:
    """Refuse a system or a Python on which nothing else would work."""
    if system != "posix":
        raise NotInstalledError("shapemaker runs on Linux and macOS", "choose another runner: runs-on: ubuntu-24.04")
    if version < (3, 10):
        raise NotInstalledError(
            f"Python 3.10 or newer is needed; {sys.executable} is {'.'.join(map(str, version))}",
            "put a newer python3 first on PATH (in a workflow: actions/setup-python before this step)",
        )


def first_writable(roots: Sequence[Path]) -> Path:
    """The best cache folder that packages can be put into."""
    for root in roots:
        if writable(root):
            return root
    tried = ", ".join(map(str, roots)) or "none"
    raise NotInstalledError(
        f"no folder for the tool's packages can be written (tried: {tried})",
        "set SHAPEMAKER_TOOL_CACHE to a folder that this user can write",
    )


def writable(folder: Path) -> bool:
    """Make the folder and say whether files can be put there."""
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        return os.access(folder, os.W_OK | os.X_OK)
    return False


def fill(root: Path, key: str, environ: Mapping[str, str]) -> Path:
    """Install once: others wait for the one that began, and see the result whole or not at all."""
    import fcntl  # noqa: PLC0415 - missing on Windows, which require_platform has refused

    ready, partial = root / key, root / f"{key}.partial"
    with (root / f"{key}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
            # stderr, because stdout belongs to the command line's data
            sys.stderr.write(f"shapemaker: installing {count_packages()} locked packages once into {ready}\n")
            sys.stderr.flush()
            try:
                # The installer inherits the lock: even if this process is killed, nobody touches its folder meanwhile.
                run_installer(partial, environ, lock.fileno())
                partial.rename(ready)
                Path(f"{ready}.bytecode").mkdir(exist_ok=True)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return ready


def count_packages() -> int:
    """Distinct names in the lock; one may stand there once per Python version."""
    return len({line.split("==")[0] for line in LOCK.read_text().splitlines() if "==" in line})


def run_installer(target: Path, environ: Mapping[str, str], lock: int) -> None:
    """Fill `target` with the first installer that can; every one of them checks the hashes and takes wheels only."""
    clean = {name: value for name, value in environ.items() if may_pass(name)}
    options = ["--quiet", "--require-hashes", "--no-deps", "--only-binary", ":all:", "--requirement", str(LOCK)]
    failures = []
    for command in installers(environ):
        done = subprocess.run(
            [*command, *options, "--target", str(target)],
            cwd=target.parent,
            env={**clean, **FORCED},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(lock,),
            check=False,
        )
        if done.returncode == 0:
            return
        failures.append(done.stdout.decode(errors="replace").strip())
        shutil.rmtree(target, ignore_errors=True)
    raise explain(failures)


def installers(environ: Mapping[str, str]) -> list[list[str]]:
    """The commands to try: uv is the fastest, but does not read the settings of pip.

    None compiles: Python does that for the tenth of the modules that a run imports, and keeps the result.
    """
    pip = [sys.executable, "-m", "pip", "install", "--no-compile", "--disable-pip-version-check", "--no-input"]
    program = shutil.which("uv", path=environ.get("PATH"))
    if not program:
        return [pip]
    uv = [program, "pip", "install", "--python", sys.executable]
    return [pip, uv] if configures_pip(environ) else [uv, pip]


def configures_pip(environ: Mapping[str, str]) -> bool:
    """Whether somebody told pip, and so pip alone, where packages come from."""
    chosen = environ.get("PIP_CONFIG_FILE")
    if any(re.fullmatch("PIP_.*(URL|LINKS|INDEX|PROXY|CERT|HOST)", name) for name in environ):
        return True
    if chosen:
        return chosen != os.devnull
    home = Path(environ.get("HOME", os.devnull))
    folder = Path(environ.get("XDG_CONFIG_HOME", home / ".config"))
    places = (Path("/etc/pip.conf"), folder / "pip" / "pip.conf", home / ".pip" / "pip.conf")
    return any(place.is_file() for place in places)


def may_pass(name: str) -> bool:
    """Whether a variable of the caller may reach the installer: its pip, uv and Python habits and secrets may not."""
    return bool(re.fullmatch(SOURCES, name, re.VERBOSE)) or not name.startswith(("PIP_", "UV_", "PYTHON", *SECRETS))


def explain(failures: list[str]) -> NotInstalledError:
    """What the installers' output means for the user."""
    real = [text for text in failures if not text.endswith("No module named pip")]
    if not real:
        return NotInstalledError(
            f"{sys.executable} has no pip, and there is no uv on PATH",
            "install one of them, e.g.: apt-get install python3-pip",
        )
    return NotInstalledError(
        "the locked packages could not be installed",
        "check the network and the package index (pip config list), then run the same command again",
        tuple(line for text in real for line in text.splitlines()[-10:]),
    )


def report_end(number: int) -> int:
    """Say that a signal has ended us, where the command line would say it; the exit code."""
    code = 128 + number
    texts = {
        "GITHUB_OUTPUT": f"exit-code={code}\n",
        "GITHUB_STEP_SUMMARY": "shapemaker was cancelled before anything was begun: run the job again\n",
    }
    for variable, text in texts.items():
        if os.environ.get(variable):
            with contextlib.suppress(OSError), Path(os.environ[variable]).open("a", encoding="utf-8") as file:
                file.write(text)
    sys.stderr.write("\nerror: cancelled\n  now:  nothing was begun\n  next: run the same command again\n")
    return code


def report(error: NotInstalledError) -> None:
    """Render an error as the command line does."""
    lines = [f"    | {line}" for line in error.details]
    if os.environ.get("GITHUB_ACTIONS") == "true":
        text = f"{error}; {error.remedy}".replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        lines.append(f"::error::{text}")
    lines += ["", f"error: {error}", f"  next: {error.remedy}", f"  exit: {ENVIRONMENT_PROBLEM} (environment)"]
    sys.stderr.write("\n".join([*map(harmless, lines), ""]))


def harmless(line: str) -> str:
    """A line as report/harmless.py would have it, in little: no control character, and no command in its middle."""
    plain = "".join(each for each in line if each.isprintable() or each == "\t")
    return plain.replace("##[", "#\u200b#[")
