from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from shapemaker_action import cli
from tests.support.consumer import MEAN, write
from tests.unit.aws.wire import IDENTITY, Reply, answering

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Invoke = Callable[[Reply], tuple[int, dict[str, Any], int]]

JSON = {"Content-Type": "application/json"}
EXPECTED = '{"predictions": [3.0]}'


def refusal(code: str, status: int, **fields: object) -> Reply:
    body = json.dumps({"Message": f"this is {code}", **fields})
    return Reply(status, body, {**JSON, "x-amzn-ErrorType": code})


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Invoke:
    """Exit code, document and number of requests of `invoke` on an endpoint that answers like this."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.chdir(
        write(tmp_path / "mean", {**MEAN, "shapemaker.yml": MEAN["shapemaker.yml"].replace("NAME", "mean")})
    )

    def run(reply: Reply) -> tuple[int, dict[str, Any], int]:
        with answering(lambda word: Reply(200, IDENTITY) if word == "GetCallerIdentity" else reply) as wire:
            monkeypatch.setenv("AWS_ENDPOINT_URL", wire.url)
            code = cli.main(["invoke", "--region", "eu-west-1", "--environment=", "--format=json"])
        return code, json.loads(capsys.readouterr().out), sum("/invocations" in word for word in wire.asked)

    return run


def test_an_answer_is_an_output(invoke: Invoke) -> None:
    code, document, asked = invoke(Reply(200, EXPECTED, JSON))
    assert (code, asked) == (0, 1)
    assert document["outputs"]["predictions"][0]["answer"] == json.loads(EXPECTED)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (refusal("AccessDeniedException", 403), 6),
        (refusal("ExpiredTokenException", 403), 6),
        (refusal("InternalFailure", 500), 7),
        (refusal("ModelError", 424, OriginalStatusCode=500, OriginalMessage="boom"), 3),
        (refusal("ValidationError", 400), 3),
    ],
)
def test_who_refused_decides_the_exit_code_and_nobody_is_asked_twice(
    reply: Reply, expected: int, invoke: Invoke
) -> None:
    code, document, asked = invoke(reply)
    assert (code, asked) == (expected, 1), document
    assert document["error"]["remedy"]


@pytest.mark.parametrize("body", ["not json", '{"predictions": [NaN]}', '{"predictions": [1e999]}', "[" * 100_000, ""])
def test_an_answer_that_only_says_it_is_json_is_refused_with_its_text(body: str, invoke: Invoke) -> None:
    code, document, _ = invoke(Reply(200, body, JSON))
    assert code == 3, document
    assert document["error"]["kind"] == "InvocationError"
    assert body[:10] in document["error"]["message"]


def test_an_answer_that_is_not_expected_is_still_an_output(invoke: Invoke) -> None:
    code, document, _ = invoke(Reply(200, '{"predictions": [4.0]}', JSON))
    assert code == 3
    assert document["outputs"]["predictions"][0]["answer"] == {"predictions": [4.0]}
    assert "shapemaker rollback --region eu-west-1" in document["error"]["remedy"]
