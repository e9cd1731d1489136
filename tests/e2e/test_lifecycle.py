"""The whole lifecycle, and what a second, a changed, a rolled back and a deleted one do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.consumer import Consumer


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def mutating(consumer: Consumer, since: int) -> list[str]:
    return [f"{call.service} {call.operation}" for call in consumer.calls()[since:] if call.mutating]


def endpoints(consumer: Consumer) -> set[str]:
    listed = consumer.client("sagemaker").list_endpoints(NameContains=consumer.name)["Endpoints"]
    return {endpoint["EndpointName"] for endpoint in listed if endpoint["EndpointName"].split("-")[0] == consumer.name}


def test_run_makes_everything_and_a_second_run_changes_nothing(mean: Consumer) -> None:
    first = mean.do("run")
    assert ("create", "endpoint") in first.changes
    assert first.outputs["metrics"] == {"error": 1.0}
    assert first.outputs["predictions"][0]["answer"] == {"predictions": [3.0]}
    since = len(mean.calls())
    second = mean.do("run")
    assert second.changes == []
    assert mutating(mean, since) == []
    assert second.outputs["metrics-in-service"] == second.outputs["metrics"], "the model itself is in service by now"
    same = {*first.outputs} - {"predictions"}
    assert {key: second.outputs[key] for key in same} == {key: first.outputs[key] for key in same}


def test_each_change_redoes_only_what_follows_from_it(mean: Consumer) -> None:
    mean.do("run")
    changed = mean.do("run", "--set", "train.hyperparameters.shift=0.5", "--set", "invoke.requests=[requests/one.json]")
    kinds = {kind for _, kind in changed.changes}
    assert kinds == {"training job", "evaluation job", "model", "endpoint configuration", "endpoint"}
    mean.do("run")
    edit(mean.folder / "requests" / "one.json", "[1]", "[7]")
    assert mean.do("run").changes == []
    edit(mean.folder / "meanpkg" / "model.py", "Predicts the mean", "Tells the mean")
    assert mean.do("build").changes == [("create", "image"), ("create", "image")]
    edit(mean.folder / "data" / "train" / "values.csv", "6", "9")
    assert mean.do("build").changes == []
    assert mean.do("train").changes == [("create", "channel data"), ("create", "training job")]


def test_plan_shows_an_empty_a_deployed_and_a_drifted_account_without_a_write(mean: Consumer) -> None:
    begin = len(mean.calls())
    everything = mean.do("plan").changes
    assert {action for action, _ in everything} == {"create"}
    assert {"bucket", "repository", "role", "image", "training job", "endpoint"} <= {kind for _, kind in everything}
    assert mutating(mean, begin) == []
    mean.do("run")
    since = len(mean.calls())
    assert mean.do("plan").changes == []
    bucket = f"shapemaker-{mean.name}-000000000000-eu-west-1"
    mean.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    mean.client("sagemaker").delete_endpoint(EndpointName=mean.name)
    mean.client("sagemaker").get_waiter("endpoint_deleted").wait(EndpointName=mean.name, WaiterConfig={"Delay": 1})
    since = len(mean.calls())
    drifted = mean.do("plan").document["changes"]
    assert mutating(mean, since) == []
    assert [(change["action"], change["kind"]) for change in drifted] == [("update", "bucket"), ("create", "endpoint")]
    assert drifted[0]["differences"] == [{"field": "versioning", "before": "Suspended", "after": "Enabled"}]
    mean.do("run")
    assert mean.do("plan").changes == []


def test_a_deploy_can_be_rolled_back_and_forth(mean: Consumer) -> None:
    one = mean.do("run").outputs["endpoint-config"]
    two = mean.do("run", "--set", "train.hyperparameters.shift=0.1", "--set", "invoke.requests=[requests/one.json]")
    assert two.outputs["endpoint-config"] != one
    assert mean.do("rollback").outputs["endpoint-config"] == one
    assert mean.do("invoke").outputs["predictions"][0]["answer"] == {"predictions": [3.0]}
    assert mean.do("rollback").outputs["endpoint-config"] == two.outputs["endpoint-config"]
    facts = mean.do("status").outputs
    assert facts["endpoint-config"] == two.outputs["endpoint-config"]
    assert facts["endpoint-previous"] == one
    assert facts["endpoint-training-job"] == two.outputs["training-job"]
    assert "@sha256:" in facts["endpoint-image"]


def test_the_first_generation_has_nothing_to_go_back_to(mean: Consumer) -> None:
    mean.fail("rollback", code=2)
    mean.do("run")
    refused = mean.fail("rollback", code=2)
    assert "first generation" in refused.document["error"]["message"]


def test_delete_removes_what_serves_and_everything_removes_the_rest(mean: Consumer) -> None:
    mean.do("run")
    removed = {kind for _, kind in mean.do("delete").changes}
    assert removed == {"endpoint", "endpoint configuration", "model"}
    assert mean.do("delete").changes == []
    rest = {kind for _, kind in mean.do("delete", "--everything").changes}
    assert rest == {"training job", "evaluation job", "bucket", "repository", "role"}
    assert not [b for b in mean.client("s3").list_buckets()["Buckets"] if f"-{mean.name}-" in b["Name"]]
    again = mean.do("run")
    assert ("create", "endpoint") in again.changes


def test_what_is_not_owned_is_refused(mean: Consumer) -> None:
    mean.do("run")
    arn = mean.client("sagemaker").describe_endpoint(EndpointName=mean.name)["EndpointArn"]
    mean.client("sagemaker").add_tags(ResourceArn=arn, Tags=[{"Key": "shapemaker:project", "Value": "other"}])
    for stage in ("plan", "deploy", "delete"):
        refused = mean.fail(stage, code=10)
        assert "belongs to the project 'other'" in refused.document["error"]["message"]


def test_an_experimental_job_is_never_deployed_by_itself(mean: Consumer) -> None:
    mean.do("provision,build")
    experiment = mean.do("train", "--experimental").outputs
    assert "/experimental/" in experiment["model-data"]
    mean.fail("deploy", code=3)
    named = mean.do("deploy", "--training-job", experiment["training-job"], "--force")
    assert named.outputs["training-job"] == experiment["training-job"]


def test_deploy_takes_a_named_artifact_a_named_job_or_the_newest_good_one(mean: Consumer) -> None:
    first = mean.do("run").outputs
    second = mean.do("run", "--set", "train.hyperparameters.shift=0.2", "--set", "invoke.requests=[]").outputs
    assert mean.do("deploy", "--model-data", first["model-data"]).outputs["model-data"] == first["model-data"]
    assert mean.do("deploy", "--training-job", second["training-job"]).outputs["training-job"] == second["training-job"]
    untrained = mean.do("deploy", "--set", "train.hyperparameters.shift=9")
    assert untrained.outputs["training-job"] == second["training-job"]
    mean.fail("deploy", "--model-data", "s3://nowhere/model.tar.gz", code=2)
    mean.fail("deploy", "--model-data", "https://x/model.tar.gz", code=2)


def test_a_bad_model_is_refused_by_the_gate_and_what_serves_stays(mean: Consumer) -> None:
    good = mean.do("run").outputs
    refused = mean.fail("run", "--set", "train.hyperparameters.shift=3.9", code=3)
    assert "in service: 1" in refused.document["error"]["message"]
    assert refused.outputs["gate"] == "refused"
    assert refused.outputs["metrics-in-service"] == good["metrics"]
    assert [verdict["passed"] for verdict in refused.outputs["verdicts"]] == [True, False]
    since = len(mean.calls())
    foreseen = mean.do("plan", "--set", "train.hyperparameters.shift=3.9").outputs
    assert mutating(mean, since) == []
    known = ("gate", "metrics", "metrics-in-service", "verdicts")
    assert {name: foreseen[name] for name in known} == {name: refused.outputs[name] for name in known}
    assert mean.do("status").outputs["endpoint-config"] == good["endpoint-config"]
    mean.fail("run", "--set", "evaluate.thresholds.accuracy={min: 0.5}", code=3)


def test_started_without_waiting_then_attached_to(mean: Consumer) -> None:
    mean.do("provision,build")
    started = mean.do("train", "--no-wait").outputs["training-job"]
    attached = mean.do("train")
    assert attached.outputs["training-job"] == started
    jobs = mean.client("sagemaker").list_training_jobs(NameContains=f"{mean.name}-")["TrainingJobSummaries"]
    assert [job["TrainingJobName"] for job in jobs] == [started]


def test_a_fingerprint_lets_only_the_approved_plan_through(mean: Consumer) -> None:
    fingerprint = mean.do("plan").outputs["fingerprint"]
    mean.do("plan", "--fingerprint", fingerprint)
    for stage in ("plan", "run"):
        changed = mean.fail(stage, "--fingerprint", fingerprint, "--set", "train.max_runtime=60", code=10)
        assert "changed since it was approved" in changed.document["error"]["message"]
    assert mean.do("run", "--fingerprint", fingerprint).changes


def test_the_text_output_says_what_was_made_and_what_to_try_next(mean: Consumer) -> None:
    done = mean.run("run", "--target", "local")
    assert done.code == 0, done
    for words in ("Stages", "Images", "Quality gate", "Predictions", "requests/one.json", "Next: "):
        assert words in done.stdout
    assert "mean=3.0" in done.stderr


def test_two_environments_live_beside_each_other(mean: Consumer) -> None:
    with (mean.folder / "shapemaker.yml").open("a") as file:
        file.write("environments:\n  production: {deploy: {instance_count: 2}}\n")
    mean.do("run")
    made = mean.do("run", "--environment", "production")
    assert ("create", "image") not in made.changes
    assert endpoints(mean) == {mean.name, f"{mean.name}-production"}
    mean.do("delete", "--environment", "production")
    assert endpoints(mean) == {mean.name}


@pytest.mark.parametrize(
    ("api", "field"),
    [("CreateTrainingJob: {EnableNetworkIsolation: true}", "EnableNetworkIsolation")],
)
def test_a_field_of_the_request_arrives(mean: Consumer, api: str, field: str) -> None:
    mean.do("provision,build")
    job = mean.do("train", "--set", f"train.api={{{api}}}").outputs["training-job"]
    described: dict[str, Any] = mean.client("sagemaker").describe_training_job(TrainingJobName=job)
    assert described[field] is True
    assert json.dumps(described["HyperParameters"]) == '{"shift": "0.0"}'


def test_an_ejected_runtime_is_what_runs(mean: Consumer) -> None:
    assert mean.run("init", "--eject", "runtime").code == 0
    edit(mean.folder / "shapemaker.yml", 'requirements: ""', 'requirements: "", templates: docker')
    same = mean.do("run").outputs
    main = mean.folder / "docker" / "runtime" / "shapemaker_runtime" / "__main__.py"
    main.write_text(main.read_text() + "# our own\n")
    own = mean.do("build").outputs
    assert own["training-image-tag"] != same["training-image-tag"]
    assert own["image-tag"] != same["image-tag"]
