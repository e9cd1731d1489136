from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from shapemaker_action.aws import web_identity
from shapemaker_action.aws.session import Aws, Target
from shapemaker_action.aws.wait import Wait, until
from shapemaker_action.aws.web_identity import WebIdentity
from shapemaker_action.errors import (
    AccessError,
    CapacityError,
    DeadlineError,
    EnvironmentProblemError,
    InvalidInputError,
)
from shapemaker_action.events import Secret
from tests.support import sts
from tests.unit.aws.wire import IDENTITY, Reply, answering
from tests.unit.resources.scripted import Time

if TYPE_CHECKING:
    from pathlib import Path

    from shapemaker_action.events import Event

ROLE = "arn:aws:iam::111122223333:role/some/ci"
CLAIMS = {"sub": "repo:a/b:pull_request", "aud": "sts.amazonaws.com", "iss": "https://issuer"}
TOKEN = f"head.{base64.urlsafe_b64encode(json.dumps(CLAIMS).encode()).decode().rstrip('=')}.signature"


def aws(told: list[Event] | None = None, token: str = TOKEN) -> Aws:
    emit = (told if told is not None else []).append
    identity = WebIdentity(role=ROLE, session="run", token=lambda: token, emit=emit)
    return Aws(Target(region="eu-west-1", identity=identity))


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Somebody else's keys, profile and web identity, which the role has nothing to do with."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ROLE_ARN"):
        monkeypatch.setenv(name, "of-somebody-else")
    (tmp_path / "config").write_text("no configuration at all\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "of-somebody-else")
    return monkeypatch


def refusing(code: str, message: str = "no") -> Reply:
    return Reply(403, sts.refusal_document(code, message))


def test_a_session_is_used_until_it_nears_its_end(environment: pytest.MonkeyPatch) -> None:
    account = sts.Account()
    told: list[Event] = []

    def answer(word: str) -> Reply:
        if word == "AssumeRoleWithWebIdentity":
            form = {"WebIdentityToken": f"{TOKEN}{len(account.sessions)}", "RoleSessionName": "run"}
            return Reply(*account.assume(form))
        return Reply(200, IDENTITY)

    with answering(answer) as wire:
        environment.setenv("AWS_ENDPOINT_URL", wire.url)
        mine = aws(told)
        for _ in range(3):
            mine.call("sts", "GetCallerIdentity")
        assert wire.asked.count("AssumeRoleWithWebIdentity") == 1
        (session,) = account.sessions.values()
        assert {Secret(value=each) for each in (session.key, session.secret, session.session_token)} == set(told)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("AccessDenied", "repo:OWNER@ID/NAME@ID"),
        ("InvalidIdentityToken", "OIDC provider"),
        ("ExpiredTokenException", "clock"),
        ("ValidationError", "ARN"),
        ("SomethingNew", "trust policy"),
    ],
)
def test_a_refusal_says_what_the_token_says(code: str, remedy: str, environment: pytest.MonkeyPatch) -> None:
    with answering(lambda _: refusing(code)) as wire:
        environment.setenv("AWS_ENDPOINT_URL", wire.url)
        with pytest.raises(AccessError) as caught:
            aws().call("sts", "GetCallerIdentity")
    for claim in CLAIMS.values():
        assert json.dumps(claim) in caught.value.message
    assert "signature" not in caught.value.message
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("token", ["xxxx", "a.!!.c", "a.W10.c", "a.bm8.c"])
def test_a_token_that_cannot_be_read_is_no_reason_to_fall(token: str, environment: pytest.MonkeyPatch) -> None:
    with answering(lambda _: refusing("AccessDenied")) as wire:
        environment.setenv("AWS_ENDPOINT_URL", wire.url)
        with pytest.raises(AccessError, match="cannot be read"):
            aws(token=token).call("sts", "GetCallerIdentity")


def test_a_busy_sts_is_no_question_of_access(environment: pytest.MonkeyPatch) -> None:
    with answering(lambda _: refusing("Throttling")) as wire:
        environment.setenv("AWS_ENDPOINT_URL", wire.url)
        with pytest.raises(CapacityError):
            aws().call("sts", "GetCallerIdentity")


def test_an_sts_that_is_not_there_is_a_problem_of_the_network(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
    with pytest.raises(EnvironmentProblemError, match="STS in eu-west-1"):
        aws().call("s3", "ListBuckets")


def test_a_wait_whose_credentials_end_leaves_the_work_to_itself() -> None:
    def refused() -> str:
        raise AccessError("no more", remedy="ask somebody")

    wait = Wait(subject="training job x", deadline=60, remedy="wait on with: shapemaker train")
    with pytest.raises(DeadlineError) as caught:
        until(wait, refused, bool, str, clock=Time().clock, emit=lambda _: None)
    assert caught.value.exit_code == 9
    assert "goes on" in caught.value.state
    assert "wait on with: shapemaker train" in caught.value.remedy


@pytest.mark.parametrize(
    ("role", "audience"),
    [
        ("arn:aws:iam::111122223333:role/x", "sts.amazonaws.com"),
        ("arn:aws-us-gov:iam::111122223333:role/path/x", "sts.amazonaws.com"),
        ("arn:aws-cn:iam::111122223333:role/x", "sts.amazonaws.com.cn"),
    ],
)
def test_the_audience_is_that_of_the_partition(role: str, audience: str) -> None:
    assert web_identity.audience_of(role) == audience


@pytest.mark.parametrize(
    "role", ["x", "arn:aws:iam::1:role/x", "arn:aws:iam::111122223333:user/x", "arn:aws:iam::111122223333:role/x\n"]
)
def test_what_is_no_role_is_refused_by_name(role: str) -> None:
    with pytest.raises(InvalidInputError, match="no ARN of a role"):
        web_identity.audience_of(role)


def test_the_name_of_a_session_is_one_that_sts_takes() -> None:
    assert web_identity.session_name("shapemaker-1 2/3") == "shapemaker-1-2-3"
    assert len(web_identity.session_name("x" * 100)) == 64
