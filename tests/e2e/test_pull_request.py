"""Pull requests: code of strangers runs the whole lifecycle, and the account never hears of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.consumer import MEAN, Consumer, write
from tests.unit.aws.wire import Reply, Wire, answering

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDED = Path(__file__).parents[1] / "harness" / "events"
REMOTE = {
    "channels: {train: data/train}": "channels: {train: {source: 's3://secret-bucket/train/', sample: data/train}}",
    "channels: {test: data/test}": "channels: {test: {source: 's3://secret-bucket/test/', sample: data/test}}",
}


@pytest.fixture
def account() -> Iterator[Wire]:
    """Whatever reaches it is one call too many."""
    with answering(lambda _: Reply(500, "{}")) as wire:
        yield wire


@pytest.fixture
def job(tmp_path: Path, shared_state: Path, account: Wire) -> Consumer:
    """A job whose environment is full of credentials, as of a self-hosted runner; its data are in S3."""
    name = f"pr{abs(hash(str(tmp_path))) % 10**6}"
    text = MEAN["shapemaker.yml"].replace("NAME", name) + "aws: {account: '111122223333'}\n"
    text = text.replace("aws: {region: eu-west-1}\n", "").replace("account:", "region: eu-west-1, account:")
    for ours, remote in REMOTE.items():
        text = text.replace(ours, remote)
    environ = {
        "AWS_ENDPOINT_URL": account.url,
        "AWS_ENDPOINT_URL_STS": account.url,
        "AWS_ACCESS_KEY_ID": "AKIAOFTHERUNNER",
        "AWS_SECRET_ACCESS_KEY": "canary-of-the-runner",
        "AWS_SESSION_TOKEN": "canary-of-the-session",
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{account.url}/token?x=1",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "canary-of-the-issuer",
        "ACTIONS_RUNTIME_TOKEN": "canary-of-the-runtime",
        "SHAPEMAKER_INPUT_GITHUB_TOKEN": "canary-of-github",
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": account.url,
        "GITHUB_OUTPUT": str(tmp_path / "outputs"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }
    return Consumer(
        folder=write(tmp_path / "mean", {**MEAN, "shapemaker.yml": text}),
        state=shared_state,
        name=name,
        environ=environ,
    )


def on(job: Consumer, event: str, **more: str) -> Consumer:
    recorded = json.loads((RECORDED / f"{event}.json").read_text())
    path = job.folder.parent / "event.json"
    path.write_text(json.dumps(recorded["event"]))
    github = {
        "GITHUB_EVENT_NAME": recorded["event_name"],
        "GITHUB_EVENT_PATH": str(path),
        "GITHUB_ACTOR": recorded["actor"],
        "GITHUB_REPOSITORY": "octo-org/example",
    }
    return replace(job, environ={**job.environ, **github, **more})


@pytest.mark.parametrize("event", ["pull_request_fork", "pull_request_dependabot"])
def test_code_of_strangers_is_served_without_a_word_to_the_account(job: Consumer, account: Wire, event: str) -> None:
    inputs = {
        "SHAPEMAKER_INPUT_STAGE": "plan,build",
        "SHAPEMAKER_INPUT_ROLE_TO_ASSUME": "arn:aws:iam::111122223333:role/ci",
        "SHAPEMAKER_INPUT_FORMAT": "json",
    }
    done = on(job, event, **inputs).run()
    assert done.code == 0, done
    assert done.document["target"] == "local"
    assert [each["stage"] for each in done.document["stages"]][-1] == "invoke"
    assert [each["answer"] for each in done.outputs["predictions"]] == [{"predictions": [3.0]}]
    assert account.asked == []
    assert "gets no credentials" in done.stderr
    said = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("::add-mask::")]
    assert not [line for line in said if "canary" in line]


def test_the_server_that_runs_code_of_strangers_has_no_credentials(job: Consumer, tmp_path: Path) -> None:
    apart = replace(on(job, "pull_request_fork"), state=tmp_path / "state")
    try:
        assert apart.run("status", "--target", "local").code == 0
        pid = json.loads((apart.state / "service.json").read_text())["pid"]
        assert b"canary" not in Path(f"/proc/{pid}/environ").read_bytes()
    finally:
        apart.close()


def test_a_pull_request_of_ours_asks_the_account(job: Consumer, account: Wire) -> None:
    done = on(job, "pull_request").run("plan")
    assert done.code != 0
    assert account.asked


@pytest.mark.parametrize("event", ["pull_request_target", "issue_comment"])
def test_secrets_and_code_of_strangers_are_kept_apart(job: Consumer, account: Wire, event: str) -> None:
    done = on(job, event).run("run", "--format", "json")
    assert done.code == 3, done
    assert event in done.document["error"]["message"]
    assert "on: pull_request" in done.document["error"]["remedy"]
    assert account.asked == []


def test_data_that_are_nowhere_are_missed_before_anything_runs(job: Consumer) -> None:
    text = (job.folder / "shapemaker.yml").read_text().replace(", sample: data/train", "")
    (job.folder / "shapemaker.yml").write_text(text)
    error = on(job, "pull_request_fork").fail("run", code=2).document["error"]
    assert "s3://secret-bucket/train/" in error["message"]
    assert "channels.train.sample" in error["remedy"]
