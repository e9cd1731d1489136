"""Whether a run's comment is posted, where, and what to say when GitHub does not let us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shapemaker_action import lazy
from shapemaker_action.github import TOKEN
from shapemaker_action.github.event import Event
from shapemaker_action.report import comment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapemaker_action.github import api, sticky
    from shapemaker_action.report.result import Result
else:
    api, sticky = lazy.modules("shapemaker_action.github", "api", "sticky")

_DENIED = frozenset({401, 403, 404})
"""GitHub hides from a token what it may not see."""


def post(result: Result, environ: Mapping[str, str]) -> list[str]:
    """Create or update the comment of a pull request of this repository; a warning for what went wrong.

    A run without news makes none, but replaces what an earlier run has said: its failure is over.
    """
    event = Event.of(environ)
    token = environ.get(TOKEN, "")
    # What a fork's job says could be anybody's words under our name; it has no right to, either.
    foreign = event.from_fork or event.by_dependabot
    if not (event.number and token and result.run.configs) or foreign:
        return []
    client = api.Api(url=environ.get("GITHUB_API_URL") or "https://api.github.com", token=token)
    news, run_url = comment.has_news(result), _run_url(environ)
    try:
        sticky.put(
            client,
            sticky.Thread(repository=event.repository, number=event.number),
            comment.marker(result.run),
            comment.body(result, run_url),
            # A step that only builds leaves to the reader what the plan of the step before it says.
            lambda there: news or bool(there and run_url not in there),
        )
    except api.ApiError as error:
        hint = "; the job needs permissions: {pull-requests: write}" if error.status in _DENIED else ""
        return [f"the pull request got no comment: {error}{hint}"]
    return []


def _run_url(environ: Mapping[str, str]) -> str:
    server, repository, run, attempt = (
        environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID", "RUN_ATTEMPT")
    )
    if not (server and repository and run):
        return ""
    return f"{server}/{repository}/actions/runs/{run}" + (f"/attempts/{attempt}" if attempt else "")
