from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from shapemaker_action import cli
from shapemaker_action.invocation import STAGES
from tests.support.consumer import MEAN, write
from tests.unit.aws.wire import IDENTITY, Reply, answering

if TYPE_CHECKING:
    from pathlib import Path

EMPTY_ACCOUNT = Reply(400, '{"__type": "AccessDeniedException", "message": "stop"}')


def aws(word: str) -> Reply:
    return Reply(200, IDENTITY) if word == "GetCallerIdentity" else EMPTY_ACCOUNT


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}.items():
        monkeypatch.setenv(name, value)
    folder = write(tmp_path / "mean", {**MEAN, "shapemaker.yml": MEAN["shapemaker.yml"].replace("NAME", "mean")})
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("stage", [name for name in STAGES if name != "validate"])
def test_no_stage_touches_the_wrong_account(
    stage: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(aws) as wire:
        monkeypatch.setenv("AWS_ENDPOINT_URL", wire.url)
        code = cli.main([f"validate,{stage}", "--set", "aws.account='999999999999'", "--format", "json"])
    document = json.loads(capsys.readouterr().out)
    assert code == 6, document
    assert "of account 111122223333, but aws.account allows only 999999999999" in document["error"]["message"]
    assert [done["stage"] for done in document["stages"]] == ["validate"], "what needs no network comes first"
    assert wire.asked == ["GetCallerIdentity"]


@pytest.mark.usefixtures("repository")
def test_the_right_account_goes_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with answering(aws) as wire:
        monkeypatch.setenv("AWS_ENDPOINT_URL", wire.url)
        assert cli.main(["status", "--set", "aws.account='111122223333'", "--format", "json"]) == 6
    assert wire.asked[0] == "GetCallerIdentity"
    assert len(wire.asked) > 1
    assert "allow sagemaker:" in json.loads(capsys.readouterr().out)["error"]["remedy"]
