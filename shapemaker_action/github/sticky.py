"""One comment on a pull request, found again by its first line: made once, then changed in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from shapemaker_action.github.api import ApiError
from shapemaker_action.record import dataclass

if TYPE_CHECKING:
    from shapemaker_action.github.api import Api
    from shapemaker_action.naming import Json

JOB = "github-actions[bot]"
"""Who a job's own token is; it may not ask for its name."""
_NOT_A_USER = frozenset({401, 403, 404})

Done = Literal["created", "updated", "unchanged"]


@dataclass(frozen=True, kw_only=True)
class Thread:
    """The comments of a pull request."""

    repository: str
    number: int

    @property
    def path(self) -> str:
        """Pull requests are issues where comments are concerned."""
        return f"/repos/{self.repository}/issues/{self.number}/comments"


def put(api: Api, thread: Thread, marker: str, body: str) -> Done:
    """Let there be a comment of ours with this body, which begins with the marker. Nobody else's is touched.

    Raises:
        ApiError: GitHub refuses, or does not answer in time.
    """
    # Begun again as a whole: a comment may have been made although the answer to it was lost.
    return api.patiently(lambda: _put(api, thread, marker, body))


def _put(api: Api, thread: Thread, marker: str, body: str) -> Done:
    marked = [each for each in api.pages(thread.path) if _text(each, "body").startswith(marker)]
    own = _own(api, marked) if marked else None
    if own is None:
        api.send("POST", thread.path, {"body": body})
        return "created"
    if _normal(_text(own, "body")) == _normal(body):
        return "unchanged"
    api.send("PATCH", f"/repos/{thread.repository}/issues/comments/{own['id']}", {"body": body})
    return "updated"


def _own(api: Api, marked: list[dict[str, Json]]) -> dict[str, Json] | None:
    """Anybody can write a comment with our first line."""
    me = _login(api)
    return next(
        (each for each in marked if isinstance(user := each.get("user"), dict) and user.get("login") == me), None
    )


def _login(api: Api) -> str:
    try:
        found = api.get("/user")
    except ApiError as error:
        if error.status in _NOT_A_USER:
            return JOB
        raise
    return _text(found, "login") if isinstance(found, dict) else JOB


def _text(item: dict[str, Json], name: str) -> str:
    found = item.get(name)
    return found if isinstance(found, str) else ""


def _normal(body: str) -> str:
    return body.replace("\r\n", "\n").strip()
