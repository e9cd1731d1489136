"""The comment on a pull request, against a stand-in for GitHub's REST API."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from shapemaker_action.errors import CancelledError, ShapemakerError
from shapemaker_action.github import TOKEN
from shapemaker_action.github.api import Api as Client
from shapemaker_action.github.api import ApiError
from shapemaker_action.outcome import Outcome
from shapemaker_action.report import comment
from shapemaker_action.report.github import GithubReporter
from shapemaker_action.report.result import Result, Run, StageResult
from shapemaker_action.report.text import TextReporter
from tests.support.github_api import JOB, Api, serving_api
from tests.support.github_runner import TOKEN_KEY
from tests.support.http_server import Answer, answering
from tests.support.runner_commands import StepLog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.http_server import Request

PERSON = "ghp_of_a_person"
NUMBER = 7
RUN = Run(words=("plan",), configs=("shapemaker.yml",))


@pytest.fixture
def api() -> Iterator[Api]:
    with serving_api() as served:
        served.people[PERSON] = "octocat"
        yield served


class Job:
    """A job of a pull request, as its variables and its payload tell it."""

    def __init__(self, folder: Path, api: Api) -> None:
        self.payload: dict[str, Any] = {
            "pull_request": {
                "number": NUMBER,
                "head": {"ref": "better", "repo": {"full_name": api.repository}},
                "base": {"ref": "main", "sha": "a" * 40},
                "user": {"login": "octocat"},
            }
        }
        self.event = folder / "event.json"
        self.environ = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": api.url,
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_REPOSITORY": api.repository,
            "GITHUB_RUN_ID": "1",
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(self.event),
            "GITHUB_ACTOR": "octocat",
            TOKEN: PERSON,
        }

    def end(self, result: Result) -> list[str]:
        """The warnings of a run that ends like this."""
        self.event.write_text(json.dumps(self.payload))
        stream = io.StringIO()
        inner = TextReporter(out=stream, err=stream)
        GithubReporter(inner=inner, environ=self.environ, commands=stream).finish(result)
        assert PERSON not in stream.getvalue()
        return [command.data for command in StepLog().read(stream.getvalue()).named("warning")]


@pytest.fixture
def job(tmp_path: Path, api: Api) -> Job:
    return Job(tmp_path, api)


def token_of_job(**permissions: str) -> str:
    said = json.dumps({"key": TOKEN_KEY, "permissions": permissions})
    return f"ghs_{base64.urlsafe_b64encode(said.encode()).decode()}"


def planned(run: Run = RUN) -> Result:
    return Result(run=run, stages=[StageResult(stage="plan", seconds=1, outcome=Outcome(applied=False))])


def bodies(api: Api) -> list[str]:
    return [each["body"] for each in api.comments.get(NUMBER, [])]


def test_it_is_made_once_left_alone_when_nothing_changed_and_updated_in_place(job: Job, api: Api) -> None:
    assert job.end(planned()) == []
    assert job.end(planned()) == []
    assert [request.method for request in api.writes] == ["POST"]
    (first,) = bodies(api)
    assert first.startswith("<!-- shapemaker: shapemaker.yml default -->\n")
    job.environ["GITHUB_RUN_ID"] = "2"
    assert job.end(planned()) == []
    assert [request.method for request in api.writes] == ["POST", "PATCH"]
    (second,) = bodies(api)
    assert "/actions/runs/2" in second


def test_each_configuration_and_environment_has_its_own(job: Job, api: Api) -> None:
    for directory, environment in (("", ""), ("", "production"), ("models/a", "")):
        run = Run(words=("plan",), configs=("shapemaker.yml",), directory=directory, environment=environment)
        job.end(planned(run))
    assert [body.splitlines()[0] for body in bodies(api)] == [
        "<!-- shapemaker: shapemaker.yml default -->",
        "<!-- shapemaker: shapemaker.yml production -->",
        "<!-- shapemaker: models/a/shapemaker.yml default -->",
    ]


def test_a_comment_of_somebody_else_with_our_first_line_is_not_touched(job: Job, api: Api) -> None:
    forged = f"{comment.marker(RUN)}\nall is well"
    api.seed(NUMBER, forged, "mallory")
    job.end(planned())
    assert bodies(api)[0] == forged
    assert len(bodies(api)) == 2


def test_a_comment_of_ours_that_only_quotes_the_line_is_not_touched(job: Job, api: Api) -> None:
    api.seed(NUMBER, f"as said: {comment.marker(RUN)}", "octocat")
    job.end(planned())
    assert [request.method for request in api.writes] == ["POST"]


def test_it_is_found_behind_hundreds_of_others(job: Job, api: Api) -> None:
    for number in range(250):
        api.seed(NUMBER, f"comment {number}", "somebody")
    api.seed(NUMBER, comment.marker(RUN), "octocat")
    job.end(planned())
    assert [request.method for request in api.writes] == ["PATCH"]


def forked(job: Job) -> None:
    job.payload["pull_request"]["head"]["repo"]["full_name"] = "mallory/example"


def dependabot(job: Job) -> None:
    job.payload["pull_request"]["user"]["login"] = "dependabot[bot]"


def pushed(job: Job) -> None:
    job.environ["GITHUB_EVENT_NAME"] = "push"
    del job.payload["pull_request"]


def without_token(job: Job) -> None:
    job.environ[TOKEN] = ""


@pytest.mark.parametrize("change", [forked, dependabot, pushed, without_token])
def test_there_is_none_where_there_should_be_none(change: Any, job: Job, api: Api) -> None:
    change(job)
    assert job.end(planned()) == []
    assert api.requests == []


@pytest.mark.parametrize(("variable", "value"), [("GITHUB_RUN_ID", "2"), ("GITHUB_RUN_ATTEMPT", "2")])
def test_what_failed_in_one_run_is_over_in_the_next(variable: str, value: str, job: Job, api: Api) -> None:
    job.environ["GITHUB_RUN_ATTEMPT"] = "1"
    job.end(Result(run=RUN, error=ShapemakerError("no image", state="nothing was changed")))
    job.environ[variable] = value
    job.end(built())
    assert [request.method for request in api.writes] == ["POST", "PATCH"]
    (body,) = bodies(api)
    assert "no image" not in body


def test_a_step_that_only_builds_keeps_the_plan_of_the_step_before_it(job: Job, api: Api) -> None:
    job.end(planned())
    before = bodies(api)
    job.end(built())
    assert bodies(api) == before


def built() -> Result:
    return Result(run=RUN, stages=[StageResult(stage="build", seconds=1, outcome=Outcome())])


def test_a_cancelled_and_an_unwanted_run_say_nothing_and_an_irrelevant_one_makes_no_comment(job: Job, api: Api) -> None:
    cancelled = planned()
    cancelled.error = CancelledError("cancelled")
    job.end(cancelled)
    job.end(planned(Run(configs=("shapemaker.yml",), comment=False)))
    assert api.requests == []
    job.end(built())
    assert api.writes == []


def test_a_failure_is_told(job: Job, api: Api) -> None:
    job.end(Result(run=RUN, error=ShapemakerError("no image", state="nothing was changed")))
    assert "no image" in bodies(api)[0]


@pytest.mark.parametrize("status", [502, 429])
def test_a_stumble_is_waited_out(status: int, job: Job, api: Api) -> None:
    api.refusals += [status]
    assert job.end(planned()) == []
    assert len(bodies(api)) == 1


def client(url: str) -> Client:
    seconds = [0.0]

    def sleep(pause: float) -> None:
        seconds[0] += pause

    return Client(url=url, token=PERSON, now=lambda: seconds[0], sleep=sleep)


def test_an_api_that_never_recovers_is_given_up_in_time(api: Api) -> None:
    api.refusals += [503] * 100
    patient = client(api.url)
    with pytest.raises(ApiError, match="503"):
        patient.patiently(lambda: patient.get("/user"))
    assert patient.now() <= 10


def test_the_token_follows_no_redirect(api: Api) -> None:
    def redirect(_: Request) -> Answer:
        return Answer(status=302, document={}, headers={"Location": f"{api.url}/user"})

    with answering(redirect) as url, pytest.raises(ApiError, match="302"):
        client(url).get("/user")
    assert api.requests == []


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "http://127.0.0.1:1"])
def test_an_api_that_is_not_there_is_a_warning(url: str, job: Job) -> None:
    job.environ["GITHUB_API_URL"] = url or "gopher://x"
    (warning,) = job.end(planned())
    assert warning.startswith("the pull request got no comment: ")


def test_a_jobs_own_token_is_the_bots(job: Job, api: Api) -> None:
    theirs = api.seed(NUMBER, comment.marker(RUN), "octocat")
    job.environ[TOKEN] = token_of_job(**{"pull-requests": "write"})
    job.end(planned())
    job.environ["GITHUB_RUN_ID"] = "2"
    job.end(planned())
    assert [request.method for request in api.writes] == ["POST", "PATCH"]
    assert [each["user"]["login"] for each in api.comments[NUMBER]] == ["octocat", JOB]
    assert bodies(api)[0] == theirs["body"]


def test_an_apps_token_finds_the_apps_own_comment(job: Job, api: Api) -> None:
    api.apps["of_an_app"] = "octo-app[bot]"
    job.environ[TOKEN] = "of_an_app"
    api.seed(NUMBER, comment.marker(RUN), JOB)
    for run in ("2", "3"):
        job.environ["GITHUB_RUN_ID"] = run
        job.end(planned())
    assert [request.method for request in api.writes] == ["POST", "PATCH"]
    assert [each["user"]["login"] for each in api.comments[NUMBER]] == [JOB, "octo-app[bot]"]


def test_graphql_of_an_enterprise_server_is_beside_its_rest() -> None:
    asked: list[str] = []

    def answer(request: Request) -> Answer:
        asked.append(request.path)
        return Answer(document={})

    with answering(answer) as url:
        client(f"{url}/api/v3/").graphql("{ viewer { login } }")
        client(url).graphql("{ viewer { login } }")
    assert asked == ["/api/graphql", "/graphql"]


def test_a_token_that_may_only_read_gets_a_warning_that_names_the_permission(job: Job, api: Api) -> None:
    job.environ[TOKEN] = token_of_job(**{"pull-requests": "read"})
    (warning,) = job.end(planned())
    assert warning.endswith("was answered with 403 Forbidden; the job needs permissions: {pull-requests: write}")
    assert bodies(api) == []
