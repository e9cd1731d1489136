"""The entry point on a checkout in miniature: one package out of a local folder, so nothing here needs the network."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shapemaker_action import installer
from shapemaker_action.errors import ExitCode
from tests.support.checkout import Checkout, make_checkout
from tests.support.runner_commands import StepLog

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]
ISOLATED = (sys.executable, "-IS")
WAYS = {"directly": (), "as the action does": ISOLATED, "with a plain python": (sys.executable,)}


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return make_checkout(tmp_path)


@pytest.fixture(scope="module")
def entrypoint() -> ModuleType:
    """The entry point as a module, for what a process would take long to show."""
    loader = SourceFileLoader("entrypoint", str(ROOT / "entrypoint"))
    spec = importlib.util.spec_from_loader("entrypoint", loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def program(folder: Path, script: str) -> Path:
    """An executable `uv` in a folder of its own, to be put first on PATH."""
    folder.mkdir()
    (folder / "uv").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "uv").chmod(0o755)
    return folder


def hanging(checkout: Checkout, folder: Path, **environ: str) -> Checkout:
    """With a uv that writes half of what it should."""
    script = 'while [ "$1" != --target ]; do shift; done; mkdir "$2" && touch "$2/half" && exec sleep 600'
    path = f"{program(folder, script)}:{checkout.environ['PATH']}"
    plain = without_pip_settings(checkout)
    environ = {**plain.environ, **environ, "PATH": path, "PIP_CONFIG_FILE": os.devnull}
    return Checkout(folder=checkout.folder, cache=checkout.cache, environ=environ)


def start_hanging_install(checkout: Checkout, folder: Path, **environ: str) -> subprocess.Popen[str]:
    """Start, and wait until half of the packages are there."""
    process = hanging(checkout, folder, **environ).start()
    while not list(checkout.cache.glob("shapemaker/*.partial/half")):
        time.sleep(0.01)
    return process


def without_pip_settings(checkout: Checkout) -> Checkout:
    environ = {name: value for name, value in checkout.environ.items() if not name.startswith("PIP_")}
    return Checkout(folder=checkout.folder, cache=checkout.cache, environ=environ)


def test_the_first_run_installs_and_says_so_and_the_second_is_silent(checkout: Checkout) -> None:
    _, stdout, stderr = checkout.run("validate")
    assert re.fullmatch(
        r"shapemaker: installing 1 locked packages once into .*/cache/shapemaker/[0-9a-f]{32}\n", stderr
    )
    assert stdout.count("\n") == 1, "stdout belongs to the command line"
    assert checkout.run("validate") == (7, stdout, "")


@pytest.mark.parametrize("via", WAYS.values(), ids=WAYS.keys())
def test_the_command_line_sees_the_locked_packages_the_checkout_and_the_standard_library(
    checkout: Checkout, tmp_path: Path, via: tuple[str, ...]
) -> None:
    told = checkout.told("plan", "--set", "a=b c", via=via, cwd=tmp_path)
    site = checkout.cache / "shapemaker" / checkout.cached()[0]
    assert told["argv"] == ["plan", "--set", "a=b c"]
    assert told["cwd"] == str(tmp_path)
    assert told["demo"] == str(site / "demo.py")
    assert told["path"][:2] == [str(site), str(checkout.folder)]
    assert not [path for path in told["path"][2:] if "-packages" in path]


@pytest.mark.parametrize("via", [(), ISOLATED], ids=["directly", "as the action does"])
def test_modules_planted_in_the_workspace_are_never_imported(
    checkout: Checkout, tmp_path: Path, via: tuple[str, ...]
) -> None:
    workspace = tmp_path / "workspace"
    for name in ("sitecustomize", "usercustomize", "demo", "json", "hashlib", "yaml", "shapemaker_action"):
        (workspace / name).mkdir(parents=True)
        (workspace / name / "__init__.py").write_text("raise SystemExit('planted')")
    told = checkout.told(via=via, cwd=workspace, PYTHONPATH=str(workspace), PYTHONSTARTUP="demo/__init__.py")
    assert str(workspace) not in " ".join([*told["path"], told["demo"]])


def test_parallel_first_runs_install_once(checkout: Checkout) -> None:
    processes = [checkout.start() for _ in range(4)]
    answers = [(process.communicate(), process.returncode) for process in processes]
    assert [code for _, code in answers] == [7, 7, 7, 7]
    assert "".join(stderr for (_, stderr), _ in answers).count("installing") == 1
    assert len(checkout.cached()) == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"])
def test_a_cancelled_install_leaves_nothing_and_the_next_run_starts_afresh(
    checkout: Checkout, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    output, summary = tmp_path / "output", tmp_path / "summary"
    process = start_hanging_install(
        checkout, tmp_path / "bin", GITHUB_OUTPUT=str(output), GITHUB_STEP_SUMMARY=str(summary)
    )
    process.send_signal(number)
    _, stderr = process.communicate()
    assert process.returncode == code
    assert "Traceback" not in stderr
    assert "next: run the same command again" in stderr
    assert output.read_text() == f"exit-code={code}\n"
    assert "run the job again" in summary.read_text()
    assert checkout.cached() == []
    assert checkout.told()["demo"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_among_the_first_imports_is_answered(
    number: signal.Signals, checkout: Checkout, tmp_path: Path
) -> None:
    process = hanging(checkout, tmp_path / "bin").start(via=(*ISOLATED, "-X", "importtime"))
    assert process.stderr
    while not process.stderr.readline().rstrip().endswith("| contextlib"):
        pass
    process.send_signal(number)
    _, stderr = process.communicate()
    assert process.returncode == 128 + number
    assert "\nerror: cancelled\n" in stderr


def test_a_killed_install_is_not_mistaken_for_a_finished_one(checkout: Checkout, tmp_path: Path) -> None:
    process = start_hanging_install(checkout, tmp_path / "bin")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    (partial,) = checkout.cached()
    assert checkout.told()["demo"]
    assert checkout.cached() == [partial.removesuffix(".partial")]


def test_a_package_with_another_hash_is_refused(checkout: Checkout) -> None:
    lock = checkout.folder / "tool.lock"
    lock.write_text(re.sub("[0-9a-f]{64}", "0" * 64, lock.read_text()))
    code, stdout, stderr = checkout.run()
    assert (code, stdout) == (ExitCode.ENVIRONMENT, "")
    assert re.search(r"^    \|  +Expected sha256 0{64}$", stderr, re.MULTILINE)
    assert "error: the locked packages could not be installed\n  next: check the network" in stderr
    assert checkout.cached() == []


def test_a_missing_package_gives_the_end_of_the_installers_output(checkout: Checkout) -> None:
    code, _, stderr = checkout.run(PIP_FIND_LINKS="/nowhere")
    assert code == ExitCode.ENVIRONMENT
    assert "  | ERROR: No matching distribution found for demo==1.0" in stderr


def test_python_without_pip_is_told_how_to_get_one(checkout: Checkout, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    code, _, stderr = checkout.run(PATH=f"{tmp_path / 'bare' / 'bin'}:/bin")
    assert code == ExitCode.ENVIRONMENT
    assert "has no pip, and there is no uv on PATH" in stderr
    assert "apt-get install python3-pip" in stderr


def test_a_failure_in_a_workflow_is_an_annotation(checkout: Checkout) -> None:
    _, _, stderr = checkout.run(PIP_FIND_LINKS="/nowhere", GITHUB_ACTIONS="true")
    assert re.search(r"^::error::the locked packages could not be installed; check", stderr, re.MULTILINE)


def test_what_an_installer_says_is_no_command_and_moves_no_cursor(checkout: Checkout, tmp_path: Path) -> None:
    script = r"printf 'one ##[error]mine \033[2J\a\n::warning::mine\n'; exit 1"
    path = f"{program(tmp_path / 'bin', script)}:{checkout.environ['PATH']}"
    _, _, stderr = checkout.run(PATH=path, PIP_FIND_LINKS="/nowhere", GITHUB_ACTIONS="true")
    assert "one #\u200b#[error]mine [2J\n    | ::warning::mine\n" in stderr
    log = StepLog().read(stderr)
    assert {command.name for command in log.commands} == {"error"}


def test_an_installer_gets_no_credentials(checkout: Checkout, tmp_path: Path) -> None:
    path = f"{program(tmp_path / 'bin', f'env > {tmp_path}/told; exit 1')}:{checkout.environ['PATH']}"
    secrets = {"AWS_SESSION_TOKEN": "s", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "s", "SHAPEMAKER_INPUT_GITHUB_TOKEN": "s"}
    plain = without_pip_settings(checkout)
    environ = {**plain.environ, **secrets, "PATH": path, "PIP_CONFIG_FILE": os.devnull}
    Checkout(folder=plain.folder, cache=plain.cache, environ=environ).run()
    assert not {line.partition("=")[0] for line in (tmp_path / "told").read_text().splitlines()} & secrets.keys()


def test_the_callers_habits_with_pip_and_python_change_nothing(checkout: Checkout, tmp_path: Path) -> None:
    told = checkout.told(
        PIP_TARGET=str(tmp_path / "elsewhere"),
        PIP_REQUIRE_VIRTUALENV="1",
        PIP_USER="1",
        PIP_NO_BINARY=":all:",
        PIP_REQUIREMENT="nothing.txt",
        PYTHONHOME="/nowhere",
        PYTHONDONTWRITEBYTECODE="1",
        UV_PYTHON="/nowhere",
    )
    assert told["demo"].startswith(str(checkout.cache))
    assert not (tmp_path / "elsewhere").exists()


def test_a_pip_conf_keeps_working(checkout: Checkout, tmp_path: Path) -> None:
    links = checkout.environ["PIP_FIND_LINKS"]
    config = tmp_path / "pip.conf"
    config.write_text(f"[global]\nno-index = true\nfind-links = {links}\nrequire-virtualenv = true\nuser = true\n")
    assert without_pip_settings(checkout).told(PIP_CONFIG_FILE=str(config))["demo"]


def test_a_broken_uv_is_no_obstacle(checkout: Checkout, tmp_path: Path) -> None:
    broken = program(tmp_path / "bin", "echo 'uv: command not found' >&2; exit 127")
    path = f"{broken}:{checkout.environ['PATH']}"
    assert checkout.told(PATH=path)["demo"]


def test_a_cache_folder_that_was_asked_for_has_no_substitute(checkout: Checkout) -> None:
    code, _, stderr = checkout.run(SHAPEMAKER_TOOL_CACHE="/dev/null/cache")
    assert code == ExitCode.ENVIRONMENT
    assert "(tried: /dev/null/cache/shapemaker)" in stderr
    assert "set SHAPEMAKER_TOOL_CACHE" in stderr


def test_a_home_that_cannot_be_written_is_replaced_by_a_private_temporary_folder(
    checkout: Checkout, tmp_path: Path
) -> None:
    told = checkout.told(SHAPEMAKER_TOOL_CACHE="", HOME="/dev/null", TMPDIR=str(tmp_path))
    private = tmp_path / f"shapemaker-{os.getuid()}"
    assert told["demo"].startswith(str(private))
    assert private.stat().st_mode & 0o777 == 0o700


def test_the_cache_is_where_the_runner_the_user_or_the_system_keeps_such_things(
    entrypoint: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    private = tmp_path / f"shapemaker-{os.getuid()}"
    cases: list[tuple[dict[str, str], list[Path]]] = [
        ({"SHAPEMAKER_TOOL_CACHE": "/c", "RUNNER_TOOL_CACHE": "/r", "HOME": "/h"}, [Path("/c/shapemaker")]),
        ({"RUNNER_TOOL_CACHE": "/r", "HOME": "/h"}, [Path("/r/shapemaker"), Path("/h/.cache/shapemaker"), private]),
        ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, [Path("/x/shapemaker"), private]),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, [Path("/h/.cache/shapemaker"), private]),
        ({}, [private]),
    ]
    assert [list(entrypoint.cache_roots(environ)) for environ, _ in cases] == [roots for _, roots in cases]


def test_a_temporary_folder_that_others_can_write_is_not_trusted(entrypoint: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o777)
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "link").symlink_to(tmp_path / "open")
    assert [entrypoint.is_private(tmp_path / name) for name in ("open", "link", "new")] == [False, False, True]


def test_uv_comes_first_unless_somebody_configured_pip(tmp_path: Path) -> None:
    plain = {"PATH": str(program(tmp_path / "bin", "")), "PIP_CONFIG_FILE": os.devnull}
    config = tmp_path / "pip.conf"
    config.touch()

    def order(**environ: str) -> list[str]:
        return ["pip" if "-m" in command else "uv" for command in installer.installers({**plain, **environ})]

    assert order() == ["uv", "pip"]
    assert order(PIP_INDEX_URL="https://packages.example/simple") == ["pip", "uv"]
    assert order(PIP_CONFIG_FILE=str(config)) == ["pip", "uv"]
    assert order(PATH="/nowhere") == ["pip"]


def test_every_python_version_gets_a_cache_entry_of_its_own(entrypoint: ModuleType) -> None:
    command = "import importlib.machinery as m; print(m.EXTENSION_SUFFIXES[0])"
    suffix = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True).stdout.strip()
    assert f"{sys.version_info.major}{sys.version_info.minor}" in suffix
    assert re.fullmatch("[0-9a-f]{32}", entrypoint.cache_key())


def test_an_old_python_and_windows_get_a_sentence() -> None:
    with pytest.raises(installer.NotInstalledError, match=r"3\.10 or newer is needed; .* is 3\.8\.20"):
        installer.require_platform("posix", (3, 8, 20))
    with pytest.raises(installer.NotInstalledError, match="Linux and macOS"):
        installer.require_platform("nt", (3, 12, 0))
    installer.require_platform("posix", (3, 10, 0))


@pytest.mark.parametrize("file", ["entrypoint", "shapemaker_action/__init__.py", "shapemaker_action/installer.py"])
def test_an_old_python_can_parse_it(file: str) -> None:
    ast.parse((ROOT / file).read_text(), feature_version=(3, 8))


def test_it_exits_with_the_documented_code() -> None:
    assert installer.ENVIRONMENT_PROBLEM == ExitCode.ENVIRONMENT
