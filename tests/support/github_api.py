"""A local stand-in for the part of GitHub's API that concerns comments on pull requests and deployments."""

from __future__ import annotations

import base64
import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.github_runner import TOKEN_KEY
from tests.support.http_server import Answer, answering

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.support.http_server import Request

JOB = "github-actions[bot]"
LONGEST_BODY = 65_536
_RANK = {"none": 0, "read": 1, "write": 2}


@dataclass(kw_only=True)
class Api:
    """Comments by number of the pull request, deployments, and every request.

    `people` are tokens that persons hold, `apps` those of installations of an app.
    """

    url: str = ""
    repository: str = "octo-org/example"
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    deployments: list[dict[str, Any]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    people: dict[str, str] = field(default_factory=dict)
    apps: dict[str, str] = field(default_factory=dict)
    last_id: int = 100

    @property
    def writes(self) -> list[Request]:
        """Requests that were to change something, also those that were refused."""
        return [each for each in self.requests if each.method != "GET" and not each.path.endswith("/graphql")]

    def seed(self, number: int, body: str, login: str = JOB) -> dict[str, Any]:
        """Put a comment there, whoever wrote it."""
        self.last_id += 1
        comment = {
            "id": self.last_id,
            "body": body,
            "user": {"login": login, "type": "Bot" if login.endswith("[bot]") else "User"},
            "html_url": f"https://github.com/{self.repository}/pull/{number}#issuecomment-{self.last_id}",
        }
        self.comments.setdefault(number, []).append(comment)
        return comment

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        if self.refusals:
            return refusal(self.refusals.pop(0), "refused by the test")
        login = self._login(request.bearer)
        if not login:
            return refusal(401, "Bad credentials")
        for method, pattern, handler in self._routes():
            found = re.fullmatch(pattern, request.path)
            if found and method == request.method:
                answer: Answer = handler(self, request, login, *found.groups())
                return answer
        return refusal(404, "Not Found")

    def _routes(self) -> list[tuple[str, str, Any]]:
        home = f"/repos/{re.escape(self.repository)}"
        return [
            ("GET", "/user", Api._user),
            ("POST", "/graphql", Api._viewer),
            ("GET", rf"{home}/issues/(\d+)/comments", Api._list),
            ("POST", rf"{home}/issues/(\d+)/comments", Api._create),
            ("PATCH", rf"{home}/issues/comments/(\d+)", Api._update),
            ("POST", rf"{home}/deployments", Api._deploy),
            ("GET", rf"{home}/deployments", Api._list_deployments),
        ]

    def _login(self, token: str) -> str:
        return JOB if permissions_of(token) is not None else {**self.people, **self.apps}.get(token, "")

    def _user(self, request: Request, login: str) -> Answer:
        if request.bearer not in self.people:
            return refusal(403, "Resource not accessible by integration")
        return Answer(document={"login": login, "type": "User"})

    def _viewer(self, request: Request, login: str) -> Answer:
        assert request.document == {"query": "{ viewer { login } }"}
        return Answer(document={"data": {"viewer": {"login": login}}})

    def _list(self, request: Request, _login: str, number: str) -> Answer:
        if not may(request.bearer, "read", "issues", "pull-requests"):
            return refusal(403, "Resource not accessible by integration")
        size, page = int(request.query.get("per_page", "30")), int(request.query.get("page", "1"))
        size = min(size, 100)
        everything = self.comments.get(int(number), [])
        shown = everything[(page - 1) * size : page * size]
        more = page * size < len(everything)
        follow = f'<{self.url}{request.path}?per_page={size}&page={page + 1}>; rel="next"'
        return Answer(document=shown, headers={"Link": follow} if more else {})

    def _create(self, request: Request, login: str, number: str) -> Answer:
        refused = self._refuse_write(request)
        return refused or Answer(status=201, document=self.seed(int(number), request.document["body"], login))

    def _update(self, request: Request, _login: str, comment_id: str) -> Answer:
        refused = self._refuse_write(request)
        if refused:
            return refused
        found = [each for thread in self.comments.values() for each in thread if each["id"] == int(comment_id)]
        if not found:
            return refusal(404, "Not Found")
        found[0]["body"] = request.document["body"]
        return Answer(document=found[0])

    def _refuse_write(self, request: Request) -> Answer | None:
        if not may(request.bearer, "write", "issues", "pull-requests"):
            return refusal(403, "Resource not accessible by integration")
        if len(request.document["body"]) > LONGEST_BODY:
            return refusal(422, "Validation Failed: body is too long (maximum is 65536 characters)")
        return None

    def _deploy(self, request: Request, _login: str) -> Answer:
        if not may(request.bearer, "write", "deployments"):
            return refusal(403, "Resource not accessible by integration")
        self.deployments.append(request.document)
        return Answer(status=201, document={"id": len(self.deployments), **request.document})

    def _list_deployments(self, request: Request, _login: str) -> Answer:
        if not may(request.bearer, "read", "deployments"):
            return refusal(403, "Resource not accessible by integration")
        return Answer(document=self.deployments)


def refusal(status: int, message: str) -> Answer:
    """An error as GitHub words it."""
    return Answer(status=status, document={"message": message, "status": str(status)})


def permissions_of(token: str) -> Mapping[str, str] | None:
    """What a job's token of the harness may do; nothing for any other token."""
    if not token.startswith("ghs_"):
        return None
    body = token.removeprefix("ghs_")
    try:
        said = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except ValueError:
        return None
    found: Mapping[str, str] | None = said["permissions"] if said["key"] == TOKEN_KEY else None
    return found


def may(token: str, level: str, *scopes: str) -> bool:
    """Whether a token is allowed this in one of the scopes; a person's may do everything."""
    granted = permissions_of(token)
    return granted is None or any(_RANK[granted.get(scope, "none")] >= _RANK[level] for scope in scopes)


@contextmanager
def serving_api(repository: str = "octo-org/example") -> Iterator[Api]:
    """An API for as long as the block lasts."""
    api = Api(repository=repository)
    with answering(api.answer) as api.url:
        yield api
