"""Reading a log from its file while somebody still writes it."""

from __future__ import annotations

import codecs
import os
import re
import time
from functools import partial
from typing import IO, TYPE_CHECKING, AnyStr

from shapemaker_action.containers import command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TICK = 0.05

_RECORD = re.compile(rb"\S+ (stdout|stderr) ([PF]) (.*)", re.DOTALL)


def pieces(stream: IO[AnyStr], is_running: Callable[[], bool]) -> Iterator[AnyStr]:
    """Lines with their ends; of lines over `command.LINE_LIMIT`, and of those not yet whole, what there is."""
    while True:
        # Asked first: what was written before the end is read after it.
        running = is_running()
        while piece := stream.readline(command.LINE_LIMIT):
            yield piece
        if not running:
            return
        time.sleep(TICK)


def lines(stream: IO[str], is_running: Callable[[], bool]) -> Iterator[str]:
    """Lines without their ends, of which a carriage return is one, in pieces of about `command.LINE_LIMIT` at most."""
    rest = ""
    for piece in pieces(stream, is_running):
        rest += piece
        if rest.endswith("\n") or len(rest) >= command.LINE_LIMIT:
            yield from _split(rest)
            rest = ""
    if rest:
        yield from _split(rest)


def kubernetes_log(place: Path, is_running: Callable[[], bool]) -> Iterator[str]:
    """Lines of a log in the format of Kubernetes, none if it is gone. One that grew too large goes on in a new file."""
    while True:
        try:
            stream = place.open("rb")
        except FileNotFoundError:
            return
        with stream:
            yield from kubernetes_lines(stream, partial(_goes_on, stream, place, is_running))
            if not _is_replaced(stream, place):
                return


def _goes_on(stream: IO[bytes], place: Path, is_running: Callable[[], bool]) -> bool:
    return is_running() and not _is_replaced(stream, place)


def _is_replaced(stream: IO[bytes], place: Path) -> bool:
    try:
        return not os.path.samestat(os.fstat(stream.fileno()), place.stat())
    except FileNotFoundError:  # with its container
        return False


def kubernetes_lines(stream: IO[bytes], is_running: Callable[[], bool]) -> Iterator[str]:
    """Lines of one file of it: `time stdout|stderr P|F text`, where after P the line goes on.

    The writer cuts lines where its buffer ends, so a character may begin in one record and end in the next. What is no
    record, because the disk was full or the writer was killed, is passed as it is.
    """
    unfinished = {b"stdout": _Unfinished(), b"stderr": _Unfinished()}
    record = b""
    for piece in pieces(stream, is_running):
        record += piece
        if record.endswith(b"\n"):
            yield from _of_record(record[:-1], unfinished)
            record = b""
    if record:
        yield from _of_record(record, unfinished)
    for each in unfinished.values():
        if each.is_begun:
            yield from each.more(b"", ends=True)


def _of_record(record: bytes, unfinished: dict[bytes, _Unfinished]) -> Iterator[str]:
    found = _RECORD.fullmatch(record)
    if found is None:
        return _Unfinished().more(record, ends=True)
    source, tag, text = found.groups()
    return unfinished[source].more(text, ends=tag == b"F")


def _split(line: str) -> list[str]:
    return line.rstrip("\r\n").split("\r")


class _Unfinished:
    """What has come of a line so far."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""
        self.is_begun = False

    def more(self, text: bytes, *, ends: bool) -> Iterator[str]:
        self.is_begun = not ends
        self._text += self._decoder.decode(text, final=ends)
        while len(self._text) > command.LINE_LIMIT:
            yield from self._text[: command.LINE_LIMIT].split("\r")
            self._text = self._text[command.LINE_LIMIT :]
        if ends:
            yield from _split(self._text)
            self._text = ""
