"""The OIDC token of a job: what AWS takes as proof of which repository, branch and environment is at work."""

from __future__ import annotations

import http.client
import importlib
import json
import time
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import quote

from shapemaker_action.errors import AccessError, EnvironmentProblemError
from shapemaker_action.events import Secret
from shapemaker_action.record import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shapemaker_action.events import Emit

TIMEOUT = 10.0
ATTEMPTS = 3
_PERMISSION = "add to the job: permissions: {contents: read, id-token: write}"


@dataclass(frozen=True, kw_only=True)
class TokenSource:
    """Gives a fresh token at every call: a token lives for some minutes only, a job for hours."""

    environ: Mapping[str, str]
    audience: str
    emit: Emit
    sleep: Callable[[float], None] = time.sleep

    def __call__(self) -> str:
        """A token for the audience, masked before anybody sees it.

        Raises:
            AccessError: this job may not ask for one, or GitHub refuses.
            EnvironmentProblemError: GitHub is not reached.
        """
        url, bearer = (self.environ.get(f"ACTIONS_ID_TOKEN_REQUEST_{word}", "") for word in ("URL", "TOKEN"))
        if not url or not bearer:
            raise self._not_permitted()
        token = _token(self._patiently(f"{url}&audience={quote(self.audience, safe='')}", bearer))
        self.emit(Secret(value=token))
        return token

    def _not_permitted(self) -> AccessError:
        if self.environ.get("GITHUB_ACTIONS") != "true":
            return AccessError(
                "there is no OIDC token outside of a job of GitHub Actions",
                state="nothing was sent to AWS",
                remedy="leave --role-to-assume out and use credentials of your own (aws sso login)",
            )
        return AccessError(
            "GitHub gives this job no OIDC token, so the role cannot be assumed",
            state="nothing was sent to AWS",
            remedy=f"{_PERMISSION}; a workflow that calls a reusable one has to grant it, too; pull requests from "
            "forks and of Dependabot never get one",
        )

    def _patiently(self, url: str, bearer: str) -> bytes:
        fault = ""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return _get(url, bearer)
            except HTTPError as error:
                error.close()
                if error.code < http.client.INTERNAL_SERVER_ERROR and error.code != http.client.TOO_MANY_REQUESTS:
                    raise AccessError(
                        f"GitHub refuses an OIDC token: HTTP {error.code}",
                        remedy=f"{_PERMISSION}; if it is there, run the job again: the right to ask ends with the job",
                    ) from error
                fault = f"HTTP {error.code}"
            except (OSError, http.client.HTTPException) as error:
                fault = str(error)
            if attempt < ATTEMPTS:
                self.sleep(float(attempt))
        raise EnvironmentProblemError(
            f"GitHub's OIDC provider cannot be reached: {fault}",
            remedy="check the runner's network and proxy, then run the job again",
        )


def _get(url: str, bearer: str) -> bytes:
    # `validate` never comes here, and does without what this takes to import.
    request = importlib.import_module("urllib.request")
    asked = request.Request(url, headers={"Authorization": f"Bearer {bearer}", "Accept": "application/json"})

    class NoRedirect(request.HTTPRedirectHandler):  # type: ignore[name-defined,misc]
        """The bearer is for the one address that the runner named."""

        def redirect_request(self, *_: object) -> None:
            return None

    with request.build_opener(NoRedirect).open(asked, timeout=TIMEOUT) as answer:
        body: bytes = answer.read()
    return body


def _token(body: bytes) -> str:
    try:
        token = json.loads(body)["value"]
    except (ValueError, KeyError, TypeError):
        token = ""
    if not isinstance(token, str) or not token:
        raise AccessError("GitHub's OIDC provider answered without a token", remedy="run the job again")
    return token
