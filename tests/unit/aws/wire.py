"""AWS at the wire: an HTTP server that answers every call as a test says, and remembers what it was asked."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IDENTITY = """\
<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::111122223333:user/somebody</Arn><UserId>AIDA</UserId><Account>111122223333</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""


@dataclass(frozen=True)
class Reply:
    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Wire:
    """`asked` has a word for each request: the operation where the protocol names it, else the path."""

    url: str
    asked: list[str] = field(default_factory=list)


def operation(target: str, path: str, body: bytes) -> str:
    if target:
        return target.rpartition(".")[2]
    if body.startswith(b"Action="):
        return body.decode().partition("&")[0].partition("=")[2]
    return path


@contextmanager
def answering(answer: Callable[[str], Reply]) -> Iterator[Wire]:
    """The server, for as long as the block lasts; `answer` gets the word that `Wire.asked` gets."""

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            word = operation(self.headers.get("X-Amz-Target", ""), self.path, body)
            wire.asked.append(word)
            reply = answer(word)
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(reply.body.encode()))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body.encode())

        do_GET = do_POST = do_PUT = do_HEAD = handle_any  # noqa: N815 - names of the standard library

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    wire = Wire(url=f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield wire
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
