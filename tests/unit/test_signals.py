"""A run under a signal, in a process of its own: reported once and gone in time, whatever it is stuck in."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BOUND = 5.0
"""A guard against hanging, which is also what the README promises."""
PROGRAM = """
import contextlib, os, subprocess, sys, threading, time
from shapemaker_action import signals
from shapemaker_action.errors import Cancelled
signals.hold()
waiting = ["ready"]
def ready():
    # taken before it is said: what listens sends its signal at once
    while waiting:
        print(waiting.pop(), flush=True)
def report(unheeded):
    {report}
    print("reported", unheeded, flush=True)
    return 128 + unheeded if unheeded else 77
guard = signals.Guard(report)
with guard.listening():
    try:
        with guard.interruptible():
            guard.release()
            {work}
    except Cancelled as cancelled:
        print("cancelled", cancelled.number, flush=True)
    code = guard.end()
print("after", flush=True)
sys.exit(code)
"""


STUCK = """
            while True:
                with contextlib.suppress(BaseException): ready(); time.sleep(60)
"""


def started(work: str, report: str = "pass") -> subprocess.Popen[str]:
    """The program, having come to where it prints `ready`."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(work=work, report=report)],
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def ended(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """Exit code and what it said; it must end within the bound."""
    assert process.stdout
    late = threading.Timer(BOUND, process.kill)
    late.start()
    with process:
        said = process.stdout.read().splitlines()
    late.cancel()
    return process.returncode, said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_work_is_interrupted_and_reported(number: signal.Signals) -> None:
    process = started("ready(); time.sleep(60)")
    process.send_signal(number)
    assert ended(process) == (77, [f"cancelled {int(number)}", "reported 0"])


def test_signals_upon_signals_change_nothing() -> None:
    process = started("ready(); time.sleep(60)", report="time.sleep(0.5)")
    for _ in range(50):
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
    code, said = ended(process)
    assert code == 77
    assert said in (["cancelled 2", "reported 0"], ["cancelled 15", "reported 0"])


def test_work_that_cannot_be_interrupted_is_reported_without_it() -> None:
    process = started(STUCK)
    process.send_signal(signal.SIGTERM)
    assert ended(process) == (143, ["reported 15"])


def test_threads_are_not_waited_for() -> None:
    process = started("threading.Thread(target=time.sleep, args=(60,)).start(); ready(); time.sleep(60)")
    process.send_signal(signal.SIGINT)
    assert ended(process) == (77, ["cancelled 2", "reported 0"])


def test_a_report_that_hangs_holds_up_nothing() -> None:
    process = started("ready(); time.sleep(60)", report="time.sleep(60)")
    process.send_signal(signal.SIGINT)
    assert ended(process) == (130, ["cancelled 2"])


def test_a_signal_during_the_report_of_a_run_that_has_ended_changes_neither_report_nor_verdict() -> None:
    process = started("pass", report="ready(); time.sleep(0.5)")
    process.send_signal(signal.SIGTERM)
    assert ended(process) == (77, ["reported 0"])


def test_a_signal_while_a_destructor_runs_is_not_lost() -> None:
    work = """
            class Closing:
                def __del__(self): ready(); time.sleep(60)
            Closing()
            time.sleep(60)
"""
    process = started(work)
    process.send_signal(signal.SIGTERM)
    assert ended(process) == (77, ["cancelled 15", "reported 0"])


def test_children_end_with_us() -> None:
    process = started(f"child = subprocess.Popen(['sleep', '60']){STUCK}", report="print(child.pid)")
    process.send_signal(signal.SIGINT)
    _, (child, _) = ended(process)
    deadline = time.monotonic() + BOUND  # killed it is, but it takes a moment to go
    while has_life(Path("/proc", child)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def has_life(process: Path) -> bool:
    """Whether it is there, and not only until somebody asks for its exit code."""
    try:
        return ") Z " not in (process / "stat").read_text()
    except OSError:
        return False


def test_a_signal_before_anything_could_be_said_is_heeded_later() -> None:
    early = PROGRAM.replace("signals.hold()", "signals.hold()\nos.kill(os.getpid(), 15)")
    done = subprocess.run(
        [sys.executable, "-c", early.format(work="time.sleep(60)", report="pass")],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (77, "cancelled 15\nreported 0\n")


def test_without_a_signal_everything_is_as_before() -> None:
    process = started("ready()")
    assert ended(process) == (77, ["reported 0", "after"])
