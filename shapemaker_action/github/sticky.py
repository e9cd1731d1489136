"""One comment on a pull request, found again by its first line: made once, then changed in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from shapemaker_action.github.api import ApiError
from shapemaker_action.record import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapemaker_action.github.api import Api
    from shapemaker_action.naming import Json

JOB = "github-actions[bot]"
"""Who a job's own token is, where GitHub does not tell."""
_NOT_A_USER = frozenset({401, 403, 404})

Done = Literal["created", "updated", "unchanged", "nothing"]


@dataclass(frozen=True, kw_only=True)
class Thread:
    """The comments of a pull request."""

    repository: str
    number: int

    @property
    def path(self) -> str:
        """Pull requests are issues where comments are concerned."""
        return f"/repos/{self.repository}/issues/{self.number}/comments"


def put(api: Api, thread: Thread, marker: str, body: str, is_due: Callable[[str], bool] = lambda _: True) -> Done:
    """Let there be a comment of ours with this body, which begins with the marker. Nobody else's is touched.

    `is_due` is asked whether to, given what is there already: the text of our comment, or nothing.

    Raises:
        ApiError: GitHub refuses, or does not answer in time.
    """
    # Begun again as a whole: a comment may have been made although the answer to it was lost.
    return api.patiently(lambda: _put(api, thread, marker, body, is_due))


def _put(api: Api, thread: Thread, marker: str, body: str, is_due: Callable[[str], bool]) -> Done:
    marked = [each for each in api.pages(thread.path) if _text(each, "body").startswith(marker)]
    own = _own(api, marked) if marked else None
    if not is_due(_text(own, "body") if own else ""):
        return "nothing"
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
    """Who we are. Only GraphQL tells it to an app's token, as a job's own is one; a person's token asks there, too."""
    try:
        found = api.graphql("{ viewer { login } }")
    except ApiError as error:
        if error.status in _NOT_A_USER:
            return JOB
        raise
    for name in ("data", "viewer", "login"):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) else JOB


def _text(item: dict[str, Json], name: str) -> str:
    found = item.get(name)
    return found if isinstance(found, str) else ""


def _normal(body: str) -> str:
    return body.replace("\r\n", "\n").strip()
