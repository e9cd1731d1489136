"""Reading a log from its file while somebody still writes it."""

from __future__ import annotations

import codecs
import os
import re
import time
from functools import partial
from typing import IO, TYPE_CHECKING

from shapemaker_action.containers import command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TICK = 0.05

_RECORD = re.compile(rb"\S+ (stdout|stderr) ([PF]) (.*)", re.DOTALL)


def lines(stream: IO[bytes], is_running: Callable[[], bool]) -> Iterator[str]:
    """Lines without their ends, of which a carriage return is one, in pieces of `command.LINE_LIMIT` at most."""
    line = _Line()
    for piece in _pieces(stream, is_running):
        yield from line.more(piece.removesuffix(b"\n"), ends=piece.endswith(b"\n"))
    yield from line.rest()


def _pieces(stream: IO[bytes], is_running: Callable[[], bool]) -> Iterator[bytes]:
    """Lines with their ends; of lines over `command.LINE_LIMIT`, and of those not yet whole, what there is."""
    while True:
        # Asked first: what was written before the end is read after it.
        running = is_running()
        while piece := stream.readline(command.LINE_LIMIT):
            yield piece
        if not running:
            return
        time.sleep(TICK)


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
    unfinished = {b"stdout": _Line(), b"stderr": _Line()}
    record = b""
    for piece in _pieces(stream, is_running):
        record += piece
        if record.endswith(b"\n"):
            yield from _of_record(record[:-1], unfinished)
            record = b""
    if record:
        yield from _of_record(record, unfinished)
    for each in unfinished.values():
        yield from each.rest()


def _of_record(record: bytes, unfinished: dict[bytes, _Line]) -> Iterator[str]:
    found = _RECORD.fullmatch(record)
    if found is None:
        return _Line().more(record, ends=True)
    source, tag, text = found.groups()
    return unfinished[source].more(text, ends=tag == b"F")


class _Line:
    """What has come of a line so far."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""

    def more(self, text: bytes, *, ends: bool) -> Iterator[str]:
        self._text += self._decoder.decode(text, final=ends)
        while len(self._text) > command.LINE_LIMIT:
            yield from self._text[: command.LINE_LIMIT].split("\r")
            self._text = self._text[command.LINE_LIMIT :]
        if ends:
            yield from self._text.rstrip("\r").split("\r")
            self._text = ""

    def rest(self) -> Iterator[str]:
        """Of a line without an end."""
        return filter(None, self.more(b"", ends=True))
