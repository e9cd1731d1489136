"""Reading a log from its file while somebody still writes it."""

from __future__ import annotations

import codecs
import time
from typing import IO, TYPE_CHECKING, AnyStr

from shapemaker_action.containers import command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TICK = 0.05


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
    """Whole lines without their ends, or pieces of at least `command.LINE_LIMIT` characters."""
    rest = ""
    for piece in pieces(stream, is_running):
        rest += piece
        if rest.endswith("\n") or len(rest) >= command.LINE_LIMIT:
            yield rest.rstrip("\r\n")
            rest = ""
    if rest:
        yield rest


def kubernetes_lines(stream: IO[bytes], is_running: Callable[[], bool]) -> Iterator[str]:
    """The same of a log in the format of Kubernetes: `time stdout|stderr P|F text`, where after P the line goes on.

    The writer cuts lines where its buffer ends, so a character may begin in one record and end in the next.
    """
    unfinished = {b"stdout": _Unfinished(), b"stderr": _Unfinished()}
    record = b""
    for piece in pieces(stream, is_running):
        record += piece
        if record.endswith(b"\n"):
            _, source, tag, text = record[:-1].split(b" ", 3)
            yield from unfinished[source].more(text, ends=tag == b"F")
            record = b""
    for each in unfinished.values():
        yield from each.last()


class _Unfinished:
    """What has come of a line so far."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""

    def more(self, text: bytes, *, ends: bool) -> Iterator[str]:
        self._text += self._decoder.decode(text, final=ends)
        while len(self._text) > command.LINE_LIMIT:
            yield self._text[: command.LINE_LIMIT]
            self._text = self._text[command.LINE_LIMIT :]
        if ends:
            yield self._text.rstrip("\r")
            self._text = ""

    def last(self) -> Iterator[str]:
        if self._text:
            yield from self.more(b"", ends=True)
