"""What must never be taken away: other endpoints, other environments, the way back, the gate's word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.consumer import Consumer

ONE = ("--set", "invoke.requests=[requests/one.json]")


def shift(value: float) -> tuple[str, ...]:
    return ("--set", f"train.hyperparameters.shift={value}", *ONE)


def configs(consumer: Consumer) -> set[str]:
    listed = consumer.client("sagemaker").list_endpoint_configs(NameContains=f"{consumer.name}-config-", MaxResults=100)
    return {config["EndpointConfigName"] for config in listed["EndpointConfigs"]}


def test_a_second_endpoint_keeps_what_it_serves(mean: Consumer) -> None:
    other = mean.do("run", "--set", f"deploy.endpoint={mean.name}-other").outputs
    for step in range(4):
        mean.do("run", "--set", "deploy.keep=1", *shift(step / 10))
    assert other["endpoint-config"] in configs(mean)
    assert mean.do("invoke", "--set", f"deploy.endpoint={mean.name}-other").outputs["predictions"]
    mean.do("delete")
    assert configs(mean) == set()
    assert mean.client("sagemaker").list_endpoints(NameContains=mean.name)["Endpoints"] == []


def test_generations_beyond_keep_are_in_the_plan_and_go(mean: Consumer) -> None:
    for step in range(4):
        mean.do("run", "--set", "deploy.keep=9", *shift(step / 10))
    assert len(configs(mean)) == 4
    planned = mean.do("plan", "--set", "deploy.keep=2", *shift(0.3)).changes
    assert planned == [("delete", "endpoint configuration")] * 2 + [("delete", "model")] * 2
    assert mean.do("deploy", "--set", "deploy.keep=2", *shift(0.3)).changes == planned
    assert len(configs(mean)) == 2
    mean.do("rollback", *shift(0.3))


def test_environments_do_not_take_over_each_others_endpoint(mean: Consumer) -> None:
    with (mean.folder / "shapemaker.yml").open("a") as file:
        file.write(f"deploy: {{endpoint: {mean.name}-fixed}}\nenvironments: {{dev: {{}}}}\n")
    mean.do("run")
    for stage in ("plan", "run", "delete"):
        refused = mean.fail(stage, "--environment", "dev", code=10)
        assert "environment 'default' of this project" in refused.document["error"]["message"]


def test_what_environments_share_goes_with_the_last_one(mean: Consumer) -> None:
    with (mean.folder / "shapemaker.yml").open("a") as file:
        file.write("environments: {dev: {}}\n")
    mean.do("run")
    mean.do("run", "--environment", "dev")
    refused = mean.fail("delete", "--everything", "--environment", "dev", code=10)
    assert "environment 'default' still has" in refused.document["error"]["message"]
    assert mean.do("invoke", "--environment", "dev").outputs["predictions"]


def test_the_gate_is_remembered(mean: Consumer) -> None:
    mean.do("run")
    mean.fail("run", *shift(3.9), code=3)
    refused = mean.fail("deploy", *shift(3.9), code=3)
    assert "has not passed the quality gate" in refused.document["error"]["message"]
    elsewhere = mean.do("deploy", *shift(7))
    assert elsewhere.outputs["training-job"] == mean.do("train").outputs["training-job"]
    assert mean.do("deploy", "--force", *shift(3.9)).changes


def test_new_test_data_ask_for_a_new_verdict(mean: Consumer) -> None:
    mean.do("run")
    (mean.folder / "data" / "test" / "values.csv").write_text("90\n")
    mean.fail("deploy", code=3)
    mean.fail("evaluate", code=3)


def test_a_model_of_unknown_quality_in_service_is_no_measure(mean: Consumer) -> None:
    bucket, _, key = mean.do("run").outputs["model-data"].removeprefix("s3://").partition("/")
    source = {"Bucket": bucket, "Key": key}
    mean.client("s3").copy_object(Bucket=bucket, Key="by-hand/model.tar.gz", CopySource=source)
    mean.do("deploy", "--model-data", f"s3://{bucket}/by-hand/model.tar.gz")
    refused = mean.fail("run", *shift(0.1), code=3)
    assert "metrics cannot be had" in refused.document["error"]["message"]
    mean.do("run", "--force", *shift(0.1))
    mean.do("run", *shift(0.2))


def test_an_experiment_is_not_deployed_by_itself(mean: Consumer) -> None:
    mean.do("provision,build")
    mean.fail("train,deploy", "--experimental", code=2)


@pytest.mark.parametrize(("stage", "missing"), [("build", "RepositoryNotFound"), ("train", "NoSuchBucket")])
def test_what_is_not_provisioned_yet_is_said_before_anything_is_made(mean: Consumer, stage: str, missing: str) -> None:
    error = mean.fail(stage, code=10).document["error"]
    assert missing in error["message"]
    assert "provision" in error["remedy"]


def test_after_a_failed_rollout_the_way_back_is_what_served_before(mean: Consumer) -> None:
    first = mean.do("run").outputs["endpoint-config"]
    second = mean.do("run", *shift(0.1)).outputs["endpoint-config"]
    model = mean.folder / "meanpkg" / "model.py"
    good = model.read_text()
    model.write_text(good.replace("self.mean = json.loads", "raise KeyError('x')\n        self.mean = json.loads"))
    mean.fail("run", "--set", "evaluate.enabled=false", *shift(0.2), code=4)
    model.write_text(good)
    assert mean.do("status").outputs["endpoint-config"] == second
    assert mean.do("rollback").outputs["endpoint-config"] == first
