"""The role of the job: assumed by its own OIDC token, renewed for as long as the work takes, and told to nobody."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.consumer import MEAN, Consumer, write
from tests.support.local_service import serving
from tests.support.oidc_issuer import Issuer, issuing
from tests.support.sts import ROLE, Account, account

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shapemaker_action.local.lifecycle import LocalService

SLOW = MEAN["meanpkg/model.py"].replace(
    "        values = [", "        import time; time.sleep(float(shift) * 1000)\n        values = [", 1
)
"""A thousandth of a shift takes a second."""
SUBJECT = '{"sub": "repo:someone/model:ref:refs/heads/main"}'


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    with serving(tmp_path_factory.mktemp("account"), engine="process") as running:
        yield running


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as made:
        yield made


@pytest.fixture
def cloud(service: LocalService) -> Iterator[Account]:
    with account(service) as made:
        yield made


@pytest.fixture
def job(
    tmp_path: Path, service: LocalService, cloud: Account, issuer: Issuer, request: pytest.FixtureRequest
) -> Consumer:
    """A repository whose account is reached by the role alone, in the environment of a job."""
    name = f"mean{abs(hash(request.node.name)) % 10**6}"
    files = {**MEAN, "meanpkg/model.py": SLOW, "shapemaker.yml": MEAN["shapemaker.yml"].replace("NAME", name)}
    environ = {
        "AWS_ENDPOINT_URL": cloud.url,
        # Somebody else's, and no good: the role has nothing to do with them.
        "AWS_ACCESS_KEY_ID": "AKIASOMEBODYELSE",
        "AWS_SECRET_ACCESS_KEY": "somebody-elses",
        "GITHUB_ACTIONS": "true",
        "GITHUB_RUN_ID": "4711",
        "GITHUB_RUN_ATTEMPT": "2",
        "GITHUB_EVENT_NAME": "push",
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{issuer.url}?claims={SUBJECT.replace(' ', '%20')}",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": issuer.token,
        "GITHUB_OUTPUT": str(tmp_path / "outputs"),
        "GITHUB_ENV": str(tmp_path / "env"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }
    return Consumer(folder=write(tmp_path / "mean", files), state=service.state, name=name, environ=environ)


def seconds(training: float) -> tuple[str, ...]:
    return ("--set", f"train.hyperparameters.shift={training / 1000}")


def test_a_wait_longer_than_the_session_ends_well(job: Consumer, cloud: Account, issuer: Issuer) -> None:
    cloud.life = 2
    done = job.run("provision,build,train", "--role-to-assume", ROLE, "--format", "json", *seconds(8))
    assert done.code == 0, done
    assert not cloud.expired
    used = {word.partition(":")[0] for word in cloud.asked}
    assert used == set(cloud.sessions), "no other key was ever used, and every session was for something"
    assert len(cloud.sessions) > 3
    assert len(set(issuer.issued)) == len(cloud.sessions), "each renewal takes a token of its own"
    assert set(issuer.audiences) == {"sts.amazonaws.com"}
    assert {session.name for session in cloud.sessions.values()} == {"shapemaker-4711-2"}
