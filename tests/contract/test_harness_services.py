"""The local REST API and OIDC issuer, asked by jobs as the real ones are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.github_api import serving_api
from tests.support.github_runner import Event, Oidc, Runner
from tests.support.oidc_issuer import issuing

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs("node", "npm")

ASK = """\
import json, os, sys, urllib.request, urllib.error
def call(method, path, document=None):
    request = urllib.request.Request(
        os.environ["GITHUB_API_URL"] + path, method=method, data=document and json.dumps(document).encode(),
        headers={"Authorization": "Bearer " + os.environ["TOKEN"]})
    try:
        with urllib.request.urlopen(request) as answer:
            print(method, path, answer.status, len(json.load(answer)), answer.headers.get("Link", "no link"))
    except urllib.error.HTTPError as error:
        print(method, path, error.code, json.load(error)["message"])
"""
COMMENT = f"""{ASK}
call("GET", "/repos/octo-org/example/issues/7/comments?per_page=100&page=1")
call("POST", "/repos/octo-org/example/issues/7/comments", {{"body": "hello"}})
call("GET", "/user")
"""
IDENTITY = """\
import json, os, urllib.request, urllib.error
if "ACTIONS_ID_TOKEN_REQUEST_URL" not in os.environ:
    raise SystemExit("no identity")
request = urllib.request.Request(
    os.environ["ACTIONS_ID_TOKEN_REQUEST_URL"] + "&audience=sts.amazonaws.com",
    headers={"Authorization": "Bearer " + os.environ["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]})
try:
    print("token:", json.load(urllib.request.urlopen(request))["value"][:10])
except urllib.error.HTTPError as error:
    print("refused:", error.code)
"""
TOKEN = {"TOKEN": "${{ github.token }}"}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    return folder


def test_a_job_may_comment_only_with_the_permission(repository: Path, tmp_path: Path) -> None:
    with serving_api() as api:
        for number in range(101):
            api.seed(7, f"comment {number}", "octo-dev")
        for permissions in ({"pull-requests": "write"}, {"pull-requests": "read"}, {}):
            runner = Runner(repository=repository, work=tmp_path / "work", api=api.url)
            step = {"id": "ask", "shell": "python3 {0}", "run": COMMENT, "env": TOKEN}
            run = runner.steps(step, permissions=permissions)
            written = "201" if permissions.get("pull-requests") == "write" else "403 Resource not accessible"
            assert f"POST /repos/octo-org/example/issues/7/comments {written}" in run.log, run
            assert "GET /user 403" in run.log
        assert [each["body"] for each in api.comments[7]].count("hello") == 1
        assert api.comments[7][-1]["user"]["login"] == "github-actions[bot]"
        assert len(api.writes) == 3


@pytest.mark.parametrize("name", ["pull_request_fork", "pull_request_dependabot"])
def test_an_untrusted_pull_request_gets_neither_secrets_nor_identity_nor_a_token_that_writes(
    name: str, repository: Path, tmp_path: Path
) -> None:
    with serving_api() as api, issuing() as issuer:
        runner = Runner(
            repository=repository,
            work=tmp_path / "work",
            event=Event.recorded(name),
            secrets={"PASSWORD": "a-secret-value"},
            api=api.url,
            oidc=Oidc(url=issuer.url, token=issuer.token),
        )
        run = runner.steps(
            {"shell": "python3 {0}", "run": COMMENT, "env": TOKEN},
            {"shell": "python3 {0}", "run": IDENTITY, "continue-on-error": True},
            {"run": 'echo "password=[$PASSWORD]"', "env": {"PASSWORD": "${{ secrets.PASSWORD }}"}},
            permissions={"contents": "write", "pull-requests": "write", "id-token": "write"},
        )
    job = run.job("job")
    assert run.untrusted in name
    assert job.permissions == {"contents": "read", "pull-requests": "read"}
    assert "no identity" in run.log, run
    assert "password=[]" in run.log
    assert not api.comments.get(7)
    assert not issuer.requests


def test_the_identity_of_a_job_says_where_it_comes_from(repository: Path, tmp_path: Path) -> None:
    with issuing() as issuer:
        asked = {"id": "ask", "shell": "python3 {0}", "run": IDENTITY, "continue-on-error": True}
        for event, more, subject in (
            ("push", {}, "repo:octo-org/example:ref:refs/heads/main"),
            ("push", {"environment": "production"}, "repo:octo-org/example:environment:production"),
            ("pull_request", {}, "repo:octo-org/example:pull_request"),
        ):
            runner = Runner(
                repository=repository,
                work=tmp_path / "work",
                event=Event.recorded(event),
                oidc=Oidc(url=issuer.url, token=issuer.token),
            )
            run = runner.steps(asked, permissions={"id-token": "write"}, **more)
            assert "token: " in run.log, run
            assert (issuer.claims[-1]["sub"], issuer.claims[-1]["aud"]) == (subject, "sts.amazonaws.com")
            assert "no identity" in runner.steps(asked, permissions={"contents": "read"}, **more).log
        issuer.refuse(403)
        assert "refused: 403" in runner.steps(asked, permissions={"id-token": "write"}).log
