"""The workflows that users copy, from a new repository to a preview's end, by the runner in miniature."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.consumer import MEAN, write
from tests.support.github_api import serving_api
from tests.support.github_runner import Event, Oidc, Runner
from tests.support.local_service import serving
from tests.support.oidc_issuer import Issuer, issuing
from tests.support.sts import Account, account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.github_api import Api
    from tests.support.github_runner import Run

pytestmark = pytest.mark.needs("node", "npm")
ROOT = Path(__file__).parents[2]
ROLES = {
    f"SHAPEMAKER_{name}_ROLE": f"arn:aws:iam::000000000000:role/{name.lower()}"
    for name in ("BUILD", "TRAIN", "DEPLOY", "OPERATOR", "PREVIEW")
}
ENVIRONMENTS = "environments: {production: {}}\n"
EVERYTHING = ["validate", "provision", "build", "train", "evaluate", "deploy", "invoke"]


def consumer(folder: Path, *roots: str) -> Path:
    """A git repository with all workflows, and a model in each of the folders."""
    for root in roots:
        name = Path(root or "mean").name
        files = {**MEAN, "shapemaker.yml": MEAN["shapemaker.yml"].replace("NAME", name) + ENVIRONMENTS}
        write(folder / root, files)
    workflows = folder / ".github" / "workflows"
    workflows.mkdir(parents=True)
    for path in ROOT.glob("templates/workflows/**/*.yml"):
        shutil.copy(path, workflows)
    commit(folder, "init", "--quiet", "--initial-branch=main")
    return folder


def commit(folder: Path, *first: str) -> str:
    """Everything in the folder as a commit; its name."""
    author = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com")
    commit_all = (("add", "--all"), ("commit", "--quiet", "--allow-empty", "--message=More"))
    for command in (first, *commit_all, ("rev-parse", "HEAD")):
        if command:
            done = subprocess.run(["git", "-C", folder, *author, *command], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def stages(run: Run, job: str) -> list[str]:
    """The stages that the action has run in a job."""
    results = [step.outputs["result"] for step in run.job(job).steps if "result" in step.outputs]
    return [stage["stage"] for result in results for stage in json.loads(result)["stages"]]


def changes(run: Run, job: str) -> list[int]:
    """How many changes each step of the action has made in a job."""
    return [int(step.outputs["changes"]) for step in run.job(job).steps if "changes" in step.outputs]


def deployed(run: Run, job: str) -> tuple[str, bool]:
    """Which deployment environment a job was in, and whether that shows an endpoint."""
    found = run.job(job).deployment
    return (found.environment, "/endpoints/" in found.url) if found else ("", False)


def labelled(name: str, action: str) -> Event:
    """The recorded event about a pull request with the label `preview`."""
    event = Event.recorded(name)
    payload: dict[str, Any] = json.loads(json.dumps(event.event))
    payload["action"] = action
    payload["pull_request"]["labels"] = [{"name": "preview"}]
    return replace(event, event=payload)


@pytest.mark.parametrize(
    ("name", "event", "expected"),
    [
        ("pull-request", "pull_request", ["success"]),
        ("pull-request", "pull_request_fork", ["success"]),
        ("pull-request", "merge_group", ["success"]),
        ("main", "push", ["success", "skipped", "skipped"]),
        ("stage", "workflow_dispatch", ["success"]),
        ("retrain", "schedule", ["skipped", "skipped"]),
        ("preview", "pull_request", ["skipped"]),
        ("cleanup", "pull_request_closed", ["skipped"]),
        ("five-lines", "pull_request_dependabot", ["success", "success"]),
        ("five-lines", "push", ["success", "success"]),
    ],
)
def test_without_an_account_everything_works_or_rests(
    tmp_path: Path, name: str, event: str, expected: list[str]
) -> None:
    inputs = {"stage": "run", "environment": "production"} if name == "stage" else {}
    with Runner(
        repository=consumer(tmp_path / "mean", ""),
        work=tmp_path / "work",
        event=Event.recorded(event),
        inputs=inputs,
        environ={"SHAPEMAKER_ENGINE": "process"},
    ) as runner:
        run = runner.run(f".github/workflows/{name}.yml")
        assert (run.conclusion, run.errors) == ("success", []), run
        assert [job.result for job in run.jobs] == expected, run
        for job in run.jobs:
            assert job.result == "skipped" or job.uses or stages(run, job.name) == EVERYTHING, run


class Company:
    """A repository whose workflows work on an account, by its roles alone."""

    def __init__(self, folder: Path, cloud: Account, issuer: Issuer, api: Api) -> None:
        self.folder, self.cloud, self.issuer, self.api = folder, cloud, issuer, api
        self.repository = consumer(folder / "mean", "")
        self.count = 0

    def run(self, name: str, event: Event, **inputs: str) -> Run:
        """It must end well."""
        self.count += 1
        with Runner(
            repository=self.repository,
            work=self.folder / f"work{self.count}",
            event=event,
            inputs=inputs,
            variables=ROLES,
            environ={"SHAPEMAKER_ENGINE": "process", "AWS_ENDPOINT_URL": self.cloud.url},
            api=self.api.url,
            oidc=Oidc(url=self.issuer.url, token=self.issuer.token),
        ) as runner:
            done = runner.run(f".github/workflows/{name}.yml")
        assert (done.conclusion, done.errors) == ("success", []), done
        return done

    def trusted(self, name: str) -> bool:
        """Whether the newest token is one that the trust policy of this name accepts."""
        policy = json.loads((ROOT / "templates" / "iam" / f"{name}-trust.json").read_text())
        _, repository, who = str(self.issuer.claims[-1]["sub"]).split(":", 2)
        wanted = policy["Statement"][0]["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"]
        return bool(repository) and who in {each.split(":", 2)[2] for each in wanted}


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with (
        serving(tmp_path / "account", engine="process") as service,
        account(service) as cloud,
        issuing() as issuer,
        serving_api() as api,
    ):
        yield Company(tmp_path, cloud, issuer, api)


def test_with_roles_the_workflows_take_a_model_from_nothing_to_production_and_a_preview_to_its_end(
    company: Company,
) -> None:
    dispatch, push = Event.recorded("workflow_dispatch"), Event.recorded("push")

    done = company.run("stage", dispatch, stage="provision", environment="production")
    assert stages(done, "stage") == ["provision"]
    assert company.trusted("deploy")

    done = company.run("pull-request", Event.recorded("pull_request"))
    assert stages(done, "model") == ["validate", "plan", "build"]
    assert company.trusted("build")

    (company.repository / "data" / "train" / "second.csv").write_text("3\n")
    commit(company.repository)
    company.run("pull-request", Event.recorded("pull_request"))
    assert [each.method for each in company.api.writes] == ["POST", "PATCH"], "one comment, kept up to date"
    assert [len(comments) for comments in company.api.comments.values()] == [1]

    done = company.run("main", push)
    assert [job.result for job in done.jobs] == ["skipped", "success", "success"]
    assert stages(done, "train") + stages(done, "deploy") == EVERYTHING
    assert deployed(done, "deploy") == ("production", True)
    assert company.trusted("deploy")

    done = company.run("retrain", Event.recorded("schedule"))
    assert changes(done, "train") == changes(done, "deploy") == [0]
    assert stages(done, "deploy") == ["deploy", "invoke"], "an earlier deployment may have failed"

    (company.repository / "data" / "train" / "more.csv").write_text("3\n")
    commit(company.repository)
    done = company.run("retrain", dispatch)
    assert stages(done, "deploy") == ["deploy", "invoke"]

    done = company.run("preview", labelled("pull_request", "synchronize"))
    assert deployed(done, "preview") == ("preview", True)
    assert company.trusted("preview")

    done = company.run("cleanup", labelled("pull_request_closed", "closed"))
    assert stages(done, "delete") == ["delete"]
    asked = [word.partition(":")[2] for word in company.cloud.asked]
    assert asked.count("DeleteEndpoint") == 1

    done = company.run("stage", dispatch, stage="status", environment="production")
    assert "mean-production" in done.log
    assert not company.cloud.expired


def test_of_many_models_those_that_changed_are_run(tmp_path: Path) -> None:
    repository = consumer(tmp_path / "models-of-mine", "models/first", "models/second")
    before = commit(repository)
    (repository / "models" / "second" / "data" / "train" / "more.csv").write_text("3\n")
    event = Event.recorded("pull_request").between(before, commit(repository))
    with Runner(
        repository=repository, work=tmp_path / "work", event=event, environ={"SHAPEMAKER_ENGINE": "process"}
    ) as runner:
        run = runner.run(".github/workflows/monorepo.yml")
        assert (run.conclusion, run.errors) == ("success", []), run
        assert [job.result for job in run.jobs] == ["success"] * len(run.jobs)
        assert [job.name for job in run.jobs if job.uses] == ["models/second"]
