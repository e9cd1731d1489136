"""An endpoint with many models: deployed by the mode of its container, asked by the names of archives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.support.consumer import serve_many
from tests.support.sagemaker import refusal

if TYPE_CHECKING:
    from tests.support.consumer import Consumer


def ask(consumer: Consumer, target: str) -> list[float]:
    reply = consumer.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=consumer.name, ContentType="application/json", Body=b'{"instances": [1]}', TargetModel=target
    )
    predictions: list[float] = json.load(reply["Body"])["predictions"]
    return predictions


def test_a_trained_model_is_one_of_those_below_its_prefix(mean: Consumer) -> None:
    serve_many(mean)
    done = mean.do("run")
    assert done.outputs["predictions"][0]["answer"] == {"predictions": [3.0]}
    sagemaker = mean.client("sagemaker")
    container = sagemaker.describe_model(ModelName=done.outputs["model-name"])["PrimaryContainer"]
    assert container["Mode"] == "MultiModel"
    assert done.outputs["model-data"] == container["ModelDataUrl"] + "model.tar.gz"
    assert mean.do("run").changes == []


def test_models_of_a_prefix_are_loaded_when_they_are_asked_for(mean: Consumer) -> None:
    serve_many(mean, target="berlin.tar.gz")
    keys = {}
    for city, shift in (("berlin", 0.0), ("paris", 1.5)):
        trained = mean.do("provision,build,train", "--set", f"train.hyperparameters.shift={shift}")
        bucket, _, key = trained.outputs["model-data"].removeprefix("s3://").partition("/")
        keys[city] = key
    s3 = mean.client("s3")
    for city, key in keys.items():
        s3.copy_object(Bucket=bucket, Key=f"cities/{city}.tar.gz", CopySource={"Bucket": bucket, "Key": key})
    deployed = mean.do("deploy,invoke", "--model-data", f"s3://{bucket}/cities/")
    assert deployed.outputs["predictions"][0]["answer"] == {"predictions": [3.0]}
    assert [ask(mean, f"{city}.tar.gz") for city in ("paris", "berlin", "paris")] == [[4.5], [3.0], [4.5]]

    runtime = mean.client("sagemaker-runtime")
    unknown = refusal(runtime.invoke_endpoint, EndpointName=mean.name, Body=b"", TargetModel="rome.tar.gz")
    assert unknown[0] == "ValidationError"
    assert f"Failed to download model data(bucket: {bucket}, key: cities/rome.tar.gz)." in unknown[1]
    nameless = refusal(runtime.invoke_endpoint, EndpointName=mean.name, Body=b"")
    assert nameless[0] == "ValidationError"
    assert nameless[1].endswith("is missing a target model header.")

    s3.put_object(Bucket=bucket, Key="cities/oslo.tar.gz", Body=b"no archive")
    assert "not" in refusal(runtime.invoke_endpoint, EndpointName=mean.name, Body=b"", TargetModel="oslo.tar.gz")[1]
    s3.copy_object(Bucket=bucket, Key="cities/oslo.tar.gz", CopySource={"Bucket": bucket, "Key": keys["paris"]})
    assert ask(mean, "oslo.tar.gz") == [4.5], "a model that comes later needs no deployment"

    refused = mean.fail("invoke", "--set", "invoke.requests=[{file: requests/one.json, target_model: rome}]", code=3)
    assert "key: cities/rome)" in refused.document["error"]["message"]
    assert "target_model" in refused.document["error"]["remedy"]


def test_what_is_no_prefix_of_archives_is_refused(mean: Consumer) -> None:
    serve_many(mean)
    mean.do("provision")
    refused = mean.fail("deploy", "--model-data", "s3://nowhere/model.tar.gz", code=2)
    assert "--model-data takes s3://bucket/prefix/" in refused.document["error"]["message"]
    mean.fail("deploy", "--model-data", "s3://nowhere/models/", code=2)
