"""The role of the job: assumed by its own OIDC token, renewed for as long as the work takes, and told to nobody."""

from __future__ import annotations

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
    assert_kept_secret(job, cloud, issuer, done.stdout, done.stderr)


def assert_kept_secret(job: Consumer, cloud: Account, issuer: Issuer, stdout: str, stderr: str) -> None:
    """Everything that was handed to us was masked first and shown nowhere; later steps get nothing."""
    lines = [line for line in (stdout + stderr).splitlines() if not line.startswith("::add-mask::")]
    masked = {line.removeprefix("::add-mask::") for line in (stdout + stderr).splitlines()} - set(lines)
    keys = [
        each for session in cloud.sessions.values() for each in (session.key, session.secret, session.session_token)
    ]
    for secret in [*issuer.issued, *keys]:
        assert secret in masked
        assert not [line for line in lines if secret in line]
    for variable in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY"):
        file = job.folder.parent / job.environ[variable].rpartition("/")[2]
        written = file.read_text() if file.exists() else ""
        assert not [secret for secret in [*issuer.issued, *keys, issuer.token] if secret in written]
    assert not (job.folder.parent / "env").exists()


def test_a_renewal_that_is_refused_leaves_the_job_running(job: Consumer, cloud: Account) -> None:
    cloud.life = 2

    def refuse_when_it_trains(word: str) -> None:
        if word == "CreateTrainingJob":
            cloud.refusals.append(("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"))

    cloud.before = refuse_when_it_trains
    command = ("provision,build,train", "--role-to-assume", ROLE, "--format", "json", *seconds(10))
    done = job.run(*command)
    assert done.code == 9, done
    error = done.document["error"]
    assert "cannot be looked at any more" in error["message"]
    assert "it goes on" in error["state"]
    assert "shapemaker train" in error["remedy"]
    assert "Traceback" not in done.stderr
    assert not [word for word in cloud.asked if ":Stop" in word]
    (running,) = job.client("sagemaker").list_training_jobs(NameContains=job.name)["TrainingJobSummaries"]
    assert running["TrainingJobStatus"] in {"InProgress", "Completed"}
    cloud.refusals.clear()
    again = job.run(*command)
    assert again.code == 0, again
    assert again.outputs["training-job"] == running["TrainingJobName"]


def test_a_role_that_is_refused_at_the_start_is_a_question_of_access(job: Consumer, cloud: Account) -> None:
    cloud.refusals.append(("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"))
    done = job.run("plan", "--role-to-assume", ROLE, "--format", "json")
    assert done.code == 6, done
    error = done.document["error"]
    assert 'sub "repo:someone/model:ref:refs/heads/main"' in error["message"]
    assert "trust policy" in error["remedy"]
    assert "repo:OWNER@ID/NAME@ID" in error["remedy"]
    assert cloud.asked == []


def test_a_job_without_the_permission_is_told_which(job: Consumer, cloud: Account) -> None:
    bare = {name: value for name, value in job.environ.items() if not name.startswith("ACTIONS_")}
    done = replace(job, environ=bare).run("plan", "--role-to-assume", ROLE, "--format", "json")
    assert done.code == 6, done
    assert "id-token: write" in done.document["error"]["remedy"]
    assert "fork" in done.document["error"]["remedy"]
    assert cloud.asked == []


def test_an_issuer_that_refuses_ends_before_anything_is_asked(job: Consumer, cloud: Account, issuer: Issuer) -> None:
    issuer.refuse(403)
    done = job.run("plan", "--role-to-assume", ROLE, "--format", "json")
    assert done.code == 6, done
    assert "HTTP 403" in done.document["error"]["message"]
    assert issuer.token not in done.stdout + done.stderr
    assert cloud.asked == []


def test_keys_that_never_expire_get_a_word_of_advice(job: Consumer, cloud: Account) -> None:
    done = job.run("status", "--format", "json")
    assert done.code == 6, done
    assert "role-to-assume" in done.stderr
    assert "id-token: write" in done.stderr
    assert cloud.sessions == {}
