from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shapemaker_action.errors import AccessError, EnvironmentProblemError
from shapemaker_action.events import Secret
from shapemaker_action.github.oidc import ATTEMPTS, TokenSource
from tests.support.oidc_issuer import Issuer, issuing
from tests.unit.aws.wire import Reply, answering

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shapemaker_action.events import Event


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as made:
        yield made


def source(url: str, bearer: str = "right", told: list[Event] | None = None) -> TokenSource:
    environ = {
        "GITHUB_ACTIONS": "true",
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{url}?api-version=2",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": bearer,
    }
    return TokenSource(
        environ=environ, audience="us & them", emit=(told if told is not None else []).append, sleep=lambda _: None
    )


def test_every_call_takes_a_new_token_and_masks_it(issuer: Issuer) -> None:
    told: list[Event] = []
    token = source(issuer.url, issuer.token, told)
    assert [token(), token()] == issuer.issued
    assert told == [Secret(value=each) for each in issuer.issued]
    assert issuer.audiences == ["us & them"] * 2


def test_a_tired_issuer_is_asked_again(issuer: Issuer) -> None:
    issuer.refusals += [503, 429]
    assert source(issuer.url, issuer.token)() == issuer.issued[-1]


def test_an_issuer_that_stays_tired_is_no_question_of_access(issuer: Issuer) -> None:
    issuer.refuse(500)
    with pytest.raises(EnvironmentProblemError, match="HTTP 500"):
        source(issuer.url, issuer.token)()
    assert len(issuer.requests) == ATTEMPTS


@pytest.mark.parametrize("status", [400, 401, 403])
def test_an_issuer_that_refuses_is_asked_once(issuer: Issuer, status: int) -> None:
    issuer.refuse(status)
    with pytest.raises(AccessError) as caught:
        source(issuer.url, issuer.token)()
    assert "id-token: write" in caught.value.remedy
    assert len(issuer.requests) == 1


def test_an_issuer_that_is_not_there_is_a_problem_of_the_network() -> None:
    with pytest.raises(EnvironmentProblemError, match="cannot be reached"):
        source("http://127.0.0.1:1/token")()


def test_the_bearer_goes_nowhere_else() -> None:
    with answering(lambda _: Reply(200, '{"value": "x.y.z"}')) as elsewhere:
        moved = Reply(302, "", {"Location": elsewhere.url})
        with answering(lambda _: moved) as wire, pytest.raises(AccessError, match="302"):
            source(wire.url)()
    assert elsewhere.asked == []


@pytest.mark.parametrize("body", ["", "no json", "[]", "{}", '{"value": ""}', '{"value": 1}'])
def test_an_answer_without_a_token_is_none(body: str) -> None:
    with answering(lambda _: Reply(200, body)) as wire, pytest.raises(AccessError, match="without a token"):
        source(wire.url)()


@pytest.mark.parametrize(("github", "remedy"), [("true", "id-token: write"), ("", "leave --role-to-assume out")])
def test_without_the_variables_the_remedy_is_named(github: str, remedy: str) -> None:
    with pytest.raises(AccessError) as caught:
        TokenSource(environ={"GITHUB_ACTIONS": github}, audience="x", emit=lambda _: None)()
    assert remedy in caught.value.remedy
