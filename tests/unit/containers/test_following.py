"""Logs that are read from their files while they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action.containers import following

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_line_that_is_written_in_two_halves_arrives_once_and_whole(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\ntw")
    with log.open(encoding="utf-8") as stream:
        assert list(following.lines(stream, _writing(log, b"o\nthree"))) == ["one", "two", "three"]


def test_records_of_kubernetes_become_the_lines_that_were_written(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"T stdout F one\nT stdout F \nT stdout P tw\nT stderr F  err\r\nT std")
    more = b"out F o\nT stdout P \xc3\nT stdout F \xa9 P F\nT stderr P last"
    with log.open("rb") as stream:
        lines = list(following.kubernetes_lines(stream, _writing(log, more + b"\n")))
    assert lines == ["one", "", " err", "two", "é P F", "last"]


def test_a_long_line_in_records_of_kubernetes_arrives_in_pieces(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"T stdout P " + b"x" * 8191 + b"\xc3\nT stdout F \xa9" + b"y" * 9000 + b"\n")
    with log.open("rb") as stream:
        lines = list(following.kubernetes_lines(stream, lambda: False))
    assert "".join(lines) == "x" * 8191 + "é" + "y" * 9000
    assert max(map(len, lines)) == 4096


def _writing(log: Path, more: bytes) -> Callable[[], bool]:
    """A writer that writes the rest when it is asked the first time, and then has ended."""
    waiting = [more]

    def is_running() -> bool:
        if not waiting:
            return False
        with log.open("ab") as stream:
            stream.write(waiting.pop())
        return True

    return is_running
