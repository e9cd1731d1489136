"""An STS whose sessions end within seconds, and the account behind it: whoever comes with an old key is sent away."""

from __future__ import annotations

import base64
import http.client
import json
import re
import secrets
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shapemaker_action.local.lifecycle import LocalService

ROLE = "arn:aws:iam::000000000000:role/ci"
_KEY = re.compile(r"Credential=([^/]+)/")
_HOP = frozenset({"connection", "host", "transfer-encoding", "content-length"})


@dataclass(kw_only=True)
class Session:
    """One that was issued; `token` is the web identity that it was issued for."""

    key: str
    secret: str
    session_token: str
    name: str
    token: str
    ends: float


@dataclass(kw_only=True)
class Account:
    """`life` is how long a session lasts, in seconds."""

    url: str = ""
    life: float = 3600
    refusals: list[tuple[str, str]] = field(default_factory=list)
    """Code and message of the answers to all attempts from now on to assume the role; empty when all is well."""
    sessions: dict[str, Session] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """What was asked for with which key, one word a request: `ASIA…:CreateTrainingJob`."""
    expired: list[str] = field(default_factory=list)
    """Requests with a key whose session was over."""
    before: Callable[[str], None] = lambda _: None
    """Is told each word before it is answered."""

    @property
    def claims(self) -> list[dict[str, object]]:
        """What the tokens said, in the order of the sessions."""
        return [_claims(session.token) for session in self.sessions.values()]

    def assume(self, form: dict[str, str]) -> tuple[int, str]:
        """Status and XML."""
        if self.refusals:
            code, message = self.refusals[0]
            return 403, refusal_document(code, message)
        token = form["WebIdentityToken"]
        if token in {each.token for each in self.sessions.values()}:
            return 400, refusal_document("InvalidIdentityToken", "this token has been used")
        session = Session(
            key=f"ASIA{secrets.token_hex(8).upper()}",
            secret=secrets.token_urlsafe(30),
            session_token=secrets.token_urlsafe(90),
            name=form["RoleSessionName"],
            token=token,
            ends=time.time() + self.life,
        )
        self.sessions[session.key] = session
        return 200, _assumed(session)

    def refusal(self, key: str, token: str) -> str:
        """Why these credentials are no good; empty when they are."""
        session = self.sessions.get(key)
        if session is None:
            return "UnrecognizedClientException"
        if session.session_token != token:
            return "InvalidClientTokenId"
        return "ExpiredTokenException" if session.ends < time.time() else ""


def _claims(token: str) -> dict[str, object]:
    body = token.split(".")[1]
    found: dict[str, object] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


def refusal_document(code: str, message: str) -> str:
    """An error as STS writes it."""
    return (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    )


def _assumed(session: Session) -> str:
    ends = datetime.fromtimestamp(session.ends, timezone.utc).isoformat()
    return f"""\
<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>
<Credentials><AccessKeyId>{session.key}</AccessKeyId><SecretAccessKey>{session.secret}</SecretAccessKey>
<SessionToken>{session.session_token}</SessionToken><Expiration>{ends}</Expiration></Credentials>
<AssumedRoleUser><Arn>arn:aws:sts::000000000000:assumed-role/ci/{session.name}</Arn><AssumedRoleId>AROA:x</AssumedRoleId>
</AssumedRoleUser></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""


@contextmanager
def account(service: LocalService) -> Iterator[Account]:
    """The local SageMaker as an account that knows only the sessions of this STS."""
    made = Account()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            form = {name: values[0] for name, values in parse_qs(body.decode("latin-1")).items()}
            word = self.headers.get("X-Amz-Target", "").rpartition(".")[2] or form.get("Action") or self.path
            if word == "AssumeRoleWithWebIdentity":
                assert "Authorization" not in self.headers, "the token is the proof, not some key that lies around"
                self.reply(*made.assume(form))
                return
            match = _KEY.search(self.headers.get("Authorization", ""))
            key = match[1] if match else ""
            made.asked.append(f"{key}:{word}")
            made.before(word)
            refused = made.refusal(key, self.headers.get("X-Amz-Security-Token", ""))
            if refused:
                made.expired.append(word)
                json_error = json.dumps({"__type": refused, "message": "the security token is no good"})
                self.reply(400, json_error if "X-Amz-Target" in self.headers else refusal_document(refused, "no good"))
                return
            self.forward(key, body)

        def forward(self, key: str, body: bytes) -> None:
            host, port = urlsplit(service.url).netloc.split(":")
            connection = http.client.HTTPConnection(host, int(port), timeout=60)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
            headers["Authorization"] = headers["Authorization"].replace(key, service.access_key)
            headers.pop("X-Amz-Security-Token")
            connection.request(self.command, self.path, body=body, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            length = answer.getheader("Content-Length", "0") if self.command == "HEAD" else str(len(content))
            self.send_header("Content-Length", length)
            self.end_headers()
            self.wfile.write(content)
            connection.close()

        def reply(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = handle_any  # noqa: N815 - names of the standard library

        def log_message(self, *_: object) -> None:
            """Not on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
