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
    with log.open("rb") as stream:
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


def test_what_is_no_record_is_passed_as_it_is(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"\nT stdo2024 stdout F torn\nT stdout P \xc3\nT stderr F cut")
    with log.open("rb") as stream:
        lines = list(following.kubernetes_lines(stream, lambda: False))
    assert lines == ["", "T stdo2024 stdout F torn", "cut", "\ufffd"]


def test_a_carriage_return_ends_a_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("10%\r20%\r\n30%\r")
    with log.open("rb") as stream:
        assert list(following.lines(stream, lambda: False)) == ["10%", "20%", "30%"]
    log.write_bytes(b"T stdout F 10%\r20%\r\nT stdout P 30%\r\n")
    assert list(following.kubernetes_log(log, lambda: False)) == ["10%", "20%", "30%"]


def test_a_log_that_is_begun_anew_is_read_to_the_end_of_both_files(tmp_path: Path) -> None:
    log, new = tmp_path / "log", tmp_path / "new"
    log.write_bytes(b"T stdout F one\n")
    new.write_bytes(b"T stdout F two\n")
    asked: list[None] = []

    def is_running() -> bool:
        asked.append(None)
        if len(asked) == 1:
            new.rename(log)
        return len(asked) < 2

    assert list(following.kubernetes_log(log, is_running)) == ["one", "two"]
    log.unlink()
    assert list(following.kubernetes_log(log, lambda: False)) == []


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
