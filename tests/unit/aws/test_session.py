from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shapemaker_action.aws.classify import Kind
from shapemaker_action.aws.session import Aws, AwsCallError, Target
from shapemaker_action.errors import AccessError, EnvironmentProblemError
from tests.unit.aws.wire import IDENTITY, Reply, answering

if TYPE_CHECKING:
    from pathlib import Path

DENIED = (
    "User: arn:aws:iam::1:user/x is not authorized to perform: sagemaker:CreateModel on resource: "
    "arn:aws:sagemaker:eu-west-1:1:model/m because no identity-based policy allows the sagemaker:CreateModel action"
)


def local(url: str) -> Aws:
    return Aws(Target(region="eu-west-1", endpoint_url=url, access_key="key", secret_key="secret"))


def again(stage: str) -> str:
    return f"./entrypoint {stage} --target local"


def test_a_profile_that_does_not_exist_is_a_question_of_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nope")
    with pytest.raises(AccessError, match="nope") as caught:
        Aws(Target(region="eu-west-1")).call("sts", "GetCallerIdentity")
    assert "--target local" in caught.value.remedy


def test_a_profile_whose_credentials_cannot_be_fetched_is_one_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("[profile sso]\ncredential_process = false\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "sso")
    with pytest.raises(AccessError):
        Aws(Target(region="eu-west-1")).call("sts", "GetCallerIdentity")


@pytest.mark.parametrize("config", ["", "[profile x]\nregion = nowhere\n", "this is no configuration file"])
def test_the_local_target_heeds_no_profile_and_no_file(
    config: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text(config)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "nope")
    with answering(lambda _: Reply(200, IDENTITY)) as wire:
        assert local(wire.url).realm.account == "111122223333"


def test_an_address_that_is_none_is_a_problem_of_this_machine() -> None:
    with pytest.raises(EnvironmentProblemError, match="no address"):
        local("no address").call("sts", "GetCallerIdentity")


def test_an_invocation_is_sent_once_and_other_calls_again() -> None:
    with answering(lambda _: Reply(500, "{}")) as wire:
        with pytest.raises(AwsCallError):
            local(wire.url).call("sagemaker-runtime", "InvokeEndpoint", {"EndpointName": "e", "Body": b"x"})
        assert len(wire.asked) == 1
    replies = iter([Reply(500, "<x/>"), Reply(200, IDENTITY)])
    with answering(lambda _: next(replies)) as wire:
        assert local(wire.url).realm.account == "111122223333"
        assert len(wire.asked) == 2


def test_an_upload_that_aws_refuses_is_no_trouble_with_the_network(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    body = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
    with answering(lambda _: Reply(403, body)) as wire, pytest.raises(AwsCallError) as caught:
        local(wire.url).upload(str(tmp_path / "file"), "bucket", "key")
    assert caught.value.kind is Kind.PERMISSION


def test_a_missing_permission_is_named_with_its_resource() -> None:
    error = AwsCallError("sagemaker", "CreateModel", "AccessDeniedException", DENIED, 400).explain(again)
    assert error.exit_code == 6
    assert "allow sagemaker:CreateModel on arn:aws:sagemaker:eu-west-1:1:model/m to" in error.remedy


def test_a_missing_permission_without_a_text_is_named_by_the_operation() -> None:
    assert "allow s3:HeadBucket to" in AwsCallError("s3", "HeadBucket", "403", "Forbidden", 403).explain(again).remedy


def test_a_remedy_keeps_the_options_of_the_command() -> None:
    error = AwsCallError("sagemaker", "DescribeModel", "ResourceNotFound", "gone {x}", 400).explain(again)
    assert error.remedy.endswith("./entrypoint plan --target local")
