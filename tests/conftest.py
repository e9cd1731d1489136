"""What all tests share: a clean environment, skips that count, the sample repository and a local SageMaker for it."""

from __future__ import annotations

import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from shapemaker_action.local import lifecycle

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

ROOT = Path(__file__).parents[1]
SAMPLE = ("modelpkg", "requirements.txt", "shapemaker.yml")
FOREIGN = ("ACTIONS_", "AWS_", "GITHUB_", "INPUT_", "RUNNER_", "SHAPEMAKER_", "PYTHONPATH")
ENGINES = ("docker", "podman")
PATIENCE = 60

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

for name in [name for name in os.environ if name.startswith(FOREIGN) and name != "SHAPEMAKER_TEST_CACHE"]:
    del os.environ[name]
# No test may find the developer's own account, neither in files nor on a cloud machine.
os.environ |= {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
# Who starts the tests in the background may have them ignore it, and every program that they start with them.
signal.signal(signal.SIGINT, signal.default_int_handler)


class Confinement:
    """Keeps unit tests on this machine and out of containers; an audit hook cannot be removed, so it has a switch."""

    active = False

    def hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.active and event == "socket.connect":
            address = arguments[1]
            if isinstance(address, tuple) and address[0] not in {"127.0.0.1", "::1", "localhost"}:
                raise AssertionError(f"a unit test connects to {address}")
        if self.active and event == "subprocess.Popen" and is_real_engine(str(arguments[0]), arguments[3]):
            raise AssertionError(f"a unit test starts {arguments[0]}")


def is_real_engine(program: str, environ: object) -> bool:
    """Whether this is docker or podman itself, not a script that a test has put first on PATH."""
    path = environ.get("PATH") if isinstance(environ, dict) else None
    found = shutil.which(program, path=path) or program
    return Path(program).name in ENGINES and not found.startswith(tempfile.gettempdir())


confinement = Confinement()
sys.addaudithook(confinement.hook)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    confinement.active = item.path.is_relative_to(ROOT / "tests" / "unit")
    try:
        return (yield)
    finally:
        confinement.active = False


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, with a sentence, what this machine lacks the programs for."""
    needs = [name for marker in item.iter_markers("needs") for name in marker.args]
    for sentence in filter(None, map(lacks, needs)):
        pytest.skip(sentence)


@functools.cache
def lacks(program: str) -> str:
    """Why tests that need the program cannot run here; empty when they can."""
    if shutil.which(program) is None:
        return f"{program} is not installed here"
    if program == "docker":
        asked = subprocess.run(["docker", "version"], capture_output=True, text=True, timeout=PATIENCE, check=False)
        return f"no docker daemon answers here: {asked.stderr.strip()}" if asked.returncode else ""
    return ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return refuse_skip((yield))


def refuse_skip(report: Report) -> Report:
    """With REQUIRE_ALL set, what a test lacks is a failure: a green run has run everything."""
    if os.environ.get("REQUIRE_ALL") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but REQUIRE_ALL is set: {report.longrepr}"
    return report


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """The names of what failed, last of all: who sees only the end of a long log sees them."""
    reporter: pytest.TerminalReporter | None = config.pluginmanager.get_plugin("terminalreporter")
    if reporter:
        for report in reporter.getreports("failed") + reporter.getreports("error"):
            reporter.write_line(f"failed: {report.nodeid}")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home directory."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A copy of the sample: model code, requirements and one configuration, as a user's repository has them."""
    folder = tmp_path / "sample"
    folder.mkdir()
    for item in SAMPLE:
        source = ROOT / item
        if source.is_dir():
            shutil.copytree(source, folder / item, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / item)
    return folder


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state directory for SHAPEMAKER_HOME; server and containers end with the test, however that ends."""
    folder = tmp_path / "state"
    try:
        yield folder
    finally:
        lifecycle.down(folder)
