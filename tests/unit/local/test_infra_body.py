from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

import pytest

from shapemaker_action.local.body import SMALL, Bodies, ClientLeftError, request_stream

if TYPE_CHECKING:
    from pathlib import Path


def stream_of(content: bytes, length: int) -> io.BufferedIOBase:
    """A connection with `content` on it, of which `length` bytes are the body."""
    return request_stream({"wsgi.input": io.BytesIO(content), "CONTENT_LENGTH": str(length)})  # type: ignore[return-value]


def test_a_body_ends_where_its_length_says() -> None:
    assert stream_of(b"body" + b"the next request", 4).read() == b"body"


def test_a_request_without_a_length_has_no_body() -> None:
    assert request_stream({"wsgi.input": io.BytesIO(b"the next request")}).read() == b""


def test_a_client_that_leaves_early_has_sent_nothing() -> None:
    with pytest.raises(ClientLeftError):
        stream_of(b"half", 8).read()


@pytest.mark.parametrize("size", [0, 1, SMALL, SMALL + 1, 3_000_000])
def test_a_body_is_kept_whole_whatever_its_size(tmp_path: Path, size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    bodies = Bodies(tmp_path)
    body = bodies.receive(io.BytesIO(content))
    with body.open() as file:
        assert file.read() == content
    assert body.size == size
    assert body.digest == (hashlib.sha256(content).hexdigest() if size > SMALL else "")


def test_kept_bodies_are_found_again_and_dropped_ones_are_gone(tmp_path: Path) -> None:
    bodies = Bodies(tmp_path)
    kept, dropped = (bodies.receive(io.BytesIO(letter * (SMALL + 1))) for letter in (b"a", b"b"))
    bodies.keep(kept)
    bodies.drop(kept)
    bodies.drop(dropped)
    again = Bodies(tmp_path)
    found = again.get(kept.digest)
    assert found is not None
    assert found.size == SMALL + 1
    assert again.get(dropped.digest) is None
    again.sweep({"other"})
    assert again.get(kept.digest) is None
