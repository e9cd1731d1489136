"""A local issuer of the tokens by which a job proves what it is; nothing it signs is worth anything."""

from __future__ import annotations

import base64
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.http_server import Answer, answering

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.http_server import Request

LIFETIME = 300


@dataclass(kw_only=True)
class Issuer:
    """`url` and `token` are what a runner tells a job; every token that was issued is in `issued`."""

    token: str = "the-right-to-ask"
    url: str = ""
    issued: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    refused: int = 0

    @property
    def audiences(self) -> list[str]:
        """For whom tokens were asked, in order."""
        return [each.query.get("audience", "") for each in self.requests]

    @property
    def claims(self) -> list[dict[str, Any]]:
        """What the issued tokens say."""
        return [read_claims(token) for token in self.issued]

    def refuse(self, status: int = 403) -> None:
        """Answer everything from now on with this status; 0 ends it. `refusals` are answers to single requests."""
        self.refused = status

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        status = self.refusals.pop(0) if self.refusals else self.refused
        if not status and (request.method != "GET" or request.bearer != self.token):
            status = 401
        if status:
            return Answer(status=status, document={"message": "refused"})
        token = self._sign(json.loads(request.query.get("claims", "{}")), request.query.get("audience", ""))
        self.issued.append(token)
        return Answer(document={"count": len(token), "value": token})

    def _sign(self, claims: dict[str, str], audience: str) -> str:
        number = len(self.issued) + 1
        said = {**claims, "aud": audience, "iss": self.url, "jti": f"token-{number}", "exp": LIFETIME}
        parts = [json.dumps({"alg": "RS256", "typ": "JWT"}), json.dumps(said), f"not a signature {number}"]
        return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)


def read_claims(token: str) -> dict[str, Any]:
    """What a token says."""
    body = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


@contextmanager
def issuing() -> Iterator[Issuer]:
    """An issuer for as long as the block lasts."""
    issuer = Issuer()
    with answering(issuer.answer) as url:
        issuer.url = f"{url}/token"
        yield issuer
