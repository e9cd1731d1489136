"""Cancellation in the runner in miniature: which signals arrive, at which process, and which steps still run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.github_runner import Cancel, Runner

pytestmark = pytest.mark.needs("node", "npm")

LISTENER = """\
import os, signal, sys, time
def heard(number, frame):
    name = signal.Signals(number).name
    os.write(1, f"heard {name}\\n".encode())
    os.write(os.open(os.environ["GITHUB_OUTPUT"], os.O_WRONLY | os.O_APPEND), f"left={name}\\n".encode())
    if sys.argv[1] == name:
        sys.exit(128 + number)
for name in ("SIGINT", "SIGTERM"):
    signal.signal(getattr(signal, name), heard)
print("ready", os.getpid(), flush=True)
for _ in range(600):
    time.sleep(0.1)
print("not cancelled")
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "listen.py").write_text(LISTENER)
    return folder


def runner(repository: Path) -> Runner:
    return Runner(repository=repository, work=repository.parent / "work", cancel=Cancel(when="^ready"))


def test_the_process_that_the_shell_became_hears_the_interrupt(repository: Path) -> None:
    run = runner(repository).steps(
        {"id": "wait", "shell": "bash", "run": "exec python3 listen.py SIGINT"},
        {"id": "next", "run": "true"},
        {"id": "on-failure", "if": "failure()", "run": "true"},
        {"id": "clean-up", "if": "cancelled()", "run": "echo ${{ job.status }} ${{ steps.wait.outputs.left }}"},
        {"id": "always", "if": "always()", "run": "true"},
    )
    wait = run.step("wait")
    assert (wait.outcome, wait.exit_code, wait.signals) == ("cancelled", 130, ["SIGINT"]), run
    assert "heard SIGINT" in wait.log
    outcomes = {step.id: step.outcome for step in run.job("job").steps[2:]}
    assert outcomes == {"next": "skipped", "on-failure": "skipped", "clean-up": "success", "always": "success"}
    assert "cancelled SIGINT" in run.step("clean-up").log
    assert (run.conclusion, run.job("job").result) == ("cancelled", "cancelled")


def test_a_child_of_the_shell_hears_nothing(repository: Path) -> None:
    run = runner(repository).steps({"id": "wait", "shell": "bash", "run": "python3 listen.py SIGINT\ntrue"})
    wait = run.step("wait")
    assert (wait.outcome, wait.signals) == ("cancelled", ["SIGINT", "SIGTERM"]), run
    assert "heard" not in wait.log
    assert any("listen.py" in command for command in run.job("job").orphans), "it outlives the step, not the job"


def test_who_ignores_both_is_killed(repository: Path) -> None:
    run = runner(repository).steps({"id": "wait", "shell": "bash", "run": "exec python3 listen.py never"})
    wait = run.step("wait")
    assert (wait.exit_code, wait.signals) == (137, ["SIGINT", "SIGTERM", "SIGKILL"]), run
    assert "heard SIGINT\nheard SIGTERM" in wait.log


def test_jobs_that_wait_are_cancelled_but_those_that_always_run(repository: Path) -> None:
    (repository / ".github" / "workflows").mkdir(parents=True)
    run = runner(repository).text(
        """\
on: push
jobs:
  first:
    runs-on: ubuntu-24.04
    steps: [{uses: actions/checkout@v4}, {run: exec python3 listen.py SIGINT}]
  second:
    needs: first
    runs-on: ubuntu-24.04
    steps: [{run: "true"}]
  third:
    needs: first
    if: always()
    runs-on: ubuntu-24.04
    steps: [{run: "echo first was ${{ needs.first.result }}"}]
"""
    )
    assert [job.result for job in run.jobs] == ["cancelled", "cancelled", "success"], run
    assert "first was cancelled" in run.job("third").log


def test_a_step_that_runs_out_of_time_fails_after_the_same_signals(repository: Path) -> None:
    limited = {"id": "wait", "shell": "bash", "run": "exec python3 listen.py SIGINT", "timeout-minutes": 0.02}
    run = Runner(repository=repository, work=repository.parent / "work").steps(limited, {"id": "next", "run": "true"})
    assert (run.step("wait").outcome, run.step("wait").signals) == ("failure", ["SIGINT"]), run
    assert run.step("next").outcome == "skipped"


def test_a_service_that_a_step_leaves_behind_ends_with_the_job(repository: Path) -> None:
    service = "nohup sleep 300 >/dev/null 2>&1 & echo $! > service.pid"
    run = Runner(repository=repository, work=repository.parent / "work").steps(
        {"shell": "bash", "run": service}, {"id": "alive", "run": "kill -0 $(cat service.pid)"}
    )
    assert run.step("alive").outcome == "success"
    assert [command for command in run.job("job").orphans if command == "sleep 300"]
    number = Path(run.job("job").workspace, "service.pid").read_text().strip()
    state = Path("/proc", number, "stat")
    assert not state.exists() or ") Z " in state.read_text()
