"""The little of GitHub's API that we need, in bounded time and with a token that goes nowhere else."""

from __future__ import annotations

import http.client
import importlib
import json
import time
from typing import TYPE_CHECKING, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlsplit

from shapemaker_action.record import dataclass, field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from urllib.request import OpenerDirector, Request

    from shapemaker_action.naming import Json

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds for everything that is asked of one `Api`."""
PAUSE = 0.5
PAGE = 100
MOST_PAGES = 50
LARGEST = 8 << 20
_CHUNK = 1 << 16
_PASSING = frozenset({429, 500, 502, 503, 504})


class ApiError(Exception):
    """GitHub refused, or did not answer; `status` is 0 when there was no answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(kw_only=True)
class Api:
    """One conversation, whose time runs from the first call on."""

    url: str
    token: str = field(repr=False)
    patience: float = PATIENCE
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _until: float = 0.0

    def patiently(self, work: Callable[[], T]) -> T:
        """The result of several calls, begun again from the first one when GitHub stumbles and there is time left."""
        pause = PAUSE
        while True:
            try:
                return work()
            except ApiError as error:
                if error.status not in _PASSING or self._left() <= pause:
                    raise
            self.sleep(pause)
            pause *= 2

    def get(self, path: str) -> Json:
        """The document at a path."""
        return self.send("GET", path)

    def pages(self, path: str) -> Iterator[dict[str, Json]]:
        """Every item of a list."""
        for page in range(1, MOST_PAGES + 1):
            found = self.get(f"{path}?per_page={PAGE}&page={page}")
            items = found if isinstance(found, list) else []
            yield from (item for item in items if isinstance(item, dict))
            if len(items) < PAGE:
                return

    def graphql(self, query: str) -> Json:
        """The answer to a query; on an enterprise server this is beside the REST API, at `/api/graphql`."""
        url = self.url.rstrip("/")
        return self.send("POST", "/graphql", {"query": query}, url=url.removesuffix("/v3"))

    def send(self, method: str, path: str, document: dict[str, Json] | None = None, *, url: str = "") -> Json:
        """One call and its answer."""
        try:
            body = self._answer(self._request(method, f"{(url or self.url).rstrip('/')}{path}", document))
            found: Json = json.loads(body) if body else None
        except HTTPError as error:
            with error:
                raise ApiError(f"{method} {path} was answered with {error.code} {error.reason}", error.code) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ApiError(f"{method} {path}: {error}") from None
        return found

    def _left(self) -> float:
        """Seconds; the clock starts when it is first looked at."""
        self._until = self._until or self.now() + self.patience
        return self._until - self.now()

    def _answer(self, request: Request) -> bytes:
        left = self._left()
        if left <= 0:
            raise TimeoutError("GitHub did not answer in time")
        body = b""
        with _opener().open(request, timeout=left) as answer:
            while chunk := answer.read1(_CHUNK):
                body += chunk
                if len(body) > LARGEST or self._left() <= 0:
                    raise TimeoutError("GitHub's answer had no end in time")
        return body

    def _request(self, method: str, url: str, document: dict[str, Json] | None) -> Request:
        if urlsplit(url).scheme not in {"http", "https"}:
            raise ValueError("GITHUB_API_URL is no address of a server")
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "User-Agent": "shapemaker",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        data = None if document is None else json.dumps(document).encode()
        library = importlib.import_module("urllib.request")
        request: Request = library.Request(url, data=data, headers=headers, method=method)
        return request


def _opener() -> OpenerDirector:
    # Dear to import, and most runs post nothing.
    library = importlib.import_module("urllib.request")

    class NoRedirect(library.HTTPRedirectHandler):  # type: ignore[name-defined,misc]
        """The token is for this server alone."""

        def redirect_request(self, *_: object) -> None:
            return None

    opener: OpenerDirector = library.build_opener(NoRedirect)
    return opener
